//! The layout model: pages, lines and words with their places. Text, search and the PDF's text layer derive from it.

use serde::{Deserialize, Serialize};

use crate::{PageNo, is_blank_between};

/// A box `[x0, y0, x1, y1]` in PDF points (1/72 inch), origin at the top left of the page as displayed, y downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f64; 4]")]
pub struct BoundingBox {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
}

impl BoundingBox {
    /// The smallest box around both.
    #[must_use]
    pub fn union(self, other: BoundingBox) -> BoundingBox {
        BoundingBox { x0: self.x0.min(other.x0), y0: self.y0.min(other.y0), x1: self.x1.max(other.x1), y1: self.y1.max(other.y1) }
    }

    /// Width in points.
    pub fn width(self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in points.
    pub fn height(self) -> f32 {
        self.y1 - self.y0
    }
}

impl From<[f32; 4]> for BoundingBox {
    fn from([x0, y0, x1, y1]: [f32; 4]) -> Self {
        Self { x0, y0, x1, y1 }
    }
}

impl From<BoundingBox> for [f64; 4] {
    fn from(b: BoundingBox) -> Self {
        // A hundredth of a point is finer than any scan; more digits only make the file larger.
        [b.x0, b.y0, b.x1, b.y1].map(|v| (f64::from(v) * 100.0).round() / 100.0)
    }
}

/// Writes a confidence with four digits: the same text whether it goes straight to a file or through a JSON value.
pub(crate) fn write_confidence<S: serde::Serializer>(confidence: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*confidence) * 10_000.0).round() / 10_000.0)
}

/// Where a page's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// The page carried it.
    TextLayer,
    /// It was recognised.
    Ocr,
    /// Recognition was switched off and the page carries none.
    None,
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The characters, in reading order.
    pub text: String,
    /// How sure the engine is, 0 … 1; 1 for text that the page carried.
    #[serde(serialize_with = "write_confidence")]
    pub confidence: f32,
    /// Where it stands.
    #[serde(rename = "box")]
    pub bounds: BoundingBox,
}

/// A line: a run of words of its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Index of its first word in the page's `words`.
    pub first_word: u32,
    /// Number of its words.
    pub word_count: u32,
    /// Number of its block on the page, from 0: a column, a heading, a cell. 0 where blocks are not known.
    #[serde(default)]
    pub block: u32,
    /// Number of its paragraph on the page, from 0; a new one begins after a gap. It counts on from block to block.
    pub paragraph: u32,
    /// Where it stands.
    #[serde(rename = "box")]
    pub bounds: BoundingBox,
    /// Two points of its baseline, `[x0, y0, x1, y1]` in the same units; it rises or falls on a skewed page.
    pub baseline: [f32; 4],
}

/// One page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageLayout {
    /// Its number, from 1.
    pub page: PageNo,
    /// Width in points, as displayed.
    pub width: f32,
    /// Height in points, as displayed.
    pub height: f32,
    /// Clockwise rotation with which the page is displayed: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Size `[width, height]` in pixels of the picture that it was read at, upright as displayed; absent for a page that was not
    /// rendered. It covers the whole page: `pixels / points` is the same factor for every place, see [`PageLayout::pixel_box`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<[u32; 2]>,
    /// Where its text comes from.
    pub source: TextSource,
    /// Its words, in reading order.
    pub words: Vec<Word>,
    /// Its lines, in reading order; they cover `words` without gap.
    pub lines: Vec<Line>,
}

impl PageLayout {
    /// The words of `line`.
    pub fn words_of(&self, line: &Line) -> &[Word] {
        let start = (line.first_word as usize).min(self.words.len());
        let end = start.saturating_add(line.word_count as usize).min(self.words.len());
        &self.words[start..end]
    }

