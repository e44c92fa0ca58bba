//! A font without shapes: every character has the same width and height and draws nothing. The text layer is set in it.

use std::collections::BTreeMap;

/// Width of every glyph in thousandths of the font size.
pub(crate) const ADVANCE: u16 = 500;
/// From the baseline to the top of a line's letters, in thousandths. With [`DESCENT`] less than a whole: in printing fonts,
/// too, letters are lower than the font size, and readers find lines that belong together by the size.
pub(crate) const ASCENT: i16 = 720;
/// From the baseline to the bottom of a line's letters, in thousandths.
pub(crate) const DESCENT: i16 = -180;

/// Two-byte codes for characters: a character of the basic plane is its own code; the others get the codes that no
/// character has (the surrogates), one by one.
#[derive(Debug, Default)]
pub(crate) struct CharacterCodes {
    beyond: BTreeMap<char, u16>,
}

impl CharacterCodes {
    /// The code of `c`; U+FFFD once 2,048 different characters beyond the basic plane were met.
    pub(crate) fn code(&mut self, c: char) -> u16 {
        if let Ok(code) = u16::try_from(u32::from(c)) {
            return code;
        }
        let next = 0xD800 + self.beyond.len() as u16;
        if self.beyond.len() >= 0x800 && !self.beyond.contains_key(&c) {
            return 0xFFFD;
        }
        *self.beyond.entry(c).or_insert(next)
    }

    /// The `ToUnicode` map that belongs to the codes given out.
    pub(crate) fn to_unicode(&self) -> Vec<u8> {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) \
             /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\n\
             endcodespacerange\n",
        );
        // A range may not cross a first byte, and a section has at most 100 of them.
        let plain: Vec<u16> = (0u16..=0xFF).filter(|high| !(0xD8..=0xDF).contains(high)).collect();
        for section in plain.chunks(100) {
            map.push_str(&format!("{} beginbfrange\n", section.len()));
            for high in section {
                map.push_str(&format!("<{high:02X}00> <{high:02X}FF> <{high:02X}00>\n"));
            }
            map.push_str("endbfrange\n");
        }
        let beyond: Vec<(&char, &u16)> = self.beyond.iter().collect();
        for section in beyond.chunks(100) {
            map.push_str(&format!("{} beginbfchar\n", section.len()));
            for (c, code) in section {
                let units: String = c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("{u:04X}")).collect();
                map.push_str(&format!("<{code:04X}> <{units}>\n"));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map.into_bytes()
    }
}

/// `CIDToGIDMap`: every code is drawn by glyph 1, which has an extent and no area.
pub(crate) fn glyph_map() -> Vec<u8> {
    [0u8, 1].repeat(0x10000)
}

