//! Whether the text that a page carries is worth keeping, or the page is a picture that must be read.

use super::scan::{PageScan, PlacedGlyph};

/// Fewer letters and digits than this are no text.
const MIN_LETTERS: usize = 3;
/// A page with a picture over this share of it is a scan, whatever else stands on it.
const SCAN_COVER: f64 = 0.5;
/// So many visible letters on a scan are more than a stamp or a page number.
const MIN_VISIBLE_LETTERS_ON_SCAN: usize = 150;
/// So many invisible letters are a text layer that some program recognised; fewer may be a number or the name of the scanner's
/// program, and a page of so few words is quickly recognised again.
const MIN_INVISIBLE_LETTERS: usize = 30;
/// From so many letters on, their frequencies tell whether they can be words.
const MIN_LETTERS_TO_JUDGE: usize = 100;

/// Whether the text of the page can be used instead of recognising it.
pub(crate) fn is_usable(scan: &PageScan) -> bool {
    let (mut visible, mut invisible, mut unreadable) = (0usize, 0usize, 0usize);
    for glyph in &scan.glyphs {
        match glyph.text.as_deref() {
            Some(text) if text.chars().any(is_rubbish) => unreadable += 1,
            Some(text) => {
                let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
                if glyph.is_invisible { invisible += letters } else { visible += letters }
            }
            None => unreadable += 1,
        }
    }
    let letters = visible + invisible;
    if letters < MIN_LETTERS || unreadable * 3 > letters || Letters::of(&scan.glyphs).are_wrong() {
        return false;
    }
    if scan.largest_image_cover < SCAN_COVER {
        return true;
    }
    invisible >= MIN_INVISIBLE_LETTERS || visible >= MIN_VISIBLE_LETTERS_ON_SCAN
}

/// How often what kinds of letters occur. Fonts that lie about their characters yield text that no language writes.
#[derive(Default)]
struct Letters {
    all: usize,
    /// Of A to Z.
    basic: usize,
    /// Of A, E, I, O, U and Y.
    vowels: usize,
    /// Of the accented letters of Latin-1.
    accented: usize,
    /// Whose code has the two bytes of a letter of A to Z in the wrong order.
    swapped: usize,
}

impl Letters {
    fn of(glyphs: &[PlacedGlyph]) -> Self {
        let mut letters = Self::default();
        for c in glyphs.iter().filter_map(|glyph| glyph.text.as_deref()).flat_map(str::chars).filter(|c| c.is_alphabetic()) {
            letters.all += 1;
            match u32::from(c) {
                0x00..=0x7F => {
                    letters.basic += 1;
                    letters.vowels += usize::from(matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'));
                }
                0xC0..=0xFF => letters.accented += 1,
                code if code & 0xFF == 0 && (code >> 8) < 0x80 => letters.swapped += 1,
                _ => {}
            }
        }
        letters
    }

    /// Whether they are not the letters that the page shows: with their bytes swapped, shifted by an encoding (then hardly any
    /// vowel is left), or those of another script taken for Latin-1.
    fn are_wrong(&self) -> bool {
        let latin = self.basic + self.accented;
        self.swapped * 2 > self.all
            || (latin >= MIN_LETTERS_TO_JUDGE && (self.vowels + self.accented) * 6 < latin)
            || (latin >= MIN_LETTERS_TO_JUDGE && self.accented * 2 > latin)
    }
}

/// Whether the font tells what the glyph means.
pub(super) fn is_readable(glyph: &PlacedGlyph) -> bool {
    glyph.text.as_deref().is_some_and(|text| !text.chars().any(is_rubbish))
}

/// Characters that only a font without a usable encoding yields.
fn is_rubbish(c: char) -> bool {
    c == '\u{fffd}' || (c.is_control() && !c.is_whitespace()) || matches!(u32::from(c), 0xE000..=0xF8FF | 0xF0000..=0x10FFFD)
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Point, Vec2};

    use super::*;

    fn page(text: &str, is_invisible: bool, cover: f64) -> PageScan {
        let glyphs = text
            .chars()
            .map(|c| PlacedGlyph {
                text: (c != '?').then(|| c.to_string()),
                origin: Point::ORIGIN,
                advance: Vec2::new(5.0, 0.0),
                up: Vec2::new(0.0, -10.0),
                is_invisible,
            })
            .collect();
        PageScan { glyphs, largest_image_cover: cover, largest_image_pixels: 0 }
    }

    #[test]
    fn a_stamp_on_a_scan_is_no_text_but_a_text_layer_is() {
        assert!(is_usable(&page("Invoice 12", false, 0.1)));
        assert!(!is_usable(&page("Received 2024-01-02", false, 0.95)));
        assert!(!is_usable(&page("Scanned by Example 2024", true, 0.95)));
        assert!(is_usable(&page("Received 2024-01-02 at the office of the registrar", true, 0.95)));
        assert!(!is_usable(&page("..", false, 0.0)));
    }

    #[test]
    fn text_whose_font_hides_its_characters_is_no_text() {
        assert!(!is_usable(&page("ab??????", false, 0.0)));
        assert!(!is_usable(&page("\u{f041}\u{f042}abc\u{f043}", false, 0.0)));
        assert!(is_usable(&page("abcdefghijkl?", false, 0.0)));
    }

    #[test]
    fn letters_that_no_language_writes_are_no_text() {
        let english = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, \
                       it was the epoch of belief, it was the epoch of incredulity";
        assert!(is_usable(&page(english, false, 0.0)));
        let changed = |change: &dyn Fn(u8) -> u32| -> String {
            english.bytes().map(|b| if b.is_ascii_alphabetic() { char::from_u32(change(b)).unwrap() } else { ' ' }).collect()
        };
        for (what, text) in [
            ("glyph numbers", changed(&|b| u32::from(b) - 29)),
            ("bytes swapped", changed(&|b| u32::from(b) << 8)),
            ("a Cyrillic code page", changed(&|b| u32::from(b) | 0x80)),
        ] {
            assert!(!is_usable(&page(&text, false, 0.0)), "{what}: {text}");
        }
        assert!(is_usable(&page(
            "Příliš žluťoučký kůň úpěl ďábelské ódy. Nechť již hříšné saxofony ďáblů rozezvučí síň úděsnými tóny waltzu, tanga \
                                 a quickstepu, řekl strýček",
            false,
            0.0
        )));
    }
}
