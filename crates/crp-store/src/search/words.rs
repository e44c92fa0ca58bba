//! Words as the index knows them: the same for both databases, for what is indexed and for what is looked for.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Characters of a word that count; what comes after them is cut off, in the index and in questions alike.
const MAX_WORD_CHARACTERS: usize = 64;

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where it stands, in bytes.
    pub(crate) place: Range<usize>,
    /// The word as it is compared: without case and accents. Letters, digits and marks only, so that it needs no quoting anywhere.
    pub(crate) folded: String,
}

/// The words of a text, in order. Scripts without blanks between their words (Chinese, Japanese) give one word per character.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Word> + '_ {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (start, first) = rest.by_ref().find(|(_, c)| begins_word(*c))?;
            let mut end = start + first.len_utf8();
            let stands_alone = is_ideographic(first);
            while let Some((at, c)) = rest.next_if(|(_, c)| is_combining_mark(*c) || !stands_alone && goes_on(*c)) {
                end = at + c.len_utf8();
            }
            let folded = fold_word(&text[start..end]);
            if !folded.is_empty() {
                return Some(Word { place: start..end, folded });
            }
        }
    })
}

/// A text as it is compared and sorted by: its words without case and accents, with a blank between them.
pub(crate) fn fold(text: &str) -> String {
    let folded: Vec<String> = words(text).map(|word| word.folded).collect();
    folded.join(" ")
}

/// Vowel signs and the like are alphabetic marks: they belong to the letter before them.
fn begins_word(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

fn goes_on(c: char) -> bool {
    c.is_alphanumeric() && !is_ideographic(c)
}

fn fold_word(word: &str) -> String {
    if word.is_ascii() {
        return word.chars().take(MAX_WORD_CHARACTERS).map(|c| c.to_ascii_lowercase()).collect();
    }
    let plain = word.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase);
    let spelt = plain.flat_map(|c| if c == 'ß' { ['s', 's'].into_iter().take(2) } else { [c, c].into_iter().take(1) });
    // Decomposing can bring signs (½ becomes 1⁄2) and, for letters such as İ, new marks.
    let clean = spelt.filter(|c| c.is_alphanumeric() || is_combining_mark(*c) && !('\u{300}'..='\u{36f}').contains(c));
    // A mark without a letter before it begins no word: marks alone can be left of a letter, or change places with one another.
    clean.nfc().skip_while(|c| is_combining_mark(*c)).take(MAX_WORD_CHARACTERS).collect()
}

/// Han, kana and their extensions.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).map(|word| word.folded).collect()
    }

    #[test]
    fn case_accents_and_forms_of_letters_do_not_count() {
        assert_eq!(folded("Rechnung Nr. 4711-B, MÜLLER"), ["rechnung", "nr", "4711", "b", "muller"]);
        assert_eq!(folded("u\u{308}ber Straße ﬁn ＡＢＣ ½"), ["uber", "strasse", "fin", "abc", "12"]);
        assert_eq!(folded("請求書2024年"), ["請", "求", "書", "2024", "年"]);
        assert_eq!(folded("한국어 문서"), ["한국어", "문서"]);
        assert_eq!(folded(" --- ''\"\" \u{308} "), Vec::<String>::new());
        assert_eq!(fold("  Ärzte & Söhne "), "arzte sohne");
    }

    /// Chance finds the rare ones of these years later: all characters, alone and with marks of different classes around them.
    #[test]
    fn folding_what_is_folded_changes_nothing_for_each_character_there_is() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_alphanumeric() || is_combining_mark(*c)) {
            for text in [c.to_string(), format!("a{c}"), format!("{c}\u{9cd}\u{1e008}"), format!("\u{1e008}{c}")] {
                for word in folded(&text) {
                    assert_eq!(folded(&word).concat(), word, "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn words_hold_nothing_that_a_database_could_take_for_syntax_and_lie_where_they_say(text in any::<String>()) {
            let mut before = 0;
            for word in words(&text) {
                prop_assert!(word.place.start >= before && text.get(word.place.clone()).is_some());
                before = word.place.end;
                prop_assert!(!word.folded.is_empty() && word.folded.chars().count() <= MAX_WORD_CHARACTERS);
                prop_assert!(word.folded.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c)));
                // Folding what is folded changes nothing, so that what is indexed is found by itself.
                prop_assert_eq!(folded(&word.folded).concat(), word.folded);
            }
        }
    }
}
