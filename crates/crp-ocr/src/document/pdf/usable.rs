//! Whether the text that a page carries is worth keeping, or the page is a picture that must be read.

use super::scan::{PageScan, PlacedGlyph};

/// Fewer letters and digits than this are no text.
const MIN_LETTERS: usize = 3;
/// A page with a picture over this share of it is a scan, whatever else stands on it.
const SCAN_COVER: f64 = 0.5;
/// So many visible letters on a scan are more than a stamp or a page number.
const MIN_VISIBLE_LETTERS_ON_SCAN: usize = 150;
/// So many invisible letters are a text layer that some program recognised.
const MIN_INVISIBLE_LETTERS: usize = 10;

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
    if letters < MIN_LETTERS || unreadable * 3 > letters {
        return false;
    }
    if scan.largest_image_cover < SCAN_COVER {
        return true;
    }
    invisible >= MIN_INVISIBLE_LETTERS || visible >= MIN_VISIBLE_LETTERS_ON_SCAN
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
        assert!(is_usable(&page("Received 2024-01-02", true, 0.95)));
        assert!(!is_usable(&page("..", false, 0.0)));
    }

    #[test]
    fn text_whose_font_hides_its_characters_is_no_text() {
        assert!(!is_usable(&page("ab??????", false, 0.0)));
        assert!(!is_usable(&page("\u{f041}\u{f042}abc\u{f043}", false, 0.0)));
        assert!(is_usable(&page("abcdefghijkl?", false, 0.0)));
    }
}
