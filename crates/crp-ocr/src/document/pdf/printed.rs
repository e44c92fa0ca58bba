//! Words that a page shows as text of its own: they can be found already, the text layer does not say them again.

use crp_model::{BoundingBox, PageLayout, Word};

/// A recognised word is the printed one if so much of it lies under it.
const SAME_PLACE: f32 = 0.5;

/// The layout without the words at the places of `printed` ones.
pub(super) fn without_printed_words(layout: &PageLayout, printed: &[BoundingBox]) -> PageLayout {
    let mut rest = PageLayout { words: Vec::new(), lines: Vec::new(), ..layout.clone() };
    for line in &layout.lines {
        let first_word = rest.words.len() as u32;
        rest.words.extend(layout.words_of(line).iter().filter(|word| !is_printed(word, printed)).cloned());
        let word_count = rest.words.len() as u32 - first_word;
        if word_count > 0 {
            let mut line = line.clone();
            (line.first_word, line.word_count) = (first_word, word_count);
            rest.lines.push(line);
        }
    }
    rest
}

fn is_printed(word: &Word, printed: &[BoundingBox]) -> bool {
    let area = word.bounds.width() * word.bounds.height();
    let covered: f32 = printed.iter().map(|p| shared(word.bounds, *p)).sum();
    covered > SAME_PLACE * area
}

fn shared(a: BoundingBox, b: BoundingBox) -> f32 {
    let width = (a.x1.min(b.x1) - a.x0.max(b.x0)).max(0.0);
    let height = (a.y1.min(b.y1) - a.y0.max(b.y0)).max(0.0);
    width * height
}
