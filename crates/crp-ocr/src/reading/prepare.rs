//! The picture as the engine gets it: dark text on light paper, no larger than its smallest text needs, its lines level.

use super::{
    measure::TextMeasure,
    picture::{PagePicture, QuarterTurns},
};
use crate::engine::Segmentation;

/// Letters of this height, in pixels, are read as surely as larger ones.
///
/// Measured on degraded scans and on print of 5 to 10 points: word F1 stays within noise down to 10 pixels of an x and falls
/// below 9. Fewer pixels cost less time: about a third less for ordinary print at 300 dots per inch.
const ENOUGH_LETTER_PIXELS: f64 = 12.0;
/// Letters of a receipt keep more: dot matrix print and faint thermal paper fall apart in smaller pictures. Totals and dates
/// were found best at 18 to 22 pixels.
const ENOUGH_RECEIPT_LETTER_PIXELS: f64 = 20.0;
/// Resolution at which letters of [`ENOUGH_LETTER_PIXELS`] are those of ordinary print, about 11 points.
///
/// Tesseract judges by the resolution what is a gutter and what is a speck, so it is told the one at which the page's letters
/// were ordinary: print of 5 points looks like ordinary print on a larger page. Measured on print of 5 to 10 points: of a hundred
/// words 0.6 are wrong or in the wrong place instead of 7 (word F1 0.995 instead of 0.989); on ordinary scans nothing changes.
const ORDINARY_DOTS_PER_INCH: f64 = 150.0;
/// The dots of a receipt's letters run together when the picture is blurred by a Gauss curve of so many pixels.
///
/// Measured on 39 receipts: word F1 0.791 instead of 0.783, totals found 0.90 instead of 0.87, dates 0.87 instead of 0.82. Half a
/// pixel gives less (0.788, 0.85, 0.85), and from a whole pixel on words are lost.
const RECEIPT_BLUR_PIXELS: f32 = 0.7;
/// A page whose text cannot be measured is read at no more than this.
const UNMEASURED_DOTS_PER_INCH: f64 = 300.0;
/// A picture is shrunk only if that saves this much.
const WORTH_SCALING: f64 = 0.9;
/// Lines that slope less are read as well as level ones.
const MIN_SLOPE_DEGREES: f64 = 0.15;
/// The dots of a receipt's letters suffer more from turning than its short lines do from a slope: levelling by half a degree
/// lost totals.
const MIN_RECEIPT_SLOPE_DEGREES: f64 = 2.0;
/// Text no broader than so many letters is one column: a receipt, a till roll, a label.
const RECEIPT_BREADTH_IN_LETTERS: f64 = 50.0;
/// So is a page this many times taller than wide; the tallest usual paper (US legal) has 1.65.
const RECEIPT_HEIGHT_TO_WIDTH: f64 = 1.75;
/// Half of a page of light text on dark paper is darker than this.
const DARK_PAPER: u8 = 96;
/// Paper and ink that are nearer to each other than this are spread.
const FAINT: u8 = 90;

/// A picture, ready for the engine.
pub(super) struct Prepared {
    /// The picture.
    pub(super) picture: PagePicture,
    /// How it is to be cut.
    pub(super) segmentation: Segmentation,
    /// Whether its lines seem to run from top to bottom.
    pub(super) may_lie_on_its_side: bool,
    /// Whether there was enough text to measure.
    pub(super) is_measured: bool,
    /// The resolution at which its letters were those of ordinary print; the true one if they are not known, and of receipts.
    pub(super) seeming_dots_per_inch: f64,
}

impl Prepared {
    /// Prepares the picture of a page.
    pub(super) fn of(mut picture: PagePicture) -> Self {
        correct_tones(&mut picture);
        let measure = TextMeasure::of(picture.width, picture.height, &picture.gray);
        let segmentation = segmentation(&picture, &measure);
        let width_before = f64::from(picture.width);
        let picture = scaled(picture, &measure, segmentation);
        let shrink = f64::from(picture.width) / width_before.max(1.0);
        let seeming_dots_per_inch = match (segmentation, measure.smallest_letters) {
            (Segmentation::Automatic, Some(letters)) => letters * shrink / ENOUGH_LETTER_PIXELS * ORDINARY_DOTS_PER_INCH,
            _ => picture.dots_per_inch(),
        };
        let least = match segmentation {
            Segmentation::Automatic => MIN_SLOPE_DEGREES,
            Segmentation::SingleBlock => MIN_RECEIPT_SLOPE_DEGREES,
        };
        let levelled = measure.slope_degrees.abs() >= least && !measure.may_lie_on_its_side;
        let picture = if levelled {
            let paper = picture.grays().quantile(0.8);
            picture.levelled(measure.slope_degrees, paper)
        } else {
            picture
        };
        let picture = match segmentation {
            Segmentation::Automatic => picture,
            Segmentation::SingleBlock => picture.blurred(RECEIPT_BLUR_PIXELS),
        };
        Self {
            picture,
            segmentation,
            may_lie_on_its_side: measure.may_lie_on_its_side,
            is_measured: measure.letters.is_some(),
            seeming_dots_per_inch,
        }
    }

    /// The same picture on its head.
    pub(super) fn on_its_head(&self) -> Self {
        Self { picture: self.picture.turned(QuarterTurns::Two), ..*self }
    }
}

fn correct_tones(picture: &mut PagePicture) {
    if picture.grays().quantile(0.5) < DARK_PAPER && picture.grays().quantile(0.98) > DARK_PAPER {
        picture.invert();
    }
    let grays = picture.grays();
    let (ink, paper) = (grays.quantile(0.005), grays.quantile(0.7));
    if paper > ink && paper - ink < FAINT && paper - ink > FAINT / 6 {
        picture.stretch(ink, paper);
    }
}

