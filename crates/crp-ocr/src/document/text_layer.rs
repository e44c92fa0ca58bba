//! A page's words as an invisible layer of text: drawn where they stand, seen by nobody, found by search and selection.

use std::fmt::Write;

use crp_model::{PageLayout, is_blank_between};
use hayro::kurbo::Affine;

use super::{
    glyphless::{ADVANCE, CharacterCodes},
    script::{is_right_to_left, visual_order},
    text_frame::{Frame, FramedLine, framed_lines},
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
    let (start, up) = (frame.origin + frame.along * place, frame.up());
    style.from_display * Affine::new([frame.along.x, frame.along.y, up.x, up.y, start.x, start.y])
}

fn write_line(out: &mut String, line: &FramedLine<'_>, style: &LayerStyle<'_>, codes: &mut CharacterCodes) {
    let size = (line.frame.font_size * 100.0).round() / 100.0;
    let em = size * f64::from(ADVANCE) / 1000.0;
    let mut pen: Option<f64> = None;
    let _ = write!(out, "BT 3 Tr /{} {size} Tf", style.font);
    for run in &runs(line) {
        match pen {
            Some(pen) if !run.is_parted && (run.start - pen).abs() < 0.02 * em => {}
            // The blank fills the gap, so that the next word stands right without moving the pen.
            Some(pen) if run.is_parted && run.start - pen > 0.02 * em => show(out, " ", run.start - pen, em, codes),
            before => {
                if before.is_some() && run.is_parted {
                    show(out, " ", 0.02 * em, em, codes);
                }
                let [a, b, c, d, e, f] = matrix(&line.frame, run.start, style).as_coeffs();
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
