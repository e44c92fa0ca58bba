//! One pass over the engine's result: pixels become points, words gather into lines and paragraphs.

use crp_model::{BoundingBox, Line, PageLayout, PageNo, TextSource, Word};

use super::handles::{Level, Walk};
use crate::document::RenderedPage;

/// Reads every word of the walk, in reading order.
pub(super) fn from_walk(mut walk: Walk<'_>, page: PageNo, rendered: &RenderedPage) -> PageLayout {
    let mut gather = Gather::new(page, rendered);
    loop {
        if walk.is_first_of(Level::Block) || walk.is_first_of(Level::Paragraph) {
            gather.begin_paragraph();
        }
        if walk.is_first_of(Level::Line) {
            gather.begin_line(walk.bounds(Level::Line), walk.baseline(Level::Line));
        }
        if let (Some(text), Some(bounds)) = (walk.word(), walk.bounds(Level::Word)) {
            gather.add_word(&text, walk.confidence_percent(), bounds);
        }
        if !walk.next() {
            return gather.finish();
        }
    }
}

/// The layout as it grows.
struct Gather {
    layout: PageLayout,
    points_per_pixel: [f32; 2],
    /// Paragraphs that have a line.
    paragraphs: u32,
    paragraph_is_new: bool,
    /// The line that has begun but has no word yet.
    pending: Option<PendingLine>,
}

/// A line as the engine tells it, in pixels.
#[derive(Clone, Copy, Default)]
struct PendingLine {
    bounds: Option<[i32; 4]>,
    baseline: Option<[i32; 4]>,
}

impl Gather {
    fn new(page: PageNo, rendered: &RenderedPage) -> Self {
        let layout = PageLayout {
            page,
            width: rendered.width_points,
            height: rendered.height_points,
            rotation: rendered.rotation,
            pixels: Some([rendered.width, rendered.height]),
            source: TextSource::Ocr,
            words: Vec::new(),
            lines: Vec::new(),
        };
        let points_per_pixel =
            [rendered.width_points / rendered.width.max(1) as f32, rendered.height_points / rendered.height.max(1) as f32];
        Self { layout, points_per_pixel, paragraphs: 0, paragraph_is_new: true, pending: None }
    }

    fn begin_paragraph(&mut self) {
        self.paragraph_is_new = true;
    }

    fn begin_line(&mut self, bounds: Option<[i32; 4]>, baseline: Option<[i32; 4]>) {
        self.pending = Some(PendingLine { bounds, baseline });
    }

    fn add_word(&mut self, text: &str, confidence_percent: f32, bounds: [i32; 4]) {
        // The engine's own blanks and control characters are no part of a word.
        let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            return;
        }
        let bounds = self.to_points(bounds);
        let confidence = if confidence_percent.is_finite() { (confidence_percent / 100.0).clamp(0.0, 1.0) } else { 0.0 };
        if self.pending.is_some() || self.layout.lines.is_empty() {
            let line = self.pending.take().unwrap_or_default();
            self.add_line(line, bounds);
        }
        self.layout.words.push(Word { text, confidence, bounds });
        if let Some(line) = self.layout.lines.last_mut() {
            line.word_count += 1;
            line.bounds = line.bounds.union(bounds);
        }
    }

    fn add_line(&mut self, PendingLine { bounds, baseline }: PendingLine, first_word: BoundingBox) {
        if self.paragraph_is_new {
            self.paragraphs += 1;
            self.paragraph_is_new = false;
        }
        let bounds = bounds.map_or(first_word, |b| self.to_points(b));
        let [sx, sy] = self.points_per_pixel;
        let baseline = baseline.map_or([bounds.x0, bounds.y1, bounds.x1, bounds.y1], |[x0, y0, x1, y1]| {
            [x0 as f32 * sx, y0 as f32 * sy, x1 as f32 * sx, y1 as f32 * sy]
        });
        self.layout.lines.push(Line {
            first_word: u32::try_from(self.layout.words.len()).unwrap_or(u32::MAX),
            word_count: 0,
            paragraph: self.paragraphs - 1,
            bounds,
            baseline,
        });
    }

    /// Pixels to points, kept on the page.
    fn to_points(&self, [left, top, right, bottom]: [i32; 4]) -> BoundingBox {
        let [sx, sy] = self.points_per_pixel;
        let x = |pixels: i32| (pixels as f32 * sx).clamp(0.0, self.layout.width);
        let y = |pixels: i32| (pixels as f32 * sy).clamp(0.0, self.layout.height);
        BoundingBox { x0: x(left.min(right)), y0: y(top.min(bottom)), x1: x(left.max(right)), y1: y(top.max(bottom)) }
    }

    fn finish(self) -> PageLayout {
        self.layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of_2_pixels_per_point() -> Gather {
        let rendered = RenderedPage {
            width: 200,
            height: 400,
            gray: Vec::new(),
            dots_per_inch: 144.0,
            width_points: 100.0,
            height_points: 200.0,
            rotation: 0,
            warnings: Vec::new(),
        };
        Gather::new(PageNo::from_index(0), &rendered)
    }

    #[test]
    fn words_gather_into_lines_and_paragraphs_in_points() {
        let mut gather = page_of_2_pixels_per_point();
        gather.begin_paragraph();
        gather.begin_line(Some([20, 40, 120, 60]), Some([20, 56, 120, 58]));
        gather.add_word("Hello", 96.0, [20, 40, 60, 60]);
        gather.add_word("world", 91.0, [70, 40, 120, 60]);
        gather.begin_line(Some([20, 70, 90, 90]), None);
        gather.add_word("again", f32::NAN, [20, 70, 90, 90]);
        gather.begin_paragraph();
        gather.begin_line(None, None);
        gather.add_word(" \n", 50.0, [0, 0, 1, 1]);
        gather.add_word("End", 120.0, [20, 110, 60, 130]);
        let layout = gather.finish();
        layout.check().unwrap();
        assert_eq!(layout.text(), "Hello world\nagain\n\nEnd\n");
        assert_eq!(<[f64; 4]>::from(layout.words[1].bounds), [35.0, 20.0, 60.0, 30.0]);
        assert_eq!(layout.lines[0].baseline, [10.0, 28.0, 60.0, 29.0]);
        assert_eq!(layout.lines[1].baseline, [10.0, 45.0, 45.0, 45.0]);
        assert_eq!(layout.words.iter().map(|w| w.confidence).collect::<Vec<_>>(), [0.96, 0.91, 0.0, 1.0]);
    }

    #[test]
    fn boxes_that_leave_the_picture_are_cut_at_the_page() {
        let mut gather = page_of_2_pixels_per_point();
        gather.add_word("edge", 90.0, [-20, 390, 240, 500]);
        let layout = gather.finish();
        assert_eq!(<[f64; 4]>::from(layout.words[0].bounds), [0.0, 195.0, 100.0, 200.0]);
        layout.check().unwrap();
    }

    #[test]
    fn a_page_without_words_has_no_lines() {
        let mut gather = page_of_2_pixels_per_point();
        gather.begin_paragraph();
        gather.begin_line(Some([0, 0, 9, 9]), None);
        let layout = gather.finish();
        assert!(layout.words.is_empty() && layout.lines.is_empty());
        layout.check().unwrap();
    }
}
