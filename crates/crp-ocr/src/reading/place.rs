//! Pixels of the picture become points of the page as displayed.

use crp_model::{BoundingBox, Line, PageLayout, PageNo, TextSource, Word};

use crate::{document::RenderedPage, engine::Recognised};

/// The layout of a page whose picture was `rendered` and read as it is.
pub(super) fn on_page(recognised: Recognised, page: PageNo, rendered: &RenderedPage) -> PageLayout {
    let place = Place::of(rendered);
    let words = recognised.words.into_iter().map(|w| Word { text: w.text, confidence: w.confidence, bounds: place.bounds(w.bounds) });
    let lines = recognised.lines.into_iter().map(|line| Line {
        first_word: line.first_word,
        word_count: line.word_count,
        block: line.block,
        paragraph: line.paragraph,
        bounds: place.bounds(line.bounds),
        baseline: place.points(line.baseline),
    });
    PageLayout {
        page,
        width: rendered.width_points,
        height: rendered.height_points,
        rotation: rendered.rotation,
        pixels: Some([rendered.width, rendered.height]),
        source: TextSource::Ocr,
        words: words.collect(),
        lines: lines.collect(),
    }
}

/// How a picture lies on its page.
struct Place {
    points_per_pixel: [f32; 2],
    page: [f32; 2],
}

impl Place {
    fn of(rendered: &RenderedPage) -> Self {
        let page = [rendered.width_points, rendered.height_points];
        let points_per_pixel = [page[0] / rendered.width.max(1) as f32, page[1] / rendered.height.max(1) as f32];
        Self { points_per_pixel, page }
    }

    fn points(&self, [x0, y0, x1, y1]: [i32; 4]) -> [f32; 4] {
        let [sx, sy] = self.points_per_pixel;
        [x0 as f32 * sx, y0 as f32 * sy, x1 as f32 * sx, y1 as f32 * sy]
    }

    /// A box, kept on the page.
    fn bounds(&self, pixels: [i32; 4]) -> BoundingBox {
        let [x0, y0, x1, y1] = self.points(pixels);
        let [width, height] = self.page;
        BoundingBox { x0: x0.clamp(0.0, width), y0: y0.clamp(0.0, height), x1: x1.clamp(0.0, width), y1: y1.clamp(0.0, height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{RecognisedLine, RecognisedWord};

    #[test]
    fn pixels_become_points_and_nothing_leaves_the_page() {
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
        let word = |text: &str, bounds| RecognisedWord { text: text.to_owned(), confidence: 0.9, bounds };
        let line =
            RecognisedLine { first_word: 0, word_count: 2, block: 0, paragraph: 0, bounds: [20, 40, 260, 60], baseline: [20, 56, 120, 58] };
        let recognised = Recognised { words: vec![word("Hello", [20, 40, 60, 60]), word("edge", [70, 40, 260, 60])], lines: vec![line] };
        let layout = on_page(recognised, PageNo::from_index(0), &rendered);
        layout.check().unwrap();
        assert_eq!(layout.pixels, Some([200, 400]));
        assert_eq!(<[f64; 4]>::from(layout.words[0].bounds), [10.0, 20.0, 30.0, 30.0]);
        assert_eq!(<[f64; 4]>::from(layout.words[1].bounds), [35.0, 20.0, 100.0, 30.0]);
        assert_eq!(layout.lines[0].baseline, [10.0, 28.0, 60.0, 29.0]);
        assert_eq!(layout.pixel_box(layout.words[0].bounds), [20, 40, 60, 60], "and back");
    }
}
