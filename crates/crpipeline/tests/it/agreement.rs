//! Whether a reader of the PDF sees the words of the layout model: the same ones, where they are, line by line.

use std::{collections::HashSet, fmt};

use crp_model::{Layout, Line, PageLayout, TextSource, Word};

use crate::readers::{ReadPage, ReadWord};

/// How well a reader agrees with the layout, over one or more pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreement {
    /// Words that were recognised.
    pub(crate) words: usize,
    /// Those that the reader has as words of their own, with their middle where it is.
    pub(crate) found: usize,
    /// Lines of the layout.
    pub(crate) lines: usize,
    /// Those whose words the reader has side by side in one line.
    pub(crate) whole_lines: usize,
    /// Lines whose words follow each other when the page is copied.
    pub(crate) copied_lines: usize,
    /// What does not agree, in words.
    pub(crate) complaints: Vec<String>,
}

impl Agreement {
    pub(crate) fn add(&mut self, other: Self) {
        self.words += other.words;
        self.found += other.found;
        self.lines += other.lines;
        self.whole_lines += other.whole_lines;
        self.copied_lines += other.copied_lines;
        self.complaints.extend(other.complaints);
    }

    /// Shares of the words that were found, of the lines that stayed whole, of the lines that were copied whole.
    pub(crate) fn shares(&self) -> [f64; 3] {
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        [share(self.found, self.words), share(self.whole_lines, self.lines), share(self.copied_lines, self.lines)]
    }

    /// Whether every word and every line agrees.
    pub(crate) fn is_full(&self) -> bool {
        self.found == self.words && self.whole_lines == self.lines && self.copied_lines == self.lines
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { words, found, lines, whole_lines, copied_lines, .. } = self;
        write!(f, "words {found}/{words}, lines {whole_lines}/{lines}, copied {copied_lines}/{lines}")
    }
}

/// Compares the recognised pages of a document with what a reader sees, see [`of_page`].
pub(crate) fn of_document(layout: &Layout, read: &[ReadPage], within: f64) -> Agreement {
    let mut all = Agreement::default();
    if layout.pages.len() != read.len() {
        all.complaints.push(format!("{} pages became {}", layout.pages.len(), read.len()));
        all.words = 1;
    }
    for (page, read) in layout.pages.iter().zip(read).filter(|(page, _)| page.source == TextSource::Ocr) {
        all.add(of_page(page, read, within));
    }
    all
}

/// Compares one page. A word is where it is when its middle is no more than `within` heights of its line away.
pub(crate) fn of_page(page: &PageLayout, read: &ReadPage, within: f64) -> Agreement {
    let mut agreement = Agreement { words: page.words.len(), lines: page.lines.len(), ..Agreement::default() };
    // With a blank on either side of every word, so that glued words are not taken for themselves.
    let spaced = |words: Vec<&str>| format!(" {} ", words.join(" "));
    let copied = spaced(read.copied.split_whitespace().collect());
    let mut taken = HashSet::new();
    for line in &page.lines {
        let words = page.words_of(line);
        let tolerance = within * height(line, words);
        let places: Vec<Option<(usize, usize)>> = words
            .iter()
            .map(|word| {
                // The ink of a mark fills a part of its line alone, so its middle may be half a line from that of its box.
                let tolerance = if word.text.chars().any(char::is_alphanumeric) { tolerance } else { 2.0 * tolerance };
                nearest(page, word, read, &taken).filter(|(_, away)| *away <= tolerance).map(|(place, _)| place)
            })
            .collect();
        taken.extend(places.iter().flatten());
        for (word, _) in words.iter().zip(&places).filter(|(_, place)| place.is_none()) {
            agreement.complaints.push(complaint(page, word, read, tolerance));
        }
        agreement.found += places.iter().flatten().count();
        agreement.whole_lines += usize::from(follow_each_other(&places));
        let line = words.iter().map(shown).collect::<Vec<_>>();
        agreement.copied_lines += usize::from(copied.contains(&spaced(line.iter().map(String::as_str).collect())));
    }
    agreement
}

/// The word as it can stand in a PDF: without control characters.
fn shown(word: &Word) -> String {
    word.text.chars().filter(|c| !c.is_control()).collect()
}

/// The nearest free word with the same text: its line and its place in the line, and how far its middle is away in points.
fn nearest(page: &PageLayout, word: &Word, read: &ReadPage, taken: &HashSet<(usize, usize)>) -> Option<((usize, usize), f64)> {
    let text = shown(word);
    let all = read.lines.iter().enumerate().flat_map(|(line, words)| words.iter().enumerate().map(move |(at, word)| ((line, at), word)));
    let same = all.filter(|(place, other)| other.text == text && !taken.contains(place));
    same.map(|(place, other)| (place, distance(page, word, other))).min_by(|a, b| a.1.total_cmp(&b.1))
}