/// The font file: TrueType with two glyphs that draw nothing, and the tables that readers ask for.
pub(crate) fn font_file() -> Vec<u8> {
    let glyph = extent();
    let tables: [(&[u8; 4], Vec<u8>); 10] = [
        (b"OS/2", os2()),
        (b"cmap", cmap()),
        (b"glyf", glyph.clone()),
        (b"head", head()),
        (b"hhea", hhea()),
        (b"hmtx", words(&[ADVANCE, 0, ADVANCE, 0])),
        // In units of two bytes: glyph 0 has none, glyph 1 all.
        (b"loca", words(&[0, 0, glyph.len() as u16 / 2])),
        (b"maxp", words(&[1, 0, 2, EXTENT_POINTS, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
        (b"name", words(&[0, 0, 6])),
        (b"post", post()),
    ];
    let mut font = words(&[0x0001, 0x0000, tables.len() as u16, 128, 3, tables.len() as u16 * 16 - 128]);
    let mut offset = font.len() + 16 * tables.len();
    for (tag, table) in &tables {
        font.extend_from_slice(*tag);
        font.extend(checksum(table).to_be_bytes());
        font.extend((offset as u32).to_be_bytes());
        font.extend((table.len() as u32).to_be_bytes());
        offset += table.len().next_multiple_of(4);
    }
    let mut head_at = 0;
    for (tag, table) in &tables {
        if *tag == b"head" {
            head_at = font.len();
        }
        font.extend_from_slice(table);
        font.resize(font.len().next_multiple_of(4), 0);
    }
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(checksum(&font));
    font[head_at + 8..head_at + 12].copy_from_slice(&adjustment.to_be_bytes());
    font
}

/// Points of the outline of glyph 1.
const EXTENT_POINTS: u16 = 3;

/// Glyph 1: from the lower left corner of its box to the upper right one and back, a line without area.
///
/// PDFium measures text by the outlines of its glyphs. Empty ones would make marks of no height, and it would not read
/// words of one character and lines that run upwards at all, since they would be of no width.
fn extent() -> Vec<u8> {
    let (bottom, top, height) = (DESCENT as u16, ASCENT as u16, (ASCENT - DESCENT) as u16);
    let mut glyph = words(&[1, 0, bottom, ADVANCE, top, EXTENT_POINTS - 1, 0]);
    // All three on the curve, each coordinate two bytes from the one before it.
    glyph.extend([1u8; EXTENT_POINTS as usize]);
    glyph.extend(words(&[0, ADVANCE, ADVANCE.wrapping_neg(), bottom, height, height.wrapping_neg()]));
    glyph.resize(glyph.len().next_multiple_of(4), 0);
    glyph
}

fn head() -> Vec<u8> {
    let mut table = words(&[1, 0, 1, 0, 0, 0, 0x5F0F, 0x3CF5, 0, 1000]);
    table.extend([0u8; 16]); // created, modified
    table.extend(words(&[0, DESCENT as u16, ADVANCE, ASCENT as u16, 0, 8, 2, 0, 0]));
    table
}

fn hhea() -> Vec<u8> {
    words(&[1, 0, ASCENT as u16, DESCENT as u16, 0, ADVANCE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
}

fn os2() -> Vec<u8> {
    let mut table = words(&[3, ADVANCE, 400, 5, 0, 650, 700, 0, 140, 650, 700, 0, 480, 50, 250, 0]);
    table.extend([0u8; 10]); // panose
    table.extend([0u8; 16]); // unicode ranges
    table.extend(b"NONE");
    table.extend(words(&[0x40, 0x20, 0xFFFF, ASCENT as u16, DESCENT as u16, 0, 800, 200, 0, 1, 0, 0, 500, 700, 0, 0x20, 1]));
    table
}

/// One segment mapping the blank to glyph 1, and the closing one.
fn cmap() -> Vec<u8> {
    words(&[0, 1, 3, 1, 0, 12, 4, 32, 0, 4, 4, 1, 0, 0x20, 0xFFFF, 0, 0x20, 0xFFFF, 1u16.wrapping_sub(0x20), 1, 0, 0])
}

fn post() -> Vec<u8> {
    let mut table = words(&[3, 0, 0, 0, (-100i16) as u16, 50, 0, 1]);
    table.extend([0u8; 16]);
    table
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0u32, |sum, chunk| {
        let mut word = [0u8; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_code_and_the_map_tells_it_back() {
        let mut codes = CharacterCodes::default();
        assert_eq!(codes.code('ä'), 0xE4);
        assert_eq!(codes.code('漢'), 0x6F22);
        assert_eq!((codes.code('😀'), codes.code('𠀀'), codes.code('😀')), (0xD800, 0xD801, 0xD800));
        let map = String::from_utf8(codes.to_unicode()).unwrap();
        assert!(map.contains("<D800> <D83DDE00>") && map.contains("<D801> <D840DC00>"));
        assert!(!map.contains("<D800> <D8FF>"));
    }

    #[test]
    fn the_font_file_has_a_valid_checksum_and_table_lengths() {
        let font = font_file();
        assert_eq!(checksum(&font), 0xB1B0_AFBA);
        for record in font[12..12 + 160].chunks(16) {
            let offset = u32::from_be_bytes(record[8..12].try_into().unwrap()) as usize;
            let length = u32::from_be_bytes(record[12..16].try_into().unwrap()) as usize;
            assert!(offset + length <= font.len() && offset.is_multiple_of(4));
        }
        let length = |tag: &[u8]| {
            let record = font[12..172].chunks(16).find(|r| &r[..4] == tag).unwrap();
            u32::from_be_bytes(record[12..16].try_into().unwrap())
        };
        assert_eq!((length(b"head"), length(b"hhea"), length(b"OS/2"), length(b"post"), length(b"maxp")), (54, 36, 96, 32, 32));
    }

    #[test]
    fn the_glyph_reaches_over_the_whole_box_of_the_font_and_encloses_nothing() {
        let glyph = extent();
        let number = |at: usize| i16::from_be_bytes([glyph[at], glyph[at + 1]]);
        assert_eq!([2, 4, 6, 8].map(number), [0, DESCENT, ADVANCE as i16, ASCENT]);
        // The two steps of the outline lead away and back.
        assert_eq!((number(19) + number(21), number(25) + number(27)), (0, 0));
        assert_eq!((number(17), number(23)), (0, DESCENT), "it begins in the lower left corner");
    }
}
