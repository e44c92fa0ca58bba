//! A page's words as an invisible layer of text: drawn where they stand, seen by nobody, found by search and selection.

use std::fmt::Write;

use crp_model::{Line, PageLayout, Word};
use hayro::kurbo::{Affine, Point, Vec2};

use super::{
    glyphless::{ADVANCE, CharacterCodes},
    script::{is_right_to_left, visual_order},
};

/// How a text layer is written.
pub(crate) struct LayerStyle<'a> {
    /// The name of the glyphless font among the page's resources.
    pub(crate) font: &'a str,
    /// From displayed points to the page's own coordinates.
    pub(crate) from_display: Affine,
}

/// The content stream with the page's words: one text object per line, blanks between words, each word as wide as its box.
pub(crate) fn content(layout: &PageLayout, style: &LayerStyle<'_>, codes: &mut CharacterCodes) -> Vec<u8> {
    let mut out = String::from("q\n");
    for line in &layout.lines {
        let words = layout.words_of(line);
        if let Some(frame) = Frame::of(line, words) {
            write_line(&mut out, words, &frame, style, codes);
        }
    }
    out.push_str("Q\n");
    out.into_bytes()
}

/// A line's own coordinates: along its baseline and up from it.
struct Frame {
    origin: Point,
    along: Vec2,
    font_size: f64,
}

/// A word in a line's coordinates.
struct Run {
    text: String,
    start: f64,
    end: f64,
}

impl Frame {
    fn of(line: &Line, words: &[Word]) -> Option<Self> {
        let [x0, y0, x1, y1] = line.baseline.map(f64::from);
        let (from, to) = (Point::new(x0, y0), Point::new(x1, y1));
        let length = (to - from).hypot();
        if length.is_finite() && length > 0.1 {
            let mut frame = Self { origin: from, along: (to - from) / length, font_size: 0.0 };
            frame.font_size = frame.size_for(words)?;
            return Some(frame);
        }
        // No usable baseline: it lies a little above the lower edge.
        let b = line.bounds;
        let height = f64::from(b.height());
        let origin = Point::new(f64::from(b.x0), f64::from(b.y1) - 0.2 * height);
        (height.is_finite() && height > 0.0 && origin.is_finite()).then_some(Self { origin, along: Vec2::new(1.0, 0.0), font_size: height })
    }

    /// One size for the line, from how far its words reach above and below the baseline: a line set in many sizes is
    /// read back as many lines.
    fn size_for(&self, words: &[Word]) -> Option<f64> {
        let mut reach: Vec<(f64, f64)> = words.iter().map(|word| self.reach(word)).collect();
        reach.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The highest tenth may be specks of dirt that were taken for letters.
        let above = reach.get((reach.len().checked_sub(1)?) * 9 / 10)?.0;
        let below = reach.iter().map(|r| r.1).fold(0.0, f64::max).min(above * 0.4);
        let size = if below > 0.1 * above { above + below } else { above * 1.25 };
        (size.is_finite() && size > 0.0).then(|| size.clamp(0.5, 10_000.0))
    }

    /// How far the word reaches above and below the baseline; a slanted word's box is higher than the word.
    fn reach(&self, word: &Word) -> (f64, f64) {
        let (width, height) = (f64::from(word.bounds.width()), f64::from(word.bounds.height()));
        let (cos, sin) = (self.along.x.abs(), self.along.y.abs());
        let tall = if cos >= sin { height * cos - width * sin } else { width * sin - height * cos };
        let half = tall.max(0.5 * width.min(height)) / 2.0;
        let centre = Point::new(f64::from(word.bounds.x0 + word.bounds.x1) / 2.0, f64::from(word.bounds.y0 + word.bounds.y1) / 2.0);
        let middle = (centre - self.origin).dot(self.up());
        if middle + half <= 0.0 { (half * 1.6, half * 0.4) } else { (middle + half, half - middle) }
    }

    /// Away from the line's foot; y points downwards.
    fn up(&self) -> Vec2 {
        Vec2::new(self.along.y, -self.along.x)
    }

    fn run(&self, word: &Word) -> Run {
        let b = word.bounds;
        let (from, to) = if self.along.x.abs() >= self.along.y.abs() {
            let place = |x: f32| (f64::from(x) - self.origin.x) / self.along.x;
            (place(b.x0), place(b.x1))
        } else {
            let place = |y: f32| (f64::from(y) - self.origin.y) / self.along.y;
            (place(b.y0), place(b.y1))
        };
        let text: String = visual_order(&word.text).chars().filter(|c| !c.is_control()).collect();
        Run { text, start: from.min(to), end: from.max(to) }
    }