fn distance(page: &PageLayout, word: &Word, other: &ReadWord) -> f64 {
    let b = word.bounds;
    let [x0, y0, x1, y1] = other.bounds;
    let across = f64::from(page.width) * (x0 + x1) / 2.0 - f64::from(b.x0 + b.x1) / 2.0;
    let down = f64::from(page.height) * (y0 + y1) / 2.0 - f64::from(b.y0 + b.y1) / 2.0;
    across.hypot(down)
}

/// The height of a line in points, whichever way it runs: that of its tallest word.
fn height(line: &Line, words: &[Word]) -> f64 {
    let [x0, y0, x1, y1] = line.baseline;
    let is_upright = (x1 - x0).abs() >= (y1 - y0).abs();
    let heights = words.iter().map(|word| if is_upright { word.bounds.height() } else { word.bounds.width() });
    f64::from(heights.fold(0.0, f32::max))
}

/// Whether the words stand side by side in one line; those of right-to-left scripts may stand in either order.
fn follow_each_other(places: &[Option<(usize, usize)>]) -> bool {
    let Some(places) = places.iter().copied().collect::<Option<Vec<_>>>() else { return false };
    let steps = |step: isize| places.windows(2).all(|two| two[0].0 == two[1].0 && two[0].1.checked_add_signed(step) == Some(two[1].1));
    steps(1) || steps(-1)
}

fn complaint(page: &PageLayout, word: &Word, read: &ReadPage, tolerance: f64) -> String {
    let away = match nearest(page, word, read, &HashSet::new()) {
        Some((_, away)) => format!("is {away:.1} points away, {tolerance:.1} are allowed"),
        None => {
            let near = read.lines.iter().flatten().min_by(|a, b| distance(page, word, a).total_cmp(&distance(page, word, b)));
            format!("is not there; near it is {:?}", near.map(|word| word.text.as_str()))
        }
    };
    format!("page {}: {:?} at {:?} {away}", page.page, word.text, <[f64; 4]>::from(word.bounds))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crp_model::{BoundingBox, PageNo};

    use super::*;

    fn page() -> PageLayout {
        let words = [("one", 10.0), ("two", 40.0)].map(|(text, x0)| Word {
            text: text.to_owned(),
            confidence: 0.9,
            bounds: BoundingBox { x0, y0: 90.0, x1: x0 + 20.0, y1: 100.0 },
        });
        let bounds = words[0].bounds.union(words[1].bounds);
        let line = Line { first_word: 0, word_count: 2, block: 0, paragraph: 0, bounds, baseline: [10.0, 100.0, 60.0, 100.0] };
        PageLayout {
            page: PageNo::from_index(0),
            width: 100.0,
            height: 200.0,
            rotation: 0,
            pixels: None,
            source: TextSource::Ocr,
            words: words.to_vec(),
            lines: vec![line],
        }
    }

    fn read(words: &[&[(&str, f64)]], copied: &str) -> ReadPage {
        let word = |(text, x0): &(&str, f64)| ReadWord { text: (*text).to_owned(), bounds: [x0 / 100.0, 0.45, (x0 + 20.0) / 100.0, 0.5] };
        ReadPage {
            copied: copied.to_owned(),
            lines: words.iter().map(|line| line.iter().map(word).collect()).collect(),
            found: HashMap::new(),
        }
    }

    #[test]
    fn a_reader_that_sees_the_same_agrees() {
        let agreement = of_page(&page(), &read(&[&[("one", 11.0), ("two", 39.0)]], "zero one\ntwo"), 0.5);
        assert!(agreement.is_full() && agreement.complaints.is_empty(), "{agreement:?}");
    }

    #[test]
    fn words_that_are_elsewhere_glued_torn_apart_or_in_another_order_are_seen() {
        let far = of_page(&page(), &read(&[&[("one", 11.0), ("two", 46.0)]], "one two"), 0.5);
        assert_eq!((far.found, far.whole_lines, far.copied_lines), (1, 0, 1), "{far:?}");
        let glued = of_page(&page(), &read(&[&[("onetwo", 25.0)]], "onetwo"), 0.5);
        assert_eq!((glued.found, glued.copied_lines, glued.complaints.len()), (0, 0, 2), "{glued:?}");
        let apart = of_page(&page(), &read(&[&[("one", 10.0)], &[("two", 40.0)]], "one x two"), 0.5);
        assert_eq!((apart.found, apart.whole_lines, apart.copied_lines), (2, 0, 0), "{apart:?}");
        let missing = of_document(&Layout { pages: vec![page(), page()] }, &[read(&[], "")], 0.5);
        assert!(!missing.is_full() && missing.complaints[0].contains("2 pages became 1"), "{missing:?}");
    }
}
