//! What the parent checks in a child's answers: a child that read a hostile document may say anything.

use crp_model::{Limits, PageLayout, PageNo, TextSource, Warning};

use crate::{
    Inspection, PageInfo,
    engine::{MAX_WORD_BYTES, MAX_WORDS},
};

/// Warnings that are passed on from one answer.
const MAX_WARNINGS: usize = 1000;
/// Characters of a text that is passed on.
const MAX_TEXT_CHARACTERS: usize = 2000;
/// Below this resolution nothing is recognised, unless the page is so large that its picture had to be scaled down.
const LOWEST_DOTS_PER_INCH: f32 = 20.0;
/// A picture this large may be of any resolution.
const LARGE_PICTURE_PIXELS: f32 = 1e6;
/// The longest side that a picture of a very long page may have, about.
const LONG_SIDE_PIXELS: f32 = 8000.0;

/// Whether an inspection can be true.
pub(super) fn inspection(inspection: &Inspection, limits: &Limits) -> Result<(), String> {
    if inspection.pages.is_empty() || inspection.pages.len() > limits.max_pages as usize {
        return Err(format!("the document has {} pages", inspection.pages.len()));
    }
    match inspection.pages.iter().position(|p| !is_size(p.width_points, p.height_points) || !is_rotation(p.rotation)) {
        Some(at) => Err(format!("page {} has an impossible size or rotation", at + 1)),
        None => Ok(()),
    }
}

/// Whether the layout of `page` can be true; `info` is what the same child said about the page before, if it did.
pub(super) fn layout(layout: &PageLayout, page: PageNo, info: Option<&PageInfo>, limits: &Limits) -> Result<(), String> {
    if layout.page != page {
        return Err(format!("page {page} was asked for, page {} was answered", layout.page));
    }
    layout.check()?;
    if !is_rotation(layout.rotation) {
        return Err(format!("page {page} has a rotation of {} degrees", layout.rotation));
    }
    if let Some(info) = info
        && !(is_near(info.width_points, layout.width) && is_near(info.height_points, layout.height))
    {
        return Err(format!("page {page} has changed its size"));
    }
    match (layout.source, layout.pixels) {
        (TextSource::Ocr, Some(pixels)) => {
            self::pixels(pixels, layout, limits)?;
            words_on_the_page(layout)?;
            words_of_characters(layout)
        }
        (TextSource::Ocr, None) => Err(format!("page {page} was recognised without a picture")),
        (TextSource::None, _) if !layout.words.is_empty() => Err(format!("page {page} has words from nowhere")),
        _ => Ok(()),
    }
}

/// Whether the picture is one of this page: not larger than allowed, of its shape, and of a resolution that can be read.
fn pixels([width, height]: [u32; 2], layout: &PageLayout, limits: &Limits) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("page {} was read at {width} × {height} pixels, {what}", layout.page));
    // Rounding both sides up may pass the limit by a row and a column.
    let most = limits.max_page_pixels().saturating_add(u64::from(width)).saturating_add(u64::from(height));
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > most {
        return wrong("which no page is");
    }
    let (columns, rows) = (width as f32, height as f32);
    let (horizontal, vertical) = (columns * 72.0 / layout.width, rows * 72.0 / layout.height);
    // The sides are rounded to whole pixels, which matters for very thin pages.
    let slack = 1.03 + 1.5 / columns.min(rows);
    if horizontal > vertical * slack || vertical > horizontal * slack {
        return wrong("which is not its shape");
    }
    let scaled_down = columns * rows >= LARGE_PICTURE_PIXELS || columns.max(rows) >= LONG_SIDE_PIXELS;
    if horizontal.max(vertical) < LOWEST_DOTS_PER_INCH && !scaled_down {
        return wrong("too few to read anything");
    }
    Ok(())
}

fn words_on_the_page(layout: &PageLayout) -> Result<(), String> {
    let inside = |b: crp_model::BoundingBox| b.x0 >= -1.0 && b.y0 >= -1.0 && b.x1 <= layout.width + 1.0 && b.y1 <= layout.height + 1.0;
    match layout.words.iter().find(|w| !inside(w.bounds)) {
        Some(word) => Err(format!("a word of page {} stands beside it, at {:?}", layout.page, word.bounds)),
        None => Ok(()),
    }
}

