//! Pages that were laid into the scanner the wrong way round: found by reading them both ways, not by asking.
//!
//! Measured on scans: words of a page that stands on its head are read as rubbish with a mean confidence of 0.40, those of an
//! upright one with 0.95. Pages that lie on their side are not looked for here.

use std::time::{Duration, Instant};

use crp_model::{BoundingBox, Failure, PageLayout, PageNo};

use crate::{document::RenderedPage, engine::Engine};

/// A page that is read less surely than this may stand on its head.
const DOUBTFUL: f32 = 0.6;
/// So much surer must the other way be; two readings of a bad scan differ by less.
const CLEARLY_BETTER: f32 = 0.15;
/// Fewer words are no proof: a speck may look like a letter.
const MIN_WORDS: usize = 3;
/// A page that took longer is not read twice: its limit of time is for one reading.
const MAX_FIRST_READING: Duration = Duration::from_secs(20);

/// Recognises a rendered page, turned by 180 degrees where that is clearly the right way. Boxes and baselines are those of
/// the page as displayed; a baseline that runs to the left belongs to text that stands on its head.
///
/// # Errors
/// Those of the engine.
pub(super) fn either_way(engine: &mut dyn Engine, page: PageNo, rendered: &mut RenderedPage) -> Result<PageLayout, Failure> {
    let began = Instant::now();
    let as_displayed = super::as_displayed(engine, page, rendered)?;
    if !is_doubtful(&as_displayed) || began.elapsed() > MAX_FIRST_READING {
        return Ok(as_displayed);
    }
    // Row by row from the top, so the last pixel becomes the first.
    rendered.gray.reverse();
    let on_its_head = super::as_displayed(engine, page, rendered);
    rendered.gray.reverse();
    let on_its_head = on_its_head?;
    Ok(if is_clearly_better(&on_its_head, &as_displayed) { turned(on_its_head) } else { as_displayed })
}

fn is_doubtful(layout: &PageLayout) -> bool {
    layout.mean_confidence().is_some_and(|confidence| confidence < DOUBTFUL)
}

fn is_clearly_better(one: &PageLayout, other: &PageLayout) -> bool {
    let sure = |layout: &PageLayout| layout.mean_confidence().unwrap_or(0.0);
    one.words.len() >= MIN_WORDS && sure(one) >= sure(other) + CLEARLY_BETTER
}

/// The layout of a page that was read turned by 180 degrees, in the coordinates of the page as displayed.
fn turned(mut layout: PageLayout) -> PageLayout {
    let (width, height) = (layout.width, layout.height);
    let turn = |b: BoundingBox| BoundingBox { x0: width - b.x1, y0: height - b.y1, x1: width - b.x0, y1: height - b.y0 };
    for word in &mut layout.words {
        word.bounds = turn(word.bounds);
    }
    for line in &mut layout.lines {
        line.bounds = turn(line.bounds);
        let [x0, y0, x1, y1] = line.baseline;
        // Still from the first word to the last.
        line.baseline = [width - x0, height - y0, width - x1, height - y1];
    }
    layout
}

#[cfg(test)]
mod tests {
    use crp_model::{Line, TextSource, Word};

    use super::*;

    fn page(confidence: f32, words: usize) -> PageLayout {
        let word = |at: usize| {
            let x0 = 10.0 + 20.0 * at as f32;
            Word { text: "word".to_owned(), confidence, bounds: BoundingBox { x0, y0: 90.0, x1: x0 + 15.0, y1: 100.0 } }
        };
        let bounds = BoundingBox { x0: 10.0, y0: 90.0, x1: 10.0 + 20.0 * words as f32, y1: 100.0 };
        let line =
            Line { first_word: 0, word_count: words as u32, block: 0, paragraph: 0, bounds, baseline: [10.0, 98.0, bounds.x1, 98.0] };
        PageLayout {
            page: PageNo::from_index(0),
            width: 200.0,
            height: 300.0,
            rotation: 0,
            pixels: None,
            source: TextSource::Ocr,
            words: (0..words).map(word).collect(),
            lines: vec![line],
        }
    }

    #[test]
    fn only_a_page_that_is_read_badly_is_read_again_and_only_a_clear_gain_is_believed() {
        assert!(is_doubtful(&page(0.4, 5)) && is_doubtful(&page(0.4, 1)) && !is_doubtful(&page(0.95, 5)));
        assert!(!is_doubtful(&PageLayout { words: vec![], lines: vec![], ..page(0.4, 0) }), "an empty page is empty either way");
        assert!(is_clearly_better(&page(0.95, 5), &page(0.4, 5)));
        assert!(!is_clearly_better(&page(0.5, 5), &page(0.4, 5)), "two readings of a bad scan");
        assert!(!is_clearly_better(&page(0.99, 1), &page(0.4, 5)), "a speck that looks like a letter");
    }

    #[test]
    fn what_was_read_on_its_head_stands_where_it_is_displayed_and_runs_to_the_left() {
        let layout = turned(page(0.95, 2));
        layout.check().unwrap();
        assert_eq!(<[f64; 4]>::from(layout.words[0].bounds), [175.0, 200.0, 190.0, 210.0]);
        assert!(layout.words[0].bounds.x0 > layout.words[1].bounds.x0, "the first word stands at the right");
        assert_eq!(layout.lines[0].baseline, [190.0, 202.0, 150.0, 202.0]);
        assert_eq!(layout.text(), "word word\n", "the order of reading stays");
    }
}