    /// Size `[width, height]` in pixels of the picture in which [`Self::pixel_box`] counts: the one that the page was read at, or, for
    /// a page that was not rendered, the one that it would have at 300 pixels per inch.
    pub fn picture_size(&self) -> [u32; 2] {
        // A cast of a float saturates, so no page is too large.
        self.pixels.unwrap_or_else(|| [self.width, self.height].map(|points| ((points * 300.0 / 72.0).round() as u32).max(1)))
    }

    /// A box of this page in pixels of [`Self::picture_size`]: `[left, top, right, bottom]`, origin at the top left, y downwards,
    /// `right` and `bottom` just outside. Never outside the picture.
    pub fn pixel_box(&self, bounds: BoundingBox) -> [u32; 4] {
        let [(left, top), (right, bottom)] = [(bounds.x0, bounds.y0), (bounds.x1, bounds.y1)].map(|(x, y)| self.pixel(x, y));
        [left, top, right, bottom]
    }

    /// A point of this page in pixels of [`Self::picture_size`], kept inside.
    pub fn pixel(&self, x: f32, y: f32) -> (u32, u32) {
        let [width, height] = self.picture_size();
        let scale = |at: f32, points: f32, pixels: u32| {
            let scaled = f64::from(at) * f64::from(pixels) / f64::from(points);
            (scaled.round() as u32).min(pixels)
        };
        (scale(x, self.width, width), scale(y, self.height, height))
    }

    /// The text: one line per line, an empty line between paragraphs.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut paragraph = None;
        for line in &self.lines {
            if paragraph.is_some_and(|p| p != line.paragraph) {
                text.push('\n');
            }
            paragraph = Some(line.paragraph);
            let words = self.words_of(line);
            for (at, word) in words.iter().enumerate() {
                if at > 0 && is_blank_between(&words[at - 1], word) {
                    text.push(' ');
                }
                text.push_str(&word.text);
            }
            text.push('\n');
        }
        text
    }

    /// Mean confidence of its words, weighted by their length; `None` without words.
    pub fn mean_confidence(&self) -> Option<f32> {
        let (sum, weight) = self.words.iter().fold((0.0, 0.0), |(sum, weight), word| {
            let characters = word.text.chars().count() as f32;
            (sum + word.confidence * characters, weight + characters)
        });
        (weight > 0.0).then(|| sum / weight)
    }

    /// Checks what an engine answered: finite boxes on or near the page, confidences in 0 … 1, lines that cover the words.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if !(self.width.is_finite() && self.height.is_finite() && self.width > 0.0 && self.height > 0.0) {
            return Err(format!("page {} has the size {} × {}", self.page, self.width, self.height));
        }
        for word in &self.words {
            let b = word.bounds;
            if ![b.x0, b.y0, b.x1, b.y1].iter().all(|v| v.is_finite()) || b.x1 < b.x0 || b.y1 < b.y0 {
                return Err(format!("a word on page {} has the box {b:?}", self.page));
            }
            if !(0.0..=1.0).contains(&word.confidence) {
                return Err(format!("a word on page {} has the confidence {}", self.page, word.confidence));
            }
        }
        let mut next = 0usize;
        for line in &self.lines {
            let b = line.bounds;
            if ![b.x0, b.y0, b.x1, b.y1].iter().chain(&line.baseline).all(|v| v.is_finite()) {
                return Err(format!("a line on page {} has the box {b:?} and the baseline {:?}", self.page, line.baseline));
            }
            if line.first_word as usize != next {
                return Err(format!("the lines of page {} do not cover its words", self.page));
            }
            next += line.word_count as usize;
        }
        if next != self.words.len() {
            return Err(format!("the lines of page {} cover {next} of {} words", self.page, self.words.len()));
        }
        Ok(())
    }
}

/// A whole document, page by page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The pages, from 1.
    pub pages: Vec<PageLayout>,
}

impl Layout {
    /// The text of all pages, separated by form feeds (`pdftotext` does the same).
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (at, page) in self.pages.iter().enumerate() {
            if at > 0 {
                text.push('\x0c');
            }
            text.push_str(&page.text());
        }
        text
    }
}
