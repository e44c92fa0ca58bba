//! How well a text was read: words found and in the right order, against what really stands on the pages.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The words of one page, or of several taken together, against their truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    /// Words of the truth.
    pub(crate) words: usize,
    /// Share of the truth's words that were found, wherever they stand.
    pub(crate) recall: f64,
    /// Share of the words found that are in the truth.
    pub(crate) precision: f64,
    /// Harmonic mean of both.
    pub(crate) f1: f64,
    /// Word error rate: words to insert, delete or replace until both texts are equal, per word of the truth.
    pub(crate) wer: f64,
}

/// Scores pages, each a pair of truth and reading.
pub(crate) fn score<'a>(pages: impl IntoIterator<Item = (&'a str, &'a str)>) -> Score {
    let (mut truth_words, mut read_words, mut found, mut edits) = (0, 0, 0, 0);
    for (truth, reading) in pages {
        let (truth, reading) = (words(truth), words(reading));
        truth_words += truth.len();
        read_words += reading.len();
        found += in_both(&truth, &reading);
        edits += distance(&truth, &reading);
    }
    let share = |part: usize, whole: usize| round(part as f64 / whole.max(1) as f64, 4);
    Score {
        words: truth_words,
        recall: share(found, truth_words),
        precision: share(found, read_words),
        f1: share(2 * found, truth_words + read_words),
        wer: share(edits, truth_words),
    }
}

/// A number with so many decimals.
pub(crate) fn round(number: f64, decimals: i32) -> f64 {
    let factor = 10f64.powi(decimals);
    (number * factor).round() / factor
}

/// Lower-case words without the punctuation around them; typographic signs as typewriters have them, and what was hyphenated at
/// the end of a line in one piece.
fn words(text: &str) -> Vec<String> {
    let bare = joined(&folded(text));
    let is_space = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let words = bare.split(is_space).map(|word| word.trim_matches(|c| !part_of_word(c)).to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            '\u{2013}' | '\u{2014}' => plain.push('-'),
            '\u{fb01}' => plain.push_str("fi"),
            '\u{fb02}' => plain.push_str("fl"),
            // A soft hyphen is none where the line goes on.
            '\u{ad}' => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Without each hyphen at the end of a line and the space after it.
fn joined(text: &str) -> String {
    let mut pieces = text.split("-\n");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        whole.push_str(piece.trim_start());
    }
    whole
}

/// How many words are in both, each counted as often as it is in both.
fn in_both(one: &[String], other: &[String]) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in one {
        *left.entry(word).or_default() += 1;
    }
    let mut both = 0;
    for word in other {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            both += 1;
        }
    }
    both
}

/// Levenshtein's distance in words.
fn distance(one: &[String], other: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bare_lower_case_and_whole() {
        let text = "\u{201c}The quick-\n  brown\u{201d} \u{fb01}re\u{2014}fly\u{2019}s, (_x_) -- 3.14! co\u{ad}op\u{c}Next";
        assert_eq!(words(text), ["the", "quickbrown", "fire-fly's", "_x_", "3.14", "coop", "next"]);
        assert_eq!(words(" . ... \n\u{c}"), Vec::<String>::new());
    }

    #[test]
    fn scores_are_those_counted_by_hand() {
        // Truth: 6 words, "the" twice. Read: 5 words; found are the, cat, on, mat = 4. From truth to reading: sat -> sit,
        // the second "the" is missing = 2 edits.
        let pages = [("The cat sat on the mat.", "the CAT sit on mat")];
        let scored = score(pages);
        assert_eq!(scored, Score { words: 6, recall: 0.6667, precision: 0.8, f1: 0.7273, wer: 0.3333 });
        // A second page, all of it lost: 10 truth words, 4 found of 5 read, 2 + 4 edits.
        let scored = score(pages.into_iter().chain([("one two three four", "")]));
        assert_eq!(scored, Score { words: 10, recall: 0.4, precision: 0.8, f1: 0.5333, wer: 0.6 });
    }

    #[test]
    fn order_counts_in_the_error_rate_alone() {
        // Two columns read across: every word is there, but four have to move.
        let scored = score([("a b c d e f", "a d b e c f")]);
        assert_eq!((scored.f1, scored.precision), (1.0, 1.0));
        assert!((scored.wer - 4.0 / 6.0).abs() < 1e-4, "{}", scored.wer);
    }

    #[test]
    fn more_words_than_there_are_cost_precision_and_errors() {
        assert_eq!(score([("a", "a a a")]), Score { words: 1, recall: 1.0, precision: 0.3333, f1: 0.5, wer: 2.0 });
        assert_eq!(score([("", "")]), Score::default());
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        let of = |one: &str, other: &str| distance(&words(one), &words(other));
        assert_eq!(of("k i t t e n", "s i t t i n g"), 3);
        assert_eq!(of("", "a b"), 2);
        assert_eq!(of("a b", ""), 2);
        assert_eq!(of("a b c", "a b c"), 0);
    }
}
