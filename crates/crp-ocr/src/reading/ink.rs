//! Where ink is on a page: connected pieces of it, nearly all of which are letters on a page of text.
//!
//! Whatever is measured before reading (the height of the text, its slope, its direction) is told from the pieces' boxes.

/// The picture is shrunk by whole factors to no more pixels than this before it is looked at.
const MAX_PIXELS: usize = 3_000_000;
/// Half the side of the square whose mean is the paper around a pixel, in pixels of the shrunken picture.
const SURROUNDINGS: usize = 16;
/// A pixel is ink when it is so much darker than its surroundings.
const DARKER: u32 = 24;
/// More pieces than this are texture, not text; the rest is left out.
const MAX_PIECES: usize = 60_000;

/// A connected piece of ink: its box, in pixels of the shrunken picture; the right and lower edges lie outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Left edge.
    pub(super) x0: u32,
    /// Upper edge.
    pub(super) y0: u32,
    /// Right edge.
    pub(super) x1: u32,
    /// Lower edge.
    pub(super) y1: u32,
}

impl Piece {
    /// Width in pixels.
    pub(super) fn width(self) -> u32 {
        self.x1 - self.x0
    }

    /// Height in pixels.
    pub(super) fn height(self) -> u32 {
        self.y1 - self.y0
    }

    /// Whether it may be a letter: neither a speck nor a rule nor a picture.
    fn may_be_letter(self) -> bool {
        let (width, height) = (self.width(), self.height());
        height >= 3 && width >= 2 && height <= 120 && width <= 6 * height && height <= 8 * width
    }
}

/// The pieces of a page that may be letters.
pub(super) struct Ink {
    /// The pieces, from the top.
    pub(super) pieces: Vec<Piece>,
    /// Width of the shrunken picture.
    pub(super) width: u32,
    /// Height of the shrunken picture.
    pub(super) height: u32,
    /// Pixels of the picture for one of the shrunken one, in each direction.
    pub(super) factor: u32,
}

impl Ink {
    /// Looks at a picture of gray pixels, rows from the top, 0 black.
    pub(super) fn of(width: u32, height: u32, gray: &[u8]) -> Self {
        let pixels = width as usize * height as usize;
        let mut factor = 1;
        while pixels / (factor * factor) > MAX_PIXELS {
            factor += 1;
        }
        let small = Shrunken::of(width as usize, height as usize, gray, factor);
        let pieces = pieces(&small);
        Self { pieces, width: small.width as u32, height: small.height as u32, factor: factor as u32 }
    }
}

struct Shrunken {
    width: usize,
    height: usize,
    gray: Vec<u8>,
}

impl Shrunken {
    fn row(&self, y: usize) -> &[u8] {
        &self.gray[y * self.width..(y + 1) * self.width]
    }

    /// Every pixel is the mean of a square of `factor` pixels; what is left over at the right and lower edges is dropped.
    fn of(width: usize, height: usize, gray: &[u8], factor: usize) -> Self {
        if factor == 1 {
            return Self { width, height, gray: gray.to_vec() };
        }
        let (out_width, out_height) = (width / factor, height / factor);
        let mut out = Vec::with_capacity(out_width * out_height);
        let mut sums = vec![0u32; out_width];
        let area = (factor * factor) as u32;
        for rows in gray.chunks_exact(width * factor) {
            sums.fill(0);
            for row in rows.chunks_exact(width) {
                for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += pixels.iter().map(|p| u32::from(*p)).sum::<u32>();
                }
            }
            out.extend(sums.iter().map(|sum| (sum / area) as u8));
        }
        Self { width: out_width, height: out_height, gray: out }
    }
}

/// The means around each pixel of a row, from sums over the columns that slide down with the rows.
struct Surroundings<'p> {
    picture: &'p Shrunken,
    columns: Vec<u32>,
    rows: std::ops::Range<usize>,
}

impl<'p> Surroundings<'p> {
    fn new(picture: &'p Shrunken) -> Self {
        Self { picture, columns: vec![0; picture.width], rows: 0..0 }
    }

    fn slide_to(&mut self, y: usize) {
        let wanted = y.saturating_sub(SURROUNDINGS)..(y + SURROUNDINGS + 1).min(self.picture.height);
        while self.rows.end < wanted.end {
            for (sum, pixel) in self.columns.iter_mut().zip(self.picture.row(self.rows.end)) {
                *sum += u32::from(*pixel);
            }
            self.rows.end += 1;
        }
        while self.rows.start < wanted.start {
            for (sum, pixel) in self.columns.iter_mut().zip(self.picture.row(self.rows.start)) {
                *sum -= u32::from(*pixel);
            }
            self.rows.start += 1;
        }
    }

    /// The runs of ink in row `y`.
    fn runs(&mut self, y: usize, runs: &mut Vec<Run>) {
        runs.clear();
        self.slide_to(y);
        let (width, tall) = (self.picture.width, self.rows.len() as u32);
        let row = self.picture.row(y);
        let (mut sum, mut from, mut to) = (0u32, 0usize, 0usize);
        let mut begun: Option<usize> = None;
        for (x, pixel) in row.iter().enumerate() {
            while to < (x + SURROUNDINGS + 1).min(width) {
                sum += self.columns[to];
                to += 1;
            }
            while from < x.saturating_sub(SURROUNDINGS) {
                sum -= self.columns[from];
                from += 1;
            }
            let area = tall * (to - from) as u32;
            let is_ink = (u32::from(*pixel) + DARKER) * area < sum;
            match (is_ink, begun) {
                (true, None) => begun = Some(x),
                (false, Some(start)) => {
                    runs.push(Run { start: start as u32, end: x as u32, piece: 0 });
                    begun = None;
                }
                _ => {}
            }
        }
        if let Some(start) = begun {
            runs.push(Run { start: start as u32, end: width as u32, piece: 0 });
        }
    }
}

