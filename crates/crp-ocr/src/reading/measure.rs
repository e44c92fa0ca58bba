//! What is known of a page's text before it is read: how high it is, how it slopes, whether it lies on its side, how broad it is.

use super::ink::{Ink, Piece};

/// The page is looked at in so many fields across and down; each has a height of text of its own.
const FIELDS: (usize, usize) = (6, 10);
/// A field with fewer pieces tells nothing.
const MIN_PIECES_OF_FIELD: usize = 24;
/// Text smaller than this share of a page's letters is not looked for.
const MIN_SHARE_OF_LETTERS: f64 = 0.45;
/// In a field of text at least this share of the pieces is about as high as most.
const MIN_SHARE_ALIKE: f64 = 0.6;
/// A page with fewer pieces tells nothing.
const MIN_PIECES: usize = 60;
/// Slopes that are looked for, in degrees to either side.
const MAX_SLOPE_DEGREES: f64 = 12.0;
/// First step of the search for the slope; the second is a tenth of it.
const STEP_DEGREES: f64 = 0.4;
/// More pieces do not make the slope more certain.
const MAX_PIECES_FOR_SLOPE: usize = 6_000;
/// So much sharper must the lines be across the page than along it before it may lie on its side.
const CLEARLY_SHARPER: f64 = 1.5;

/// What was measured; lengths in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TextMeasure {
    /// Height of most letters where the text is smallest: about that of an x. `None` if there is too little text to tell.
    pub(super) smallest_letters: Option<f64>,
    /// Height of most letters of the page.
    pub(super) letters: Option<f64>,
    /// Clockwise slope of its lines in degrees; 0 if there is too little text to tell.
    pub(super) slope_degrees: f64,
    /// Whether its lines seem to run from top to bottom.
    pub(super) may_lie_on_its_side: bool,
    /// Breadth of all text.
    pub(super) breadth: f64,
}

impl TextMeasure {
    /// Measures a picture of gray pixels, rows from the top, 0 black.
    pub(super) fn of(width: u32, height: u32, gray: &[u8]) -> Self {
        let ink = Ink::of(width, height, gray);
        let factor = f64::from(ink.factor);
        let letters = median_height(ink.pieces.iter());
        let letter = letters.filter(|_| ink.pieces.len() >= MIN_PIECES);
        let mut measured = Self {
            smallest_letters: smallest(&ink).or(letter).map(|height| height * factor),
            letters: letter.map(|height| height * factor),
            slope_degrees: 0.0,
            may_lie_on_its_side: false,
            breadth: breadth(&ink) * factor,
        };
        if let Some(letter) = letter {
            let pieces = letters_alike(&ink.pieces, letter);
            let (slope, along) = sharpest(&pieces, |p| (center(p.x0, p.x1), f64::from(p.y1)));
            let down = [|p: &Piece| f64::from(p.x0), |p: &Piece| f64::from(p.x1)]
                .map(|edge| sharpest(&pieces, |p| (center(p.y0, p.y1), edge(p))).1)
                .into_iter()
                .fold(0.0, f64::max);
            measured.slope_degrees = slope;
            measured.may_lie_on_its_side = down > along * CLEARLY_SHARPER;
        }
        measured
    }
}

fn center(from: u32, to: u32) -> f64 {
    f64::from(from + to) / 2.0
}

fn median_height<'p>(pieces: impl Iterator<Item = &'p Piece>) -> Option<f64> {
    let mut heights: Vec<u32> = pieces.map(|piece| piece.height()).collect();
    if heights.is_empty() {
        return None;
    }
    let middle = heights.len() / 2;
    Some(f64::from(*heights.select_nth_unstable(middle).1))
}

/// The median height of the field whose text is smallest: a page is read as finely as its footnotes need. Fields of much
/// smaller pieces than the page's letters are specks or screened pictures.
fn smallest(ink: &Ink) -> Option<f64> {
    let (across, down) = FIELDS;
    let mut fields: Vec<Vec<&Piece>> = vec![Vec::new(); across * down];
    for piece in &ink.pieces {
        let column = piece.x0 as usize * across / (ink.width.max(1) as usize);
        let row = piece.y0 as usize * down / (ink.height.max(1) as usize);
        fields[row.min(down - 1) * across + column.min(across - 1)].push(piece);
    }
    let heights = fields.iter().filter(|f| f.len() >= MIN_PIECES_OF_FIELD).filter_map(|f| height_if_alike(f));
    let least = median_height(ink.pieces.iter())? * MIN_SHARE_OF_LETTERS;
    heights.filter(|height| *height >= least).min_by(f64::total_cmp)
}

/// The median height, if most pieces are about that high: letters are, specks and the dots of a screen are not.
fn height_if_alike(pieces: &[&Piece]) -> Option<f64> {
    let median = median_height(pieces.iter().copied())?;
    let alike = pieces.iter().filter(|p| (0.7 * median..=1.5 * median).contains(&f64::from(p.height()))).count();
    (alike as f64 >= MIN_SHARE_ALIKE * pieces.len() as f64).then_some(median)
}

/// From the left edge of the text to its right edge, a few stray pieces at either side left out.
fn breadth(ink: &Ink) -> f64 {
    let stray = ink.pieces.len() / 100;
    let edge = |mut edges: Vec<u32>, at: usize| if edges.is_empty() { 0 } else { *edges.select_nth_unstable(at).1 };
    let left = edge(ink.pieces.iter().map(|p| p.x0).collect(), stray);
    let right = edge(ink.pieces.iter().map(|p| p.x1).collect(), ink.pieces.len().saturating_sub(stray + 1));
    f64::from(right.saturating_sub(left))
}

