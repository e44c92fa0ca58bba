//! Where a text layer's lines stand: baseline, direction and font size, evened out over the page.
//!
//! Readers find a page's columns by its font sizes: text whose size differs by a twentieth is another block to poppler. A
//! recognised line's size depends on whether it has capitals and descenders, so lines of nearly the same size get one.

use crp_model::{Line, PageLayout, Word};
use hayro::kurbo::{Point, Vec2};

use super::{
    glyphless::{ASCENT, DESCENT},
    text_blocks::tell_apart,
};

/// Lines whose sizes differ by less than this are set in one size.
const SAME_SIZE: std::ops::Range<f64> = 0.8..1.25;
/// A line across the page's direction below this confidence is dirt or a drawing that was taken for letters.
const SURE: f64 = 0.7;
/// A word of fewer letters and digits does not tell where its line stands.
const MIN_LETTERS_APART: usize = 3;
/// With fewer letters and digits it is that too.
const MIN_LETTERS_ACROSS: usize = 3;

/// A line's own coordinates: along its baseline and up from it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// A point of the baseline.
    pub(crate) origin: Point,
    /// Direction of the baseline, of length 1.
    pub(crate) along: Vec2,
    /// Font size that lets the glyphs reach from the line's foot to its head.
    pub(crate) font_size: f64,
}

/// Words that are written as one text object.
pub(crate) struct FramedLine<'a> {
    /// The words, in reading order.
    pub(crate) words: &'a [Word],
    /// Where they stand.
    pub(crate) frame: Frame,
}

/// The page's lines in reading order.
pub(crate) fn framed_lines(layout: &PageLayout) -> Vec<FramedLine<'_>> {
    let mut lines: Vec<FramedLine<'_>> = layout
        .lines
        .iter()
        .filter_map(|line| {
            let words = layout.words_of(line);
            Some(apart(words, &Frame::of(line, words)?))
        })
        .flatten()
        .collect();
    let Some(main) = main_direction(&lines) else { return lines };
    let (along, across): (Vec<_>, Vec<_>) = (0..lines.len()).partition(|i| lines[*i].frame.along.dot(main).abs() > 0.5);
    even_out(&mut lines, along);
    let mut upright: Vec<&mut FramedLine<'_>> = lines.iter_mut().filter(|line| line.frame.along.dot(main) > 0.9).collect();
    tell_apart(&mut upright, main);
    lay_down(lines, &across, main)
}

/// The line, or its parts if some of its words stand on another baseline: text beside a line is recognised as a part of it when
/// it is less than a line lower or higher, and would miss its ink.
fn apart<'a>(words: &'a [Word], frame: &Frame) -> Vec<FramedLine<'a>> {
    let parts: Vec<&[Word]> = words.chunk_by(|one, next| frame.side(one) == frame.side(next)).collect();
    if parts.len() == 1 {
        return vec![FramedLine { words, frame: frame.clone() }];
    }
    let part = |words: &'a [Word]| {
        let is_off = frame.side(&words[0]) != 0;
        FramedLine { words, frame: is_off.then(|| frame.on_the_feet_of(words)).flatten().unwrap_or_else(|| frame.clone()) }
    };
    parts.into_iter().map(part).collect()
}

/// Gives lines of nearly the same size one.
fn even_out(lines: &mut [FramedLine<'_>], mut along: Vec<usize>) {
    while !along.is_empty() {
        let size = median_size(lines, &along);
        let left = along.len();
        along.retain(|i| {
            let near = SAME_SIZE.contains(&(lines[*i].frame.font_size / size));
            if near {
                lines[*i].frame.font_size = size;
            }
            !near
        });
        if along.len() == left {
            break;
        }
    }
}

/// One of the four directions: the one in which most letters run.
fn main_direction(lines: &[FramedLine<'_>]) -> Option<Vec2> {
    let directions = [Vec2::new(1.0, 0.0), Vec2::new(0.0, 1.0), Vec2::new(-1.0, 0.0), Vec2::new(0.0, -1.0)];
    let letters =
        |direction: &Vec2| -> usize { lines.iter().filter(|l| l.frame.along.dot(*direction) > 0.7).map(|l| letters(l.words)).sum() };
    directions.into_iter().max_by_key(letters).filter(|_| !lines.is_empty())
}

/// The size below which half of the letters are set.
fn median_size(lines: &[FramedLine<'_>], indices: &[usize]) -> f64 {
    let mut sizes: Vec<(f64, usize)> = indices.iter().map(|i| (lines[*i].frame.font_size, letters(lines[*i].words).max(1))).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|s| s.1).sum::<usize>() / 2;
    let mut seen = 0;
    let median = sizes.iter().find(|(_, letters)| {
        seen += letters;
        seen > half
    });
    median.or(sizes.last()).map_or(1.0, |s| s.0)
}

/// Text across the page's direction takes readers out of their order. Where it is no text, each of its words is written in
/// the middle of its box in the direction of all others.
fn lay_down<'a>(lines: Vec<FramedLine<'a>>, across: &[usize], main: Vec2) -> Vec<FramedLine<'a>> {
    let mut laid = Vec::with_capacity(lines.len());
    for (at, line) in lines.into_iter().enumerate() {
        if across.binary_search(&at).is_err() || is_text(line.words) {
            laid.push(line);
            continue;
        }
        let words = line.words.chunks(1);
        laid.extend(words.filter_map(|word| Some(FramedLine { words: word, frame: Frame::in_the_middle_of(word.first()?, main)? })));
    }
    laid
}

