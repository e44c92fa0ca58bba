//! Bytes become layouts: any words at any places, such as pass the check of a layout and no other.

use crp_model::{BoundingBox, Line, PageLayout, PageNo, TextSource, Word};

use super::pdfs;
use crate::PageInfo;

/// Places and sizes that writers stumble over.
const NUMBERS: [f32; 16] =
    [0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 0.001, 14400.0, 1e9, -1e9, 612.0, 792.0, 0.1];
/// Characters that writers stumble over.
const CHARACTERS: [char; 16] =
    ['\0', '\n', ' ', '(', ')', '\\', '<', 'ﬁ', 'ש', 'ا', '漢', '\u{301}', '\u{fffe}', '\u{e000}', '\u{1F600}', '\u{10ffff}'];
const MAX_LINES: u8 = 24;
const MAX_WORDS: u8 = 12;
const MAX_CHARACTERS: u8 = 12;

/// Bytes that choices are taken from; zeros once they have ended.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Choices from these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn number(&mut self) -> f32 {
        let kind = self.byte();
        match NUMBERS.get(usize::from(kind)) {
            Some(number) => *number,
            None => f32::from(i16::from_le_bytes([self.byte(), self.byte()])) / 32.0,
        }
    }

    fn bounds(&mut self) -> BoundingBox {
        let [a, b, c, d] = [self.number(), self.number(), self.number(), self.number()];
        BoundingBox { x0: a.min(c), y0: b.min(d), x1: a.max(c), y1: b.max(d) }
    }

    fn text(&mut self) -> String {
        let length = self.byte() % (MAX_CHARACTERS + 1);
        let mut character = || {
            let byte = self.byte();
            match CHARACTERS.get(usize::from(byte)) {
                Some(odd) => *odd,
                None => char::from(byte),
            }
        };
        (0..length).map(|_| character()).collect()
    }

    /// A layout of a page; it passes its check.
    pub(crate) fn layout(&mut self, page: PageNo, info: &PageInfo) -> PageLayout {
        let (mut words, mut lines) = (Vec::new(), Vec::new());
        for _ in 0..self.byte() % (MAX_LINES + 1) {
            let first_word = words.len() as u32;
            let count = self.byte() % (MAX_WORDS + 1);
            words.extend((0..count).map(|_| Word { text: self.text(), confidence: f32::from(self.byte()) / 255.0, bounds: self.bounds() }));
            lines.push(Line {
                first_word,
                word_count: count.into(),
                block: self.byte().into(),
                paragraph: self.byte().into(),
                bounds: self.bounds(),
                baseline: [self.number(), self.number(), self.number(), self.number()],
            });
        }
        PageLayout { source: TextSource::Ocr, words, lines, ..info.blank_layout(page) }
    }
}

/// A layout with two words in the middle of the page.
pub(crate) fn two_words(page: PageNo, info: &PageInfo) -> PageLayout {
    let (x, y) = (info.width_points / 2.0, info.height_points / 2.0);
    let word = |text: &str, x0: f32| Word {
        text: text.to_owned(),
        confidence: 0.9,
        bounds: BoundingBox { x0, y0: y, x1: x0 + x / 10.0, y1: y + y / 50.0 },
    };
    let words = vec![word("zwei", x), word("\u{1F600}词", x * 1.2)];
    let bounds = words[0].bounds.union(words[1].bounds);
    let line =
        Line { first_word: 0, word_count: 2, block: 0, paragraph: 0, bounds, baseline: [bounds.x0, bounds.y1, bounds.x1, bounds.y1] };
    PageLayout { source: TextSource::Ocr, words, lines: vec![line], ..info.blank_layout(page) }
}

/// For each of our own PDFs one line of ordinary words and one of odd ones.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let number = |value: i16| [&[100][..], &value.to_le_bytes()].concat();
    let numbers = |values: [i16; 4]| values.map(number).concat();
    let ordinary = [&[5], &b"Hello"[..], &[230], &numbers([2304, 3200, 4000, 3520])].concat();
    let odd = [&[12, 0, 5, 9, 10, 11, 14, 15, 200, 8, 7, 3, 65][..], &[255, 6, 7, 2, 1]].concat();
    let place = [&[1, 2][..], &numbers([2304, 3200, 9000, 3520]), &numbers([2304, 3500, 9000, 3490])].concat();
    let one_page = [&[2, 2][..], &ordinary, &ordinary, &place, &[1], &odd, &place].concat();
    (0..pdfs::COUNT).map(|which| [&[which][..], &one_page, &one_page].concat()).collect()
}