/// Whether the words of an engine are words: what the page itself carries may be odd, what was recognised may not.
fn words_of_characters(layout: &PageLayout) -> Result<(), String> {
    let is_word = |text: &str| !text.trim().is_empty() && text.len() <= MAX_WORD_BYTES && !text.chars().any(char::is_control);
    if layout.words.len() > MAX_WORDS || !layout.words.iter().all(|word| is_word(&word.text)) {
        return Err(format!("page {} has words that are none", layout.page));
    }
    Ok(())
}

/// Warnings fit to be shown: not too many, not too long, no control characters.
pub(super) fn warnings(mut warnings: Vec<Warning>) -> Vec<Warning> {
    warnings.truncate(MAX_WARNINGS);
    warnings.iter_mut().for_each(|w| w.message = text(&w.message));
    warnings
}

/// A text fit to be shown.
pub(super) fn text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT_CHARACTERS).collect()
}

/// A number of seconds that can be true of something that took `at_most` seconds on our clock.
pub(super) fn seconds(seconds: f64, at_most: f64) -> f64 {
    if seconds.is_finite() { seconds.clamp(0.0, at_most) } else { at_most }
}

fn is_size(width: f32, height: f32) -> bool {
    width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0
}

fn is_rotation(rotation: u16) -> bool {
    matches!(rotation, 0 | 90 | 180 | 270)
}

fn is_near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 0.5 + a.abs().max(b.abs()) * 0.001
}

#[cfg(test)]
mod tests {
    use crp_model::{BoundingBox, Line, Word};

    use super::*;

    fn page(pixels: Option<[u32; 2]>) -> PageLayout {
        let bounds = BoundingBox { x0: 72.0, y0: 72.0, x1: 120.0, y1: 90.0 };
        PageLayout {
            page: PageNo::from_index(0),
            width: 612.0,
            height: 792.0,
            rotation: 0,
            pixels,
            source: TextSource::Ocr,
            words: vec![Word { text: "word".to_owned(), confidence: 0.9, bounds }],
            lines: vec![Line { first_word: 0, word_count: 1, block: 0, paragraph: 0, bounds, baseline: [72.0, 90.0, 120.0, 90.0] }],
        }
    }

    fn verdict(layout: &PageLayout) -> Result<(), String> {
        super::layout(layout, PageNo::from_index(0), None, &Limits::default())
    }

    #[test]
    fn honest_pages_pass() {
        verdict(&page(Some([2550, 3300]))).unwrap();
        let mut thin = page(Some([3, 1300]));
        (thin.width, thin.height) = (0.75, 312.0);
        thin.words.clear();
        thin.lines.clear();
        verdict(&thin).unwrap();
        let mut huge = page(Some([7745, 7745]));
        (huge.width, huge.height) = (5_669_291.0, 5_669_291.0);
        verdict(&huge).unwrap();
        let mut tiny = page(Some([4, 4]));
        (tiny.width, tiny.height) = (1.0, 1.0);
        tiny.words.clear();
        tiny.lines.clear();
        verdict(&tiny).unwrap();
    }

    #[test]
    fn lies_are_caught() {
        for (pixels, word) in [
            (None, "without a picture"),
            (Some([1, 1]), "too few"),
            (Some([0, 3300]), "no page"),
            (Some([3300, 2550]), "not its shape"),
            (Some([25500, 33000]), "no page"),
        ] {
            let verdict = verdict(&page(pixels)).unwrap_err();
            assert!(verdict.contains(word), "{verdict}");
        }
        let mut outside = page(Some([2550, 3300]));
        outside.words[0].bounds.x1 = 700.0;
        assert!(verdict(&outside).unwrap_err().contains("beside it"));
        let mut turned = page(Some([2550, 3300]));
        turned.rotation = 45;
        assert!(verdict(&turned).is_err());
        let other = super::layout(&page(Some([2550, 3300])), PageNo::from_index(4), None, &Limits::default());
        assert!(other.unwrap_err().contains("page 5 was asked for"));
        let info = PageInfo { width_points: 300.0, height_points: 792.0, rotation: 0, has_text: false };
        let shrunk = super::layout(&page(Some([2550, 3300])), PageNo::from_index(0), Some(&info), &Limits::default());
        assert!(shrunk.unwrap_err().contains("changed its size"));
    }

    #[test]
    fn times_and_texts_are_cut_to_what_can_be_true() {
        assert_eq!(seconds(f64::NAN, 2.0), 2.0);
        assert_eq!(seconds(-1.0, 2.0), 0.0);
        assert_eq!(seconds(1e9, 2.0), 2.0);
        assert_eq!(text("a\x1b[31m\nb"), "a[31mb");
    }
}
