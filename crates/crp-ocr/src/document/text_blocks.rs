//! Which lines of a text layer readers would take for one block although they are read apart, and how they are told apart.
//!
//! A block is a rectangle to poppler: it grows line by line, and takes up whatever stands within its sides. A column that is
//! wide, narrow beside a picture and wide again has the picture's caption within its sides, and through the caption the
//! column beyond it; their lines are then read across. It ends a block where the font size changes by a twentieth. So lines
//! that go on where the rectangle would take up others are set a little smaller.

use hayro::kurbo::Vec2;

use super::text_frame::FramedLine;

/// The smaller of two sizes that readers tell apart, as a share of the larger.
const TOLD_APART: f64 = 0.94;
/// Sizes that differ by less than this share belong together.
const SAME_SIZE: f64 = 0.05;
/// Baselines further apart than this, in font sizes, end a block.
const LINE_STEP: f64 = 1.5;
/// Baselines closer than this, in font sizes, are one row.
const SAME_ROW: f64 = 0.5;
/// A block takes up what is so near to its sides, in font sizes.
const NEAR: f64 = 0.3;
/// Within its sides, it takes up text whose size differs by less than this share.
const TAKEN_UP: f64 = 0.6;
/// Each line is compared with each; a page of more is left as it is.
const MAX_LINES: usize = 2000;

/// A rectangle of baselines: its sides along the text, and its first and last baseline.
#[derive(Clone, Copy)]
struct Extent {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Extent {
    fn of(line: &FramedLine<'_>, main: Vec2) -> Self {
        let down = Vec2::new(-main.y, main.x);
        let mut extent = Self { left: f64::INFINITY, right: f64::NEG_INFINITY, top: f64::INFINITY, bottom: f64::NEG_INFINITY };
        for word in line.words {
            let (start, end) = line.frame.extent(word);
            for place in [start, end].map(|along| (line.frame.origin + line.frame.along * along).to_vec2()) {
                let (x, y) = (place.dot(main), place.dot(down));
                extent = extent.with(Self { left: x, right: x, top: y, bottom: y });
            }
        }
        extent
    }

    fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Whether a block of this extent and size takes up `line`.
    fn takes_up(&self, size: f64, line: &Placed) -> bool {
        let (other, base) = (&line.extent, f64::midpoint(line.extent.top, line.extent.bottom));
        other.left < self.right + NEAR * size
            && other.right > self.left - NEAR * size
            && (self.top - SAME_ROW * size..=self.bottom + SAME_ROW * size).contains(&base)
            && (line.size - size).abs() < TAKEN_UP * size
    }
}

struct Placed {
    extent: Extent,
    size: f64,
}

impl Placed {
    fn is_in_row_with(&self, other: &Self) -> bool {
        (self.extent.bottom - other.extent.bottom).abs() < SAME_ROW * self.size
    }
}

/// A block as it grows, with the line that it began with.
struct Block {
    first: usize,
    extent: Extent,
    size: f64,
    is_smaller: bool,
}

/// Sets lines smaller where readers would else take them for one block with lines that are read apart. `lines` are those
/// that run in the page's direction `main`, in reading order.
pub(super) fn tell_apart(lines: &mut [&mut FramedLine<'_>], main: Vec2) {
    if lines.len() > MAX_LINES {
        return;
    }
    let placed: Vec<Placed> = lines.iter().map(|line| Placed { extent: Extent::of(line, main), size: line.frame.font_size }).collect();
    let mut block: Option<Block> = None;
    for (at, line) in placed.iter().enumerate() {
        let goes_on = block.take().filter(|block| continues(block, line));
        let next = match goes_on {
            Some(block) if takes_up_others(&block, at, &placed) => {
                Block { first: at, extent: line.extent, size: line.size, is_smaller: !block.is_smaller }
            }
            Some(block) => Block { extent: block.extent.with(line.extent), ..block },
            None => Block { first: at, extent: line.extent, size: line.size, is_smaller: false },
        };
        if next.is_smaller {
            lines[at].frame.font_size *= TOLD_APART;
        }
        block = Some(next);
    }
}

fn continues(block: &Block, line: &Placed) -> bool {
    (line.size - block.size).abs() < SAME_SIZE * block.size
        && line.extent.top - block.extent.bottom < LINE_STEP * block.size
        && line.extent.bottom > block.extent.bottom - SAME_ROW * block.size
        && line.extent.left < block.extent.right
        && block.extent.left < line.extent.right
}

/// Whether the block takes up a line that is read apart because it goes on with the line `at`, and not otherwise.
fn takes_up_others(block: &Block, at: usize, placed: &[Placed]) -> bool {
    let line = &placed[at];
    let both = block.extent.with(line.extent);
    // What follows in the same row is read on in any case.
    let row_end = at + placed[at..].iter().take_while(|next| next.is_in_row_with(line)).count();
    let apart = placed[..block.first].iter().chain(&placed[row_end..]);
    let taken = |extent: &Extent, other: &Placed| extent.takes_up(block.size, other);
    apart.into_iter().any(|other| taken(&both, other) && !taken(&block.extent, other) && !taken(&line.extent, other))
}

#[cfg(test)]
mod tests {
    use crp_model::{BoundingBox, Word};
    use hayro::kurbo::Point;

    use super::*;
    use crate::document::text_frame::Frame;

    /// The sizes that rows get, each given by its left and right side and its baseline, all of size 10.
    fn sizes(rows: &[[f32; 3]]) -> Vec<f64> {
        let word = |[x0, x1, y]: &[f32; 3]| Word {
            text: "words".to_owned(),
            confidence: 0.9,
            bounds: BoundingBox { x0: *x0, y0: y - 7.0, x1: *x1, y1: y + 2.0 },
        };
        let words: Vec<Word> = rows.iter().map(word).collect();
        let frame = |[x0, _, y]: &[f32; 3]| Frame {
            origin: Point::new(f64::from(*x0), f64::from(*y)),
            along: Vec2::new(1.0, 0.0),
            font_size: 10.0,
        };
        let mut lines: Vec<FramedLine<'_>> =
            rows.iter().zip(words.chunks(1)).map(|(row, words)| FramedLine { words, frame: frame(row) }).collect();
        tell_apart(&mut lines.iter_mut().collect::<Vec<_>>(), Vec2::new(1.0, 0.0));
        lines.iter().map(|line| line.frame.font_size).collect()
    }

    #[test]
    fn a_column_that_narrows_beside_a_caption_is_set_smaller_there() {
        let column = [[0.0, 200.0, 10.0], [0.0, 200.0, 22.0], [0.0, 100.0, 34.0], [0.0, 100.0, 46.0], [0.0, 200.0, 58.0]];
        let caption = [[120.0, 230.0, 42.0]];
        assert_eq!(sizes(&[column.as_slice(), &caption].concat()), [10.0, 10.0, 10.0, 10.0 * TOLD_APART, 10.0, 10.0]);
    }

    #[test]
    fn plain_columns_and_rows_of_a_table_keep_their_size() {
        let columns = [[0.0, 100.0, 10.0], [0.0, 60.0, 22.0], [0.0, 100.0, 34.0], [110.0, 200.0, 10.0], [110.0, 200.0, 22.0]];
        assert_eq!(sizes(&columns), [10.0; 5]);
        let rows = [[0.0, 150.0, 10.0], [0.0, 40.0, 22.0], [60.0, 150.0, 22.0], [0.0, 40.0, 34.0], [60.0, 150.0, 34.0]];
        assert_eq!(sizes(&rows), [10.0; 5]);
    }
}
