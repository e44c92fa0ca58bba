//! Pixels of the picture that was read become points of the page as displayed.

use crp_model::{BoundingBox, Line, PageLayout, PageNo, TextSource, Word};
use hayro::kurbo::{Affine, Point, Rect};

use super::PagePicture;
use crate::{document::RenderedPage, engine::Recognised};

/// The layout of a page of which `picture` was read.
pub(super) fn on_page(recognised: Recognised, page: PageNo, picture: &PagePicture, rendered: &RenderedPage) -> PageLayout {
    let place = Place { to_points: picture.to_points, page: [rendered.width_points, rendered.height_points] };
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
        pixels: Some(place.page_pixels()),
        source: TextSource::Ocr,
        words: words.collect(),
        lines: lines.collect(),
    }
}

/// How a picture lies on its page.
struct Place {
    to_points: Affine,
    page: [f32; 2],
}

impl Place {
    /// Pixels of the whole page at the picture's density.
    fn page_pixels(&self) -> [u32; 2] {
        let points_per_pixel = self.to_points.determinant().abs().sqrt();
        self.page.map(|points| ((f64::from(points) / points_per_pixel).round() as u32).max(1))
    }

    fn points(&self, [x0, y0, x1, y1]: [i32; 4]) -> [f32; 4] {
        let (from, to) =
            (self.to_points * Point::new(f64::from(x0), f64::from(y0)), self.to_points * Point::new(f64::from(x1), f64::from(y1)));
        [from.x as f32, from.y as f32, to.x as f32, to.y as f32]
    }

    /// A box, kept on the page. Of a box that is turned a little, as on a levelled page, it is the upright one of the same size:
    /// the one around its corners would reach into the lines above and below.
    fn bounds(&self, [x0, y0, x1, y1]: [i32; 4]) -> BoundingBox {
        let pixels = Rect::new(f64::from(x0), f64::from(y0), f64::from(x1), f64::from(y1));
        let middle = self.to_points * pixels.center();
        let [a, b, c, d, ..] = self.to_points.as_coeffs();
        let lies_on_its_side = b.abs() > a.abs();
        let (along, across) = (pixels.width() * a.hypot(b) / 2.0, pixels.height() * c.hypot(d) / 2.0);
        let (dx, dy) = if lies_on_its_side { (across, along) } else { (along, across) };
        let [width, height] = self.page.map(f64::from);
        BoundingBox {
            x0: (middle.x - dx).clamp(0.0, width) as f32,
            y0: (middle.y - dy).clamp(0.0, height) as f32,
            x1: (middle.x + dx).clamp(0.0, width) as f32,
            y1: (middle.y + dy).clamp(0.0, height) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{RecognisedLine, RecognisedWord};

    #[test]
    fn pixels_become_points_and_nothing_leaves_the_page() {
        let rendered =
            RenderedPage { picture: PagePicture::empty(), width_points: 100.0, height_points: 200.0, rotation: 0, warnings: Vec::new() };
        let word = |text: &str, bounds| RecognisedWord { text: text.to_owned(), confidence: 0.9, bounds };
        let line =
            RecognisedLine { first_word: 0, word_count: 2, block: 0, paragraph: 0, bounds: [20, 40, 260, 60], baseline: [20, 56, 120, 58] };
        let recognised = Recognised { words: vec![word("Hello", [20, 40, 60, 60]), word("edge", [70, 40, 260, 60])], lines: vec![line] };
        let picture = PagePicture { width: 200, height: 400, gray: Vec::new(), to_points: Affine::scale(0.5) };
        let layout = on_page(recognised, PageNo::from_index(0), &picture, &rendered);
        layout.check().unwrap();
        assert_eq!(layout.pixels, Some([200, 400]));
        assert_eq!(<[f64; 4]>::from(layout.words[0].bounds), [10.0, 20.0, 30.0, 30.0]);
        assert_eq!(<[f64; 4]>::from(layout.words[1].bounds), [35.0, 20.0, 100.0, 30.0]);
        assert_eq!(layout.lines[0].baseline, [10.0, 28.0, 60.0, 29.0]);
        assert_eq!(layout.pixel_box(layout.words[0].bounds), [20, 40, 60, 60], "and back");
    }
}
