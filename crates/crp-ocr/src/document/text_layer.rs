//! A page's words as an invisible layer of text: drawn where they stand, seen by nobody, found by search and selection.

use std::fmt::Write;

use crp_model::{PageLayout, is_blank_between};
use hayro::kurbo::{Affine, Point, Vec2};

use super::{
    glyphless::{ADVANCE, CharacterCodes},
    script::{is_right_to_left, visual_order},
    text_frame::{Frame, FramedLine, framed_lines, up_from},
};

/// Sine of the steepest slope whose words are set level, one step after the other: 5 degrees.
const MOST_STEPPED_SLOPE: f64 = 0.0872;

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
    for line in framed_lines(layout) {
        write_line(&mut out, &line, style, codes);
    }
    out.push_str("Q\n");
    out.into_bytes()
}

/// A word in a line's coordinates.
struct Run {
    text: String,
    start: f64,
    end: f64,
    /// Whether a blank parts it from the run before it.
    is_parted: bool,
}

/// The line's words from left to right. Words of scripts without blanks reach to the next one, so that readers see none.
fn runs(line: &FramedLine<'_>) -> Vec<Run> {
    let mut words: Vec<_> = line.words.iter().map(|word| (word, line.frame.extent(word))).collect();
    if line.words.iter().any(|word| is_right_to_left(&word.text)) {
        // Readers expect right-to-left text as it stands on paper, from left to right, and turn it themselves.
        words.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    }
    let mut runs: Vec<Run> = Vec::with_capacity(words.len());
    let mut before = None;
    for (word, (start, end)) in words {
        let text: String = visual_order(&word.text).chars().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            continue;
        }
        let is_parted = before.is_none_or(|before| is_blank_between(before, word));
        before = Some(word);
        if let Some(last) = runs.last_mut().filter(|last| !is_parted && start > last.start) {
            last.end = start;
        }
        runs.push(Run { text, start, end, is_parted });
    }
    runs
}

/// The text matrix for a word that begins at `place` along the baseline.
fn matrix(frame: &Frame, place: f64, style: &LayerStyle<'_>) -> Affine {
    placed(frame.origin + frame.along * place, frame.along, style)
}

/// The text matrix for a word from `start` to `end` along a baseline that slopes a little: the word itself is level, at the height
/// of its middle.
fn level_matrix(frame: &Frame, level: Vec2, (start, end): (f64, f64), style: &LayerStyle<'_>) -> Affine {
    let middle = frame.origin + frame.along * f64::midpoint(start, end);
    placed(middle - level * ((end - start) / 2.0), level, style)
}

fn placed(start: Point, along: Vec2, style: &LayerStyle<'_>) -> Affine {
    let up = up_from(along);
    style.from_display * Affine::new([along.x, along.y, up.x, up.y, start.x, start.y])
}

/// The level direction next to that of a line which slopes a little; `None` for one that is level already, or slopes more.
///
/// pdf.js begins a new line wherever the width of letters changes in text that is not level, which is at every word.
fn nearly_level(along: Vec2) -> Option<Vec2> {
    let level = if along.x.abs() >= along.y.abs() { Vec2::new(along.x.signum(), 0.0) } else { Vec2::new(0.0, along.y.signum()) };
    let slope = along.cross(level).abs();
    (slope > 0.0 && slope <= MOST_STEPPED_SLOPE).then_some(level)
}

fn write_line(out: &mut String, line: &FramedLine<'_>, style: &LayerStyle<'_>, codes: &mut CharacterCodes) {
    let size = (line.frame.font_size * 100.0).round() / 100.0;
    let em = size * f64::from(ADVANCE) / 1000.0;
    let level = nearly_level(line.frame.along);
    let mut pen: Option<f64> = None;
    let _ = write!(out, "BT 3 Tr /{} {size} Tf", style.font);
    for run in &runs(line) {
        // A blank fills the gap, so that the next word mostly stands right without moving the pen.
        let gap = pen.filter(|_| run.is_parted).map(|pen| run.start - pen);
        if let Some(gap) = gap {
            show(out, " ", gap.max(0.02 * em), em, codes);
        }
        let stands_right = match (gap, pen) {
            (Some(gap), _) => gap > 0.02 * em,
            (None, Some(pen)) => (run.start - pen).abs() < 0.02 * em,
            (None, None) => false,
        };
        if let Some(level) = level {
            move_to(out, level_matrix(&line.frame, level, (run.start, run.end), style));
        } else if !stands_right {
            move_to(out, matrix(&line.frame, run.start, style));
        }
        show(out, &run.text, run.end - run.start, em, codes);
        pen = Some(run.end.max(run.start));
    }
    out.push_str("\nET\n");
}

fn move_to(out: &mut String, matrix: Affine) {
    let [a, b, c, d, e, f] = matrix.as_coeffs();
    let _ = write!(out, "\n{} {} {} {} {} {} Tm", fine(a), fine(b), fine(c), fine(d), coarse(e), coarse(f));
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
    use crp_model::{BoundingBox, Line, PageNo, TextSource, Word};

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
        assert_eq!(
            text,
            "q\nBT 3 Tr /F 11.11 Tf\n1 0 0 1 10 100 Tm\n90.009 Tz <00610062> Tj\n90.009 Tz <0020> Tj\n90.009 Tz <0063> Tj\nET\nQ\n"
        );
    }

    #[test]
    fn the_words_of_a_line_that_slopes_a_little_are_level_steps() {
        let layout = page(&[("ab", 10.0, 20.0), ("c", 110.0, 130.0)], [10.0, 100.0, 130.0, 101.2]);
        let text = text(&layout);
        let lines: Vec<&str> = text.lines().filter(|line| line.ends_with("Tm")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines.iter().all(|line| line.starts_with("1 0 0 1 ")), "{text}");
        assert!(lines[0].contains(" 99.95 Tm") && lines[1].contains(" 98.9 Tm"), "{text}");
        let steep = self::text(&page(&[("ab", 10.0, 20.0), ("c", 110.0, 130.0)], [10.0, 100.0, 130.0, 114.0]));
        assert_eq!(steep.matches("Tm").count(), 1, "{steep}");
    }

    #[test]
    fn overlapping_words_are_placed_anew_and_no_number_is_out_of_range() {
        let text = text(&page(&[("ab", 10.0, 20.0), ("c", 19.0, 19.0)], [f32::NAN, 0.0, 0.0, 0.0]));
        assert_eq!(text.matches("Tm").count(), 2);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn no_blank_parts_the_characters_of_a_script_that_knows_none() {
        let text = text(&page(&[("漢", 10.0, 19.0), ("字", 20.0, 29.0), ("abc", 32.0, 45.0)], [10.0, 100.0, 45.0, 100.0]));
        assert_eq!((text.matches("<0020>").count(), text.matches("Tm").count()), (1, 1), "{text}");
    }

    #[test]
    fn control_characters_never_reach_the_content_stream() {
        let text = text(&page(&[("a\u{0}\nb", 10.0, 20.0)], [10.0, 100.0, 30.0, 100.0]));
        assert!(text.contains("<00610062>"), "{text}");
    }
}