fn is_text(words: &[Word]) -> bool {
    let weights = words.iter().map(|w| (f64::from(w.confidence), w.text.chars().count() as f64));
    let (sum, weight) = weights.fold((0.0, 0.0), |(sum, all), (confidence, weight)| (sum + confidence * weight, all + weight));
    letters(words) >= MIN_LETTERS_ACROSS && sum >= SURE * weight
}

fn letters(words: &[Word]) -> usize {
    words.iter().map(|w| w.text.chars().filter(|c| c.is_alphanumeric()).count()).sum()
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
        let font_size = font_size(height)?;
        origin.is_finite().then_some(Self { origin, along: Vec2::new(1.0, 0.0), font_size })
    }

    fn in_the_middle_of(word: &Word, along: Vec2) -> Option<Self> {
        let b = word.bounds;
        let height = f64::from(b.width().min(b.height()));
        let up = Vec2::new(along.y, -along.x);
        let origin = Point::new(f64::from(b.x0 + b.x1) / 2.0, f64::from(b.y0 + b.y1) / 2.0) - up * (0.3 * height);
        Some(Self { origin, along, font_size: font_size(height)? })
    }

    /// One size for the line, from how far its words reach above and below the baseline: a line set in many sizes is
    /// read back as many lines.
    fn size_for(&self, words: &[Word]) -> Option<f64> {
        let mut reach: Vec<(f64, f64)> = words.iter().map(|word| self.reach(word)).collect();
        reach.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The highest tenth may be specks of dirt that were taken for letters.
        let above = reach.get((reach.len().checked_sub(1)?) * 9 / 10)?.0;
        let below = reach.iter().map(|r| r.1).fold(0.0, f64::max).min(above * 0.4);
        font_size(if below > 0.1 * above { above + below } else { above * 1.25 })
    }

    /// Which side of the baseline the word stands on: 0 if it stands on it, or is no word whose box tells. Raised figures are too
    /// small, and letters that hang below their line hang by less.
    fn side(&self, word: &Word) -> i8 {
        let (middle, half) = self.middle_and_half(word);
        if letters(std::slice::from_ref(word)) < MIN_LETTERS_APART || 2.0 * half < 0.6 * self.font_size {
            return 0;
        }
        let foot = (middle - half) / (2.0 * half);
        i8::from(foot > 0.4) - i8::from(foot < -0.6)
    }

    /// The same direction, on the baseline of these words: few of them have letters that hang below it.
    fn on_the_feet_of(&self, words: &[Word]) -> Option<Self> {
        let feet = words.iter().map(|word| self.middle_and_half(word)).map(|(middle, half)| middle - half);
        let mut frame = Self { origin: self.origin + self.up() * feet.fold(f64::NEG_INFINITY, f64::max), ..self.clone() };
        frame.font_size = frame.size_for(words)?;
        frame.origin.is_finite().then_some(frame)
    }

    /// How far the word reaches above and below the baseline; a slanted word's box is higher than the word.
    fn reach(&self, word: &Word) -> (f64, f64) {
        let (middle, half) = self.middle_and_half(word);
        if middle + half <= 0.0 { (half * 1.6, half * 0.4) } else { (middle + half, half - middle) }
    }

    /// How far the word's middle is above the baseline, and half its height.
    fn middle_and_half(&self, word: &Word) -> (f64, f64) {
        let (width, height) = (f64::from(word.bounds.width()), f64::from(word.bounds.height()));
        let (cos, sin) = (self.along.x.abs(), self.along.y.abs());
        let tall = if cos >= sin { height * cos - width * sin } else { width * sin - height * cos };
        let half = tall.max(0.5 * width.min(height)) / 2.0;
        let centre = Point::new(f64::from(word.bounds.x0 + word.bounds.x1) / 2.0, f64::from(word.bounds.y0 + word.bounds.y1) / 2.0);
        ((centre - self.origin).dot(self.up()), half)
    }

    /// Away from the line's foot; y points downwards.
    pub(crate) fn up(&self) -> Vec2 {
        up_from(self.along)
    }

    /// Where the word begins and ends along the baseline.
    pub(crate) fn extent(&self, word: &Word) -> (f64, f64) {
        let b = word.bounds;
        let (from, to) = if self.along.x.abs() >= self.along.y.abs() {
            let place = |x: f32| (f64::from(x) - self.origin.x) / self.along.x;
            (place(b.x0), place(b.x1))
        } else {
            let place = |y: f32| (f64::from(y) - self.origin.y) / self.along.y;
            (place(b.y0), place(b.y1))
        };
        (from.min(to), from.max(to))
    }
}