fn segmentation(picture: &PagePicture, measure: &TextMeasure) -> Segmentation {
    let is_tall = f64::from(picture.height) >= f64::from(picture.width) * RECEIPT_HEIGHT_TO_WIDTH;
    let is_narrow = measure.letters.is_some_and(|letter| measure.breadth < letter * RECEIPT_BREADTH_IN_LETTERS);
    if is_tall || is_narrow { Segmentation::SingleBlock } else { Segmentation::Automatic }
}

/// Rows and columns become equally dense, and both as sparse as the text allows.
fn scaled(picture: PagePicture, measure: &TextMeasure, segmentation: Segmentation) -> PagePicture {
    let (letters, enough) = match segmentation {
        Segmentation::Automatic => (measure.smallest_letters, ENOUGH_LETTER_PIXELS),
        Segmentation::SingleBlock => (measure.letters, ENOUGH_RECEIPT_LETTER_PIXELS),
    };
    let (across, down) = picture.dots_per_inch_both_ways();
    let coarser = across.min(down);
    let shrink = match letters {
        Some(letters) => enough / letters,
        None => UNMEASURED_DOTS_PER_INCH / coarser,
    };
    let wanted = coarser * if shrink < WORTH_SCALING { shrink } else { 1.0 };
    let pixels = |now: u32, density: f64| {
        let share = wanted / density;
        if share > 0.99 { now } else { (f64::from(now) * share).round() as u32 }
    };
    let (width, height) = (pixels(picture.width, across), pixels(picture.height, down));
    picture.scaled(width, height)
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::Affine;

    use super::*;

    /// Lines of bars as letters, `size` pixels high, on a page of 300 dots per inch.
    fn page(size: u32, letters_across: u32, ink: u8, paper: u8) -> PagePicture {
        let (width, height) = (1500u32, 1500u32);
        let mut gray = vec![paper; (width * height) as usize];
        for line in 0..(1400 / (2 * size)) {
            for letter in (0..letters_across.min(1400 / size)).filter(|l| l % 6 != 5) {
                for y in 0..size {
                    let at = (50 + line * 2 * size + y) * width + 50 + letter * size;
                    gray[at as usize..(at + size / 2) as usize].fill(ink);
                }
            }
        }
        PagePicture { width, height, gray, to_points: Affine::scale(72.0 / 300.0) }
    }

    #[test]
    fn large_text_is_read_from_fewer_pixels_and_small_text_from_all() {
        let large = Prepared::of(page(24, 1000, 10, 250));
        assert!((large.picture.dots_per_inch() - 150.0).abs() < 15.0, "{}", large.picture.dots_per_inch());
        let small = Prepared::of(page(12, 1000, 10, 250));
        assert_eq!((small.picture.width, small.picture.height), (1500, 1500));
    }

    #[test]
    fn print_of_every_size_seems_to_be_ordinary_print() {
        for size in [8, 12, 24] {
            let prepared = Prepared::of(page(size, 1000, 10, 250));
            let letters = f64::from(size) * prepared.picture.dots_per_inch() / 300.0;
            let expected = 150.0 * letters / 12.0;
            assert!((prepared.seeming_dots_per_inch / expected - 1.0).abs() < 0.15, "{size}: {}", prepared.seeming_dots_per_inch);
        }
        let empty = PagePicture { gray: vec![250; 1500 * 1500], ..page(12, 0, 10, 250) };
        assert!((Prepared::of(empty).seeming_dots_per_inch - 300.0).abs() < 1.0, "nothing to go by");
    }

    #[test]
    fn narrow_text_is_one_block_and_keeps_more_pixels() {
        let receipt = Prepared::of(page(24, 30, 10, 250));
        assert_eq!(receipt.segmentation, Segmentation::SingleBlock);
        assert!((receipt.picture.dots_per_inch() - 250.0).abs() < 25.0, "{}", receipt.picture.dots_per_inch());
        assert_eq!(Prepared::of(page(16, 1000, 10, 250)).segmentation, Segmentation::Automatic);
    }

    #[test]
    fn the_dots_of_a_receipt_run_together_and_a_page_stays_sharp() {
        let mut grays = [30, 1000].map(|letters| Prepared::of(page(12, letters, 10, 250)).picture.gray);
        for gray in &mut grays {
            gray.sort_unstable();
            gray.dedup();
        }
        let [receipt, page] = grays;
        assert!(receipt.len() > 2, "{receipt:?}");
        assert_eq!(page, [10, 250]);
    }

    #[test]
    fn light_text_on_dark_paper_and_faint_text_become_dark_on_light() {
        for (ink, paper) in [(240, 20), (150, 190)] {
            let grays = Prepared::of(page(20, 1000, ink, paper)).picture.grays();
            assert!(grays.quantile(0.01) < 60 && grays.quantile(0.9) > 200, "{ink} on {paper}");
        }
        let ordinary = page(12, 1000, 30, 235);
        assert_eq!(Prepared::of(ordinary.clone()).picture.gray, ordinary.gray);
    }

    #[test]
    fn a_fax_has_as_many_rows_as_columns_afterwards() {
        let fax = PagePicture { to_points: Affine::scale_non_uniform(72.0 / 204.0, 72.0 / 98.0), ..page(20, 1000, 10, 250) };
        let (across, down) = Prepared::of(fax).picture.dots_per_inch_both_ways();
        assert!((across / down - 1.0).abs() < 0.02, "{across} {down}");
    }
}
