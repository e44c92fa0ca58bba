//! Which way a script runs, and the order in which its glyphs stand on paper.

use unicode_normalization::UnicodeNormalization;

/// The letters that a ligature or a letter's form at its place in a word stands for, where these have code points of their own:
/// nobody types those into a search.
pub(crate) fn plain_letters(c: char) -> String {
    // Phrases in one code point keep it: their blanks would be lost inside a word.
    if matches!(u32::from(c), 0xFB00..=0xFB06 | 0xFB13..=0xFB17 | 0xFB1D..=0xFDF9 | 0xFE70..=0xFEFC) {
        std::iter::once(c).nfkc().filter(|c| !c.is_whitespace()).collect()
    } else {
        c.to_string()
    }
}

/// Whether a letter of the text belongs to a script that runs from right to left (Hebrew, Arabic and their neighbours).
pub(crate) fn is_right_to_left(text: &str) -> bool {
    text.chars().any(is_right_to_left_letter)
}

/// The pieces of a word that stand from left to right on paper, in reading order.
pub(crate) fn logical_order(pieces: &[String]) -> String {
    turned(pieces).concat()
}

/// The characters of a word as they stand from left to right on paper.
pub(crate) fn visual_order(word: &str) -> String {
    if !is_right_to_left(word) {
        return word.to_owned();
    }
    let mut clusters: Vec<String> = Vec::new();
    for c in word.chars() {
        match clusters.last_mut() {
            Some(cluster) if is_mark(c) => cluster.push(c),
            _ => clusters.push(c.to_string()),
        }
    }
    turned(&clusters).concat()
}

/// Reverses everything but runs of numbers and of left-to-right letters. Its own inverse.
fn turned(pieces: &[String]) -> Vec<String> {
    let mut turned: Vec<String> = Vec::with_capacity(pieces.len());
    let mut end = pieces.len();
    while end > 0 {
        let mut start = end - 1;
        if runs_right(&pieces[start]) {
            while start > 0 && runs_right(&pieces[start - 1]) {
                start -= 1;
            }
        }
        turned.extend_from_slice(&pieces[start..end]);
        end = start;
    }
    turned
}

fn runs_right(piece: &str) -> bool {
    piece.chars().any(|c| (c.is_alphanumeric() && !is_right_to_left_letter(c)) || matches!(c, '.' | ',' | ':' | '/' | '%'))
        && !is_right_to_left(piece)
}

fn is_right_to_left_letter(c: char) -> bool {
    // Arabic digits run from left to right.
    matches!(u32::from(c), 0x0590..=0x065F | 0x066A..=0x06EF | 0x06FA..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
        && !is_mark(c)
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0591..=0x05BD | 0x05BF | 0x05C1..=0x05C2 | 0x05C4..=0x05C5 | 0x05C7 | 0x0610..=0x061A | 0x064B..=0x065F | 0x0670 | 0x06D6..=0x06DC | 0x06DF..=0x06E4 | 0x06E7..=0x06E8 | 0x06EA..=0x06ED | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0x200D)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_right_to_left_text_keep_their_order() {
        assert_eq!(visual_order("ב12"), "12ב");
        assert_eq!(visual_order("abc"), "abc");
        assert_eq!(visual_order("שלום"), "םולש");
        let pieces: Vec<String> = visual_order("ב12ג").chars().map(String::from).collect();
        assert_eq!(logical_order(&pieces), "ב12ג");
    }

    #[test]
    fn ligatures_and_forms_of_letters_are_plain_letters() {
        for (form, plain) in
            [('\u{fb03}', "ffi"), ('\u{fb06}', "st"), ('\u{fef5}', "لآ"), ('\u{fee7}', "ن"), ('\u{fb4a}', "תּ"), ('é', "é"), ('字', "字")]
        {
            assert_eq!(plain_letters(form), plain);
        }
    }
}