/// Neighbouring pixels of ink in one row, and the piece that they belong to.
#[derive(Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
    piece: usize,
}

/// Pieces under construction: a forest in which merged ones point to what they became.
#[derive(Default)]
struct Forest {
    parents: Vec<usize>,
    boxes: Vec<Piece>,
}

impl Forest {
    fn add(&mut self, run: &Run, y: u32) -> usize {
        self.parents.push(self.boxes.len());
        self.boxes.push(Piece { x0: run.start, y0: y, x1: run.end, y1: y + 1 });
        self.boxes.len() - 1
    }

    fn root(&mut self, mut piece: usize) -> usize {
        while self.parents[piece] != piece {
            self.parents[piece] = self.parents[self.parents[piece]];
            piece = self.parents[piece];
        }
        piece
    }

    fn join(&mut self, one: usize, other: usize) -> usize {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return one;
        }
        let (kept, gone) = (one.min(other), one.max(other));
        let (a, b) = (self.boxes[kept], self.boxes[gone]);
        self.boxes[kept] = Piece { x0: a.x0.min(b.x0), y0: a.y0.min(b.y0), x1: a.x1.max(b.x1), y1: a.y1.max(b.y1) };
        self.parents[gone] = kept;
        kept
    }

    fn widen(&mut self, piece: usize, run: &Run, y: u32) {
        let b = &mut self.boxes[piece];
        *b = Piece { x0: b.x0.min(run.start), y0: b.y0, x1: b.x1.max(run.end), y1: y + 1 };
    }
}

fn pieces(picture: &Shrunken) -> Vec<Piece> {
    let mut surroundings = Surroundings::new(picture);
    let mut forest = Forest::default();
    let (mut above, mut runs) = (Vec::new(), Vec::new());
    for y in 0..picture.height {
        surroundings.runs(y, &mut runs);
        connect(&above, &mut runs, y as u32, &mut forest);
        std::mem::swap(&mut above, &mut runs);
        if forest.boxes.len() > MAX_PIECES {
            break;
        }
    }
    let whole = forest.boxes.iter().zip(&forest.parents).enumerate().filter(|(at, (_, parent))| at == *parent);
    whole.map(|(_, (piece, _))| *piece).filter(|piece| piece.may_be_letter()).collect()
}

/// Gives each run the piece of the runs above that it touches, also over a corner.
fn connect(above: &[Run], runs: &mut [Run], y: u32, forest: &mut Forest) {
    let mut first = 0;
    for run in runs {
        while first < above.len() && above[first].end < run.start {
            first += 1;
        }
        let mut piece = None;
        for touching in above[first..].iter().take_while(|other| other.start <= run.end) {
            piece = Some(match piece {
                None => forest.root(touching.piece),
                Some(piece) => forest.join(piece, touching.piece),
            });
        }
        run.piece = match piece {
            Some(piece) => {
                forest.widen(piece, run, y);
                piece
            }
            None => forest.add(run, y),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> (u32, u32, Vec<u8>) {
        let gray: Vec<u8> = rows.iter().flat_map(|r| r.bytes().map(|b| if b == b'#' { 0 } else { 255 })).collect();
        (rows[0].len() as u32, rows.len() as u32, gray)
    }

    #[test]
    fn pieces_that_touch_at_a_corner_are_one_and_specks_are_none() {
        let (width, height, gray) = picture(&[
            "..............",
            ".#...#....##..",
            ".#...#....##..",
            ".##.##......#.",
            "..###.......#.",
            "..............",
            "....#.........",
            "..............",
        ]);
        let ink = Ink::of(width, height, &gray);
        assert_eq!(ink.pieces, [Piece { x0: 1, y0: 1, x1: 6, y1: 5 }, Piece { x0: 10, y0: 1, x1: 13, y1: 5 }]);
        assert_eq!(ink.factor, 1);
    }

    #[test]
    fn ink_is_what_is_darker_than_its_surroundings_however_dark_the_paper() {
        // Paper that darkens from left to right, with a bar of the same step on it at both ends.
        let (width, height) = (400usize, 60usize);
        let mut gray: Vec<u8> = (0..width * height).map(|at| (240 - (at % width) / 2) as u8).collect();
        for y in 20..32 {
            for x in (40..46).chain(340..346) {
                gray[y * width + x] -= 40;
            }
        }
        let ink = Ink::of(width as u32, height as u32, &gray);
        assert_eq!(ink.pieces.iter().map(|p| (p.x0, p.x1, p.y0, p.y1)).collect::<Vec<_>>(), [(40, 46, 20, 32), (340, 346, 20, 32)]);
    }

    #[test]
    fn a_large_picture_is_looked_at_small() {
        let (width, height) = (4000u32, 3000u32);
        let mut gray = vec![255u8; width as usize * height as usize];
        for y in 1000..1040 {
            gray[y * 4000 + 2000..y * 4000 + 2020].fill(0);
        }
        let ink = Ink::of(width, height, &gray);
        assert_eq!((ink.factor, ink.width, ink.height), (2, 2000, 1500));
        assert_eq!(ink.pieces, [Piece { x0: 1000, y0: 500, x1: 1010, y1: 520 }]);
        assert!(Ink::of(0, 0, &[]).pieces.is_empty());
    }
}