    /// The text matrix for a word that begins at `place` along the baseline.
    fn matrix(&self, place: f64, style: &LayerStyle<'_>) -> Affine {
        let start = self.origin + self.along * place;
        let up = self.up();
        style.from_display * Affine::new([self.along.x, self.along.y, up.x, up.y, start.x, start.y])
    }
}

fn write_line(out: &mut String, words: &[Word], frame: &Frame, style: &LayerStyle<'_>, codes: &mut CharacterCodes) {
    let mut runs: Vec<Run> = words.iter().map(|word| frame.run(word)).filter(|run| !run.text.is_empty()).collect();
    if words.iter().any(|word| is_right_to_left(&word.text)) {
        // Readers expect right-to-left text as it stands on paper, from left to right, and turn it themselves.
        runs.sort_by(|a, b| a.start.total_cmp(&b.start));
    }
    let size = (frame.font_size * 100.0).round() / 100.0;
    let em = size * f64::from(ADVANCE) / 1000.0;
    let mut pen: Option<f64> = None;
    let _ = write!(out, "BT 3 Tr /{} {size} Tf", style.font);
    for run in &runs {
        match pen {
            // The blank fills the gap, so that the next word stands right without moving the pen.
            Some(pen) if run.start - pen > 0.02 * em => show(out, " ", run.start - pen, em, codes),
            before => {
                if before.is_some() {
                    show(out, " ", 0.02 * em, em, codes);
                }
                let [a, b, c, d, e, f] = frame.matrix(run.start, style).as_coeffs();
                let _ = write!(out, "\n{} {} {} {} {} {} Tm", fine(a), fine(b), fine(c), fine(d), coarse(e), coarse(f));
            }
        }
        show(out, &run.text, run.end - run.start, em, codes);
        pen = Some(run.end.max(run.start));
    }
    out.push_str("\nET\n");
}

/// Shows `text` stretched to `width`; every glyph is `em` wide by nature.
fn show(out: &mut String, text: &str, width: f64, em: f64, codes: &mut CharacterCodes) {
    let natural = text.chars().count() as f64 * em;
    let percent = (100.0 * width / natural).clamp(0.1, 100_000.0);
    let _ = write!(out, "\n{} Tz <", fine(percent));
    for c in text.chars() {
        let _ = write!(out, "{:04X}", codes.code(c));
    }
    out.push_str("> Tj");
}

fn fine(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

fn coarse(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use crp_model::{BoundingBox, PageNo, TextSource};

    use super::*;

    fn page(words: &[(&str, f32, f32)], baseline: [f32; 4]) -> PageLayout {
        let words: Vec<Word> = words
            .iter()
            .map(|(text, x0, x1)| Word {
                text: (*text).to_owned(),
                confidence: 0.9,
                bounds: BoundingBox { x0: *x0, y0: 92.0, x1: *x1, y1: 102.0 },
            })
            .collect();
        let line = Line {
            first_word: 0,
            word_count: words.len() as u32,
            block: 0,
            paragraph: 0,
            bounds: BoundingBox { x0: 0.0, y0: 92.0, x1: 100.0, y1: 102.0 },
            baseline,
        };
        PageLayout {
            page: PageNo::from_index(0),
            width: 200.0,
            height: 200.0,
            rotation: 0,
            pixels: None,
            source: TextSource::Ocr,
            words,
            lines: vec![line],
        }
    }

    fn text(layout: &PageLayout) -> String {
        let style = LayerStyle { font: "F", from_display: Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, 200.0]) };
        String::from_utf8(content(layout, &style, &mut CharacterCodes::default())).unwrap()
    }

    #[test]
    fn a_line_is_one_text_object_whose_blanks_fill_the_gaps() {
        let text = text(&page(&[("ab", 10.0, 20.0), ("c", 25.0, 30.0)], [10.0, 100.0, 30.0, 100.0]));
        assert_eq!(text, "q\nBT 3 Tr /F 10 Tf\n1 0 0 1 10 100 Tm\n100 Tz <00610062> Tj\n100 Tz <0020> Tj\n100 Tz <0063> Tj\nET\nQ\n");
    }

    #[test]
    fn overlapping_words_are_placed_anew_and_no_number_is_out_of_range() {
        let text = text(&page(&[("ab", 10.0, 20.0), ("c", 19.0, 19.0)], [f32::NAN, 0.0, 0.0, 0.0]));
        assert_eq!(text.matches("Tm").count(), 2);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn control_characters_never_reach_the_content_stream() {
        let text = text(&page(&[("a\u{0}\nb", 10.0, 20.0)], [10.0, 100.0, 30.0, 100.0]));
        assert!(text.contains("<00610062>"), "{text}");
    }
}
