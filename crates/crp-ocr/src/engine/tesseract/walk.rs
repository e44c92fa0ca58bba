//! One pass over Tesseract's result: words gather into lines, paragraphs and blocks, in pixels.

use super::handles::{Level, Walk};
use crate::engine::{Recognised, RecognisedLine, RecognisedWord, check::is_near};

/// Reads every word of the walk, in reading order; `size` is that of the picture.
///
/// Whether a word is the first of something costs the engine a walk over all words before it, several times. So a new line is
/// known by its box, and only its first word is asked what else begins with it: about 0.1 s less for a full page of text.
pub(super) fn gather(mut walk: Walk<'_>, size: [u32; 2]) -> Recognised {
    let mut gather = Gather::new(size);
    let mut last_line = None;
    loop {
        let line = walk.bounds(Level::Line);
        // A block that is a picture has no line.
        if line.is_none() || line != last_line {
            if walk.is_first_of(Level::Block) {
                gather.begin_block();
            }
            if walk.is_first_of(Level::Paragraph) {
                gather.begin_paragraph();
            }
            gather.begin_line(line, walk.baseline(Level::Line));
            last_line = line;
        }
        if let (Some(text), Some(bounds)) = (walk.word(), walk.bounds(Level::Word)) {
            gather.add_word(&text, walk.confidence_percent(), bounds);
        }
        if !walk.next() {
            return gather.found;
        }
    }
}

/// The answer as it grows.
struct Gather {
    found: Recognised,
    size: [i32; 2],
    /// Blocks and paragraphs that have a line.
    blocks: u32,
    paragraphs: u32,
    block_is_new: bool,
    paragraph_is_new: bool,
    /// The line that has begun but has no word yet.
    pending: Option<PendingLine>,
}

/// A line as the engine tells it.
#[derive(Clone, Copy, Default)]
struct PendingLine {
    bounds: Option<[i32; 4]>,
    baseline: Option<[i32; 4]>,
}

impl Gather {
    fn new(size: [u32; 2]) -> Self {
        Self {
            found: Recognised::default(),
            size: size.map(|side| i32::try_from(side).unwrap_or(i32::MAX)),
            blocks: 0,
            paragraphs: 0,
            block_is_new: true,
            paragraph_is_new: true,
            pending: None,
        }
    }

    fn begin_block(&mut self) {
        self.block_is_new = true;
        self.paragraph_is_new = true;
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
        if text.trim().is_empty() {
            return;
        }
        let bounds = self.inside(bounds);
        let confidence = if confidence_percent.is_finite() { (confidence_percent / 100.0).clamp(0.0, 1.0) } else { 0.0 };
        if self.pending.is_some() || self.found.lines.is_empty() {
            let line = self.pending.take().unwrap_or_default();
            self.add_line(line, bounds);
        }
        self.found.words.push(RecognisedWord { text, confidence, bounds });
        if let Some(line) = self.found.lines.last_mut() {
            line.word_count += 1;
            line.bounds = union(line.bounds, bounds);
        }
    }

    fn add_line(&mut self, PendingLine { bounds, baseline }: PendingLine, first_word: [i32; 4]) {
        self.blocks += u32::from(std::mem::take(&mut self.block_is_new));
        self.paragraphs += u32::from(std::mem::take(&mut self.paragraph_is_new));
        let bounds = bounds.map_or(first_word, |b| self.inside(b));
        let [left, _, right, bottom] = bounds;
        self.found.lines.push(RecognisedLine {
            first_word: u32::try_from(self.found.words.len()).unwrap_or(u32::MAX),
            word_count: 0,
            block: self.blocks - 1,
            paragraph: self.paragraphs - 1,
            bounds,
            // A line fitted through a few specks may point anywhere.
            baseline: baseline.filter(|b| is_near(*b, self.size.map(i64::from))).unwrap_or([left, bottom, right, bottom]),
        });
    }

    /// The part of a box that lies in the picture.
    fn inside(&self, [left, top, right, bottom]: [i32; 4]) -> [i32; 4] {
        let [width, height] = self.size;
        let (x, y) = (|at: i32| at.clamp(0, width), |at: i32| at.clamp(0, height));
        [x(left.min(right)), y(top.min(bottom)), x(left.max(right)), y(top.max(bottom))]
    }
}

fn union(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_gather_into_lines_paragraphs_and_blocks() {
        let mut gather = Gather::new([200, 400]);
        gather.begin_block();
        gather.begin_paragraph();
        gather.begin_line(Some([20, 40, 110, 60]), Some([20, 56, 120, 58]));
        gather.add_word("Hello", 96.0, [20, 40, 60, 60]);
        gather.add_word("world", 91.0, [70, 40, 120, 60]);
        gather.begin_paragraph();
        gather.begin_line(Some([20, 70, 90, 90]), None);
        gather.add_word("again", f32::NAN, [20, 70, 90, 90]);
        gather.begin_block();
        gather.begin_line(None, None);
        gather.add_word(" \n", 50.0, [0, 0, 1, 1]);
        gather.add_word("E\u{7}nd", 120.0, [20, 110, 60, 130]);
        let lines: Vec<_> = gather.found.lines.iter().map(|l| (l.first_word, l.word_count, l.block, l.paragraph)).collect();
        assert_eq!(lines, [(0, 2, 0, 0), (2, 1, 0, 1), (3, 1, 1, 2)]);
        assert_eq!(gather.found.lines[0].bounds, [20, 40, 120, 60], "a line holds its words");
        assert_eq!(gather.found.lines[0].baseline, [20, 56, 120, 58]);
        assert_eq!(gather.found.lines[1].baseline, [20, 90, 90, 90], "without one it is the foot of the line");
        assert_eq!(gather.found.words.iter().map(|w| w.confidence).collect::<Vec<_>>(), [0.96, 0.91, 0.0, 1.0]);
        assert_eq!(gather.found.words[3].text, "End");
    }

    #[test]
    fn boxes_that_leave_the_picture_are_cut_at_its_edge() {
        let mut gather = Gather::new([200, 400]);
        gather.add_word("edge", 90.0, [240, 390, -20, 500]);
        assert_eq!(gather.found.words[0].bounds, [0, 390, 200, 400]);
    }

    #[test]
    fn a_picture_without_words_has_no_lines() {
        let mut gather = Gather::new([200, 400]);
        gather.begin_block();
        gather.begin_line(Some([0, 0, 9, 9]), None);
        assert_eq!(gather.found, Recognised::default());
    }
}
