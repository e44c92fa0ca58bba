//! Whether a blank stands between two words: Chinese and Japanese are written without, and engines give their characters one by one.

use crate::Word;

/// Whether a blank stands between neighbouring words of a line.
pub fn is_blank_between(before: &Word, after: &Word) -> bool {
    let ends = before.text.chars().next_back().zip(after.text.chars().next());
    if !ends.is_some_and(|(end, start)| is_written_without_blanks(end) && is_written_without_blanks(start)) {
        return true;
    }
    // A wide gap is a column of a table or an indent.
    let (a, b) = (before.bounds, after.bounds);
    let gap = (b.x0 - a.x1).max(a.x0 - b.x1).max((b.y0 - a.y1).max(a.y0 - b.y1));
    let size = a.width().min(a.height()).max(b.width().min(b.height()));
    gap >= 0.6 * size
}

/// Han characters, kana, bopomofo, and the punctuation set with them; Korean parts its words.
fn is_written_without_blanks(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x30FF | 0x3105..=0x312F | 0x31A0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0xFF00..=0xFF9F | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BoundingBox;

    fn word(text: &str, x0: f32, x1: f32) -> Word {
        Word { text: text.to_owned(), confidence: 1.0, bounds: BoundingBox { x0, y0: 0.0, x1, y1: 10.0 } }
    }

    #[test]
    fn chinese_and_japanese_have_no_blanks_but_columns_and_other_scripts_do() {
        assert!(!is_blank_between(&word("漢", 0.0, 10.0), &word("字", 11.0, 20.0)));
        assert!(!is_blank_between(&word("です", 0.0, 20.0), &word("。", 21.0, 24.0)));
        assert!(is_blank_between(&word("漢", 0.0, 10.0), &word("字", 40.0, 50.0)));
        assert!(is_blank_between(&word("漢", 0.0, 10.0), &word("PDF", 11.0, 30.0)));
        assert!(is_blank_between(&word("한국", 0.0, 20.0), &word("사람", 25.0, 45.0)));
        assert!(is_blank_between(&word("a", 0.0, 5.0), &word("b", 6.0, 10.0)));
    }
}