/// Pieces about as high as most letters, evenly chosen if there are very many: they stand on the lines.
fn letters_alike(pieces: &[Piece], letter: f64) -> Vec<Piece> {
    let alike = |size: u32| (0.6 * letter..=2.0 * letter).contains(&f64::from(size));
    let like: Vec<Piece> = pieces.iter().filter(|p| alike(p.height()) || alike(p.width())).copied().collect();
    let step = like.len().div_ceil(MAX_PIECES_FOR_SLOPE).max(1);
    like.into_iter().step_by(step).collect()
}

/// The slope in degrees at which the pieces stand in the sharpest lines, and how sharp those are: the share of pairs of
/// pieces that stand on one line. `place` gives where a piece is along a line and across it.
fn sharpest(pieces: &[Piece], place: impl Fn(&Piece) -> (f64, f64)) -> (f64, f64) {
    let places: Vec<(f64, f64)> = pieces.iter().map(place).collect();
    let mut lines = Vec::new();
    let mut best = (0.0, sharpness(&places, 0.0, &mut lines));
    for (step, reach) in [(STEP_DEGREES, MAX_SLOPE_DEGREES), (STEP_DEGREES / 10.0, STEP_DEGREES)] {
        let (middle, steps) = (best.0, (reach / step).round() as i32);
        for at in -steps..=steps {
            let degrees = middle + f64::from(at) * step;
            let sharp = sharpness(&places, degrees, &mut lines);
            if sharp > best.1 {
                best = (degrees, sharp);
            }
        }
    }
    best
}

fn sharpness(places: &[(f64, f64)], degrees: f64, lines: &mut Vec<u32>) -> f64 {
    let slope = degrees.to_radians().tan();
    let across = |(along, across): &(f64, f64)| across - along * slope;
    let lowest = places.iter().map(across).fold(f64::INFINITY, f64::min);
    lines.clear();
    for place in places {
        let line = (across(place) - lowest) as usize;
        if line >= lines.len() {
            lines.resize(line + 1, 0);
        }
        lines[line] += 1;
    }
    let pairs: f64 = lines.iter().map(|count| f64::from(*count) * f64::from(*count)).sum();
    pairs / (places.len().max(1) as f64).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of bars as letters: lines of words, each letter `size` high, turned by `degrees` clockwise about its upper left corner.
    fn page(size: usize, degrees: f64, sideways: bool) -> (u32, u32, Vec<u8>) {
        let (width, height) = (1600usize, 1600usize);
        let mut gray = vec![250u8; width * height];
        let (sin, cos) = degrees.to_radians().sin_cos();
        for line in 0..(1300 / (size * 2)) {
            for letter in 0..(1200 / size) {
                if letter % 6 == 5 {
                    continue;
                }
                // Letters of two heights, standing on one line, but not one below the other.
                let tall = if letter % 4 == 1 { size * 3 / 2 } else { size };
                for dy in 0..tall {
                    for dx in 0..size / 2 {
                        let (x, y) =
                            ((150 + (line * 7 + letter * letter) % size + letter * size + dx) as f64, (200 + line * size * 2 - dy) as f64);
                        let (x, y) = (x * cos - y * sin, x * sin + y * cos);
                        let (x, y) = if sideways { (y, 1599.0 - x) } else { (x, y) };
                        if (0.0..1600.0).contains(&x) && (0.0..1600.0).contains(&y) {
                            gray[y as usize * width + x as usize] = 20;
                        }
                    }
                }
            }
        }
        (width as u32, height as u32, gray)
    }

    #[test]
    fn height_and_slope_of_text_are_found() {
        for (size, degrees) in [(12, 0.0), (20, 1.2), (30, -3.0)] {
            let (width, height, gray) = page(size, degrees, false);
            let measure = TextMeasure::of(width, height, &gray);
            let letters = measure.letters.unwrap();
            assert!((letters / size as f64 - 1.0).abs() < 0.2, "{size}: {letters}");
            assert!((measure.slope_degrees - degrees).abs() < 0.15, "{degrees}: {}", measure.slope_degrees);
            assert!(!measure.may_lie_on_its_side);
        }
    }

    #[test]
    fn a_page_on_its_side_is_suspected() {
        let (width, height, gray) = page(20, 0.5, true);
        assert!(TextMeasure::of(width, height, &gray).may_lie_on_its_side);
    }

    #[test]
    fn the_smallest_text_of_a_page_counts() {
        let (width, height, mut gray) = page(30, 0.0, false);
        let (_, _, small) = page(16, 0.0, false);
        let rows = 1100 * width as usize;
        gray[rows..].copy_from_slice(&small[rows..]);
        let measure = TextMeasure::of(width, height, &gray);
        let smallest = measure.smallest_letters.unwrap();
        assert!((13.0..20.0).contains(&smallest), "{measure:?}");
    }

    #[test]
    fn an_empty_page_tells_nothing() {
        let measure = TextMeasure::of(100, 100, &[255; 10_000]);
        assert_eq!((measure.smallest_letters, measure.letters, measure.slope_degrees, measure.breadth), (None, None, 0.0, 0.0));
    }
}