/// The size at which the font's glyphs are as high as `height`.
fn font_size(height: f64) -> Option<f64> {
    let share = f64::from(ASCENT - DESCENT) / 1000.0;
    (height.is_finite() && height > 0.0).then(|| (height / share).clamp(0.5, 10_000.0))
}

/// The direction away from the foot of a line that runs along `along`; y points downwards.
pub(crate) fn up_from(along: Vec2) -> Vec2 {
    Vec2::new(along.y, -along.x)
}

#[cfg(test)]
mod tests {
    use crp_model::{BoundingBox, PageNo, TextSource};

    use super::*;

    /// A line of one word: text, box, confidence, baseline.
    type OneWord = (&'static str, [f32; 4], f32, [f32; 4]);

    fn page(lines: &[OneWord]) -> PageLayout {
        let word =
            |(text, b, confidence, _): &OneWord| Word { text: (*text).to_owned(), confidence: *confidence, bounds: BoundingBox::from(*b) };
        let line = |(at, (_, b, _, baseline)): (usize, &OneWord)| Line {
            first_word: at as u32,
            word_count: 1,
            block: 0,
            paragraph: 0,
            bounds: BoundingBox::from(*b),
            baseline: *baseline,
        };
        PageLayout {
            page: PageNo::from_index(0),
            width: 200.0,
            height: 200.0,
            rotation: 0,
            pixels: None,
            source: TextSource::Ocr,
            words: lines.iter().map(word).collect(),
            lines: lines.iter().enumerate().map(line).collect(),
        }
    }

    #[test]
    fn lines_of_nearly_the_same_size_get_one_and_headings_keep_theirs() {
        let layout = page(&[
            ("Heading", [10.0, 10.0, 90.0, 30.0], 0.9, [10.0, 26.0, 90.0, 26.0]),
            ("capitals", [10.0, 42.0, 90.0, 52.0], 0.9, [10.0, 50.0, 90.0, 50.0]),
            ("more of the same", [10.0, 56.0, 150.0, 67.0], 0.9, [10.0, 65.0, 150.0, 65.0]),
        ]);
        let sizes: Vec<f64> = framed_lines(&layout).iter().map(|l| l.frame.font_size).collect();
        assert!(sizes[0] > 1.5 * sizes[1], "{sizes:?}");
        assert!((sizes[1] - sizes[2]).abs() < 1e-9, "{sizes:?}");
    }

    #[test]
    fn words_beside_a_line_that_stand_lower_keep_their_own_baseline() {
        let baseline = [23.0, 152.0, 284.0, 152.0];
        let mut layout = page(&[("Number", [23.0, 143.5, 76.0, 152.1], 0.9, baseline)]);
        for (text, bounds) in
            [("TAX", [199.0, 149.3, 225.0, 159.8]), ("INVOICE", [230.0, 149.3, 284.0, 159.8]), ("2)", [290.0, 142.0, 294.0, 147.0])]
        {
            layout.words.push(Word { text: text.to_owned(), confidence: 0.9, bounds: BoundingBox::from(bounds) });
        }
        layout.lines[0].word_count = 4;
        let lines = framed_lines(&layout);
        let feet: Vec<(usize, f64)> = lines.iter().map(|line| (line.words.len(), line.frame.origin.y.round())).collect();
        assert_eq!(feet, [(1, 152.0), (2, 160.0), (1, 152.0)]);
    }

    #[test]
    fn a_drawing_taken_for_letters_does_not_stand_across_but_a_label_does() {
        let upward = [20.0, 150.0, 20.0, 60.0];
        let body = ("plain words in a line", [30.0, 10.0, 190.0, 20.0], 0.9, [30.0, 18.0, 190.0, 18.0]);
        for (confidence, is_label) in [(0.3, false), (0.95, true)] {
            let layout = page(&[body, ("Frequency", [12.0, 60.0, 22.0, 150.0], confidence, upward)]);
            let lines = framed_lines(&layout);
            assert_eq!(lines[1].frame.along.y < -0.9, is_label, "{confidence}");
            let (start, end) = lines[1].frame.extent(&lines[1].words[0]);
            let middle = lines[1].frame.origin + lines[1].frame.along * ((start + end) / 2.0);
            assert!((12.0..22.0).contains(&middle.x) && (60.0..150.0).contains(&middle.y), "{middle:?}");
        }
    }

    #[test]
    fn a_page_on_its_side_has_its_lines_along_its_own_direction() {
        let down = [100.0, 10.0, 100.0, 150.0];
        let layout = page(&[("sideways", [98.0, 10.0, 110.0, 150.0], 0.4, down)]);
        assert!(framed_lines(&layout)[0].frame.along.y > 0.9);
    }
}
