//! Fonts and character maps that explode, recurse or are broken.

use super::{
    one_page::OnePage,
    packing::{Pieces, flate, noise, zeros_twice},
};

const TEXT: &[u8] = b"BT /F 24 Tf 72 700 Td (ABCDEFGH abcdefgh) Tj <0001000200030041FFFF> Tj ET";

/// A page of a little text in a font that is made by `font`.
fn text_in(font: impl FnOnce(&mut OnePage) -> usize) -> Vec<u8> {
    let mut page = OnePage::new();
    let font = font(&mut page);
    page.drawn_by(TEXT, &format!("/Font << /F {font} 0 R >>"))
}

fn with_to_unicode(map: &[u8]) -> Vec<u8> {
    packed_to_unicode(&flate(map))
}

fn packed_to_unicode(map: &[u8]) -> Vec<u8> {
    text_in(|page| {
        let map = page.pdf.add_stream("/Filter /FlateDecode", map);
        page.pdf.add(format!("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode {map} 0 R >>"))
    })
}

fn map(body: &str) -> Vec<u8> {
    format!("/CIDInit /ProcSet findresource begin begincmap /CMapType 2 def 1 begincodespacerange <0000> <FFFFFFFF> endcodespacerange\n{body}\nendcmap")
        .into_bytes()
}

/// A hundred thousand ranges of 2³² characters each.
pub(super) fn endless_ranges() -> Vec<u8> {
    let range = "<00000000> <FFFFFFFF> <0041>\n";
    let whole = String::from_utf8(map(&format!("100000 beginbfrange\n{range}endbfrange"))).expect("a map is text");
    let (before, after) = whole.split_once(range).expect("the range stands in its map");
    packed_to_unicode(&Pieces::of(&[(before.as_bytes(), 1), (range.as_bytes(), 100_000), (after.as_bytes(), 1)]).packed().bytes())
}

/// Every letter stands for sixty thousand letters.
pub(super) fn letters_of_letters() -> Vec<u8> {
    let long = "0041".repeat(60_000);
    let ranges: String = (0..8).map(|at| format!("<{at:02}> <FF> <{long}>\n")).collect();
    let chars: String = (0..8).map(|at| format!("<{:02x}> <{long}>\n", 0x41 + at)).collect();
    with_to_unicode(&map(&format!("8 beginbfrange\n{ranges}endbfrange 8 beginbfchar\n{chars}endbfchar")))
}

/// A map of 4 GiB of white space.
pub(super) fn map_bomb() -> Vec<u8> {
    text_in(|page| {
        let map = page.pdf.add_stream("/Filter [/FlateDecode /FlateDecode]", &Pieces::mebibytes_of(b' ', 4096).packed().packed().bytes());
        page.pdf.add(format!("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode {map} 0 R >>"))
    })
}

/// Character maps that use each other, and a composite font that is its own descendant.
pub(super) fn maps_of_maps() -> Vec<u8> {
    text_in(|page| {
        let (font, first, second) = (page.pdf.reserve(), page.pdf.reserve(), page.pdf.reserve());
        let body = b"/A usecmap 1 begincidrange <0000> <ffff> 0 endcidrange";
        page.pdf.set_stream(first, &format!("/Type /CMap /CMapName /A /UseCMap {second} 0 R"), body);
        page.pdf.set_stream(second, &format!("/Type /CMap /CMapName /B /UseCMap {first} 0 R"), body);
        page.pdf.set(
            font,
            format!(
                "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding {first} 0 R /ToUnicode {second} 0 R /DescendantFonts [{font} 0 R] >>"
            ),
        );
        font
    })
}

/// A Type 3 font whose letters are drawn with its own letters.
pub(super) fn type_3_of_itself() -> Vec<u8> {
    text_in(|page| {
        let font = page.pdf.reserve();
        let resources = format!("/Resources << /Font << /F {font} 0 R >> >>");
        let glyph = page.pdf.add_stream("", b"1000 0 d0 BT /F 1 Tf (AAAAAAAA) Tj ET 0 0 500 500 re f");
        page.pdf.set(font, type_3(&resources, &format!("/a {glyph} 0 R")));
        font
    })
}

fn type_3(resources: &str, glyphs: &str) -> String {
    format!(
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << {glyphs} >> \
         /Encoding << /Differences [65 /a /a /a /a /a /a /a /a] >> /FirstChar 65 /LastChar 72 /Widths [1000 1000 1000 1000 1000 1000 1000 1000] {resources} >>"
    )
}

/// Ten Type 3 fonts, each letter of one is ten letters of the next.
pub(super) fn type_3_laughs() -> Vec<u8> {
    text_in(|page| {
        let square = page.pdf.add_stream("", b"1000 0 d0 0 0 500 500 re f");
        let mut font = page.pdf.add(type_3("", &format!("/a {square} 0 R")));
        for _ in 0..10 {
            let resources = format!("/Resources << /Font << /F {font} 0 R >> >>");
            let glyph = page.pdf.add_stream("", b"1000 0 d0 BT /F 1 Tf (ABCDEFGHAB) Tj ET");
            font = page.pdf.add(type_3(&resources, &format!("/a {glyph} 0 R")));
        }
        font
    })
}

/// A simple font with an embedded program under `key`.
fn embedded(key: &str, kind: &str, entries: &str, program: &[u8]) -> Vec<u8> {
    text_in(|page| {
        let file = page.pdf.add_stream(entries, program);
        let descriptor = page.pdf.add(format!(
            "<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 1000 1000] /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 \
             /ItalicAngle 0 /{key} {file} 0 R >>"
        ));
        page.pdf.add(format!(
            "<< /Type /Font /Subtype /{kind} /BaseFont /X /FontDescriptor {descriptor} 0 R /FirstChar 0 /LastChar 0 /Widths [500] >>"
        ))
    })
}

/// A font program of 4 GiB.
pub(super) fn program_bomb() -> Vec<u8> {
    embedded("FontFile2", "TrueType", "/Filter [/FlateDecode /FlateDecode] /Length1 2147483647", &zeros_twice(4096))
}

/// Font programs of noise behind the right first bytes.
pub(super) fn programs_of_noise() -> Vec<u8> {
    let mut page = OnePage::new();
    let (mut names, mut content) = (String::new(), String::from("BT "));
    let heads: [(&str, &str, &[u8]); 4] = [
        ("FontFile", "Type1", b"%!PS-AdobeFont-1.0: X\n/FontMatrix [NaN 0 0 1e39 0 0] def currentfile eexec\n"),
        ("FontFile2", "TrueType", b"\0\x01\0\0\xff\xff\0\0\0\0\0\0glyf\0\0\0\0\xff\xff\xff\xf0\xff\xff\xff\xff"),
        ("FontFile3", "Type1", b"\x01\0\x04\x04\xff\xff\x04\xff\xff\xff\xff"),
        ("FontFile3", "TrueType", b"OTTO\xff\xff\0\0\0\0\0\0CFF \0\0\0\0\0\0\0\0\xff\xff\xff\xff"),
    ];
    for (at, (key, kind, head)) in heads.iter().enumerate() {
        for seed in 0..8 {
            let file =
                page.pdf.add_stream("/Subtype /Type1C /Length1 60 /Length2 4000 /Length3 0", &[head, &noise(4000, seed)[..]].concat());
            let descriptor = page.pdf.add(format!("<< /Type /FontDescriptor /FontName /X /Flags 4 /{key} {file} 0 R >>"));
            let font = page.pdf.add(format!("<< /Type /Font /Subtype /{kind} /BaseFont /X /FontDescriptor {descriptor} 0 R >>"));
            names.push_str(&format!("/F{font} {font} 0 R "));
            content.push_str(&format!("/F{font} 12 Tf 1 0 0 1 {} {} Tm (Some words to show) Tj ", 50 + at * 100, 100 + seed * 50));
        }
    }
    content.push_str("ET");
    page.drawn_by(content.as_bytes(), &format!("/Font << {names} >>"))
}

/// A table directory and the tables of a TrueType font whose only glyph is `glyph`.
fn true_type(glyph: &[u8], glyphs: u16) -> Vec<u8> {
    let head = [
        &[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x5f, 0x0f, 0x3c, 0xf5, 0, 0, 3, 0xe8][..],
        &[0; 16],
        &[0, 0, 0, 0, 3, 0xe8, 3, 0xe8, 0, 0, 0, 8, 0, 2, 0, 1, 0, 0],
    ]
    .concat();
    let hhea = [&[0, 1, 0, 0, 3, 0x20, 0xff, 0x38, 0, 0, 3, 0xe8][..], &[0; 22], &[0, 1]].concat();
    let maxp = [&[0, 1, 0, 0][..], &glyphs.to_be_bytes(), &[0xff; 26]].concat();
    let loca: Vec<u8> = (0..=u32::from(glyphs)).flat_map(|at| (if at == 0 { 0 } else { glyph.len() as u32 }).to_be_bytes()).collect();
    // Every byte is glyph 0.
    let cmap = [&[0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 12, 0, 0, 1, 6, 0, 0][..], &[0; 256]].concat();
    let tables: [(&[u8; 4], &[u8]); 7] = [
        (b"cmap", &cmap),
        (b"glyf", glyph),
        (b"head", &head),
        (b"hhea", &hhea),
        (b"hmtx", &[3, 0xe8, 0, 0]),
        (b"loca", &loca),
        (b"maxp", &maxp),
    ];
    let mut out = vec![0, 1, 0, 0, 0, tables.len() as u8, 0, 0x40, 0, 2, 0, 0x30];
    let mut body = Vec::new();
    for (tag, table) in tables {
        out.extend_from_slice(tag);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(12 + 16 * tables.len() as u32 + body.len() as u32).to_be_bytes());
        out.extend_from_slice(&(table.len() as u32).to_be_bytes());
        body.extend_from_slice(table);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    out.extend_from_slice(&body);
    out
}

/// A TrueType glyph that is made of itself, twice.
pub(super) fn glyph_of_itself() -> Vec<u8> {
    // A composite: glyph 0 at (1, 1), then glyph 0 again.
    let glyph = [&[0xff, 0xff, 0, 0, 0, 0, 3, 0xe8, 3, 0xe8][..], &[0, 0x22, 0, 0, 1, 1], &[0, 2, 0, 0, 1, 1]].concat();
    embedded("FontFile2", "TrueType", "", &true_type(&glyph, 1))
}

/// A TrueType glyph of 32,767 contours with points that never come.
pub(super) fn glyph_of_endless_contours() -> Vec<u8> {
    let glyph = [&[0x7f, 0xff, 0, 0, 0, 0, 3, 0xe8, 3, 0xe8][..], &[0xff; 2000]].concat();
    embedded("FontFile2", "TrueType", "", &true_type(&glyph, 65_535))
}

/// An index of the compact font format.
fn index(items: &[&[u8]]) -> Vec<u8> {
    if items.is_empty() {
        return vec![0, 0];
    }
    let mut out = (items.len() as u16).to_be_bytes().to_vec();
    out.push(4);
    let mut offset = 1u32;
    out.extend_from_slice(&offset.to_be_bytes());
    for item in items {
        offset += item.len() as u32;
        out.extend_from_slice(&offset.to_be_bytes());
    }
    items.iter().for_each(|item| out.extend_from_slice(item));
    out
}

/// A compact font with this routine and this glyph.
fn compact(routine: &[u8], glyph: &[u8]) -> Vec<u8> {
    let names = index(&[b"X"]);
    let routines = index(&[routine]);
    let strings = index(&[]);
    // The top dictionary has one entry: where the glyphs are, as a number of five bytes.
    let top_bytes = index(&[&[0; 6]]).len();
    let at = (4 + names.len() + top_bytes + strings.len() + routines.len()) as u32;
    let top = index(&[&[&[29][..], &at.to_be_bytes(), &[17]].concat()]);
    [&[1, 0, 4, 4][..], &names, &top, &strings, &routines, &index(&[glyph, glyph])].concat()
}

/// A compact font whose only routine calls itself, and does so twice.
pub(super) fn routine_of_itself() -> Vec<u8> {
    // 32 is -107, the number of the first of few routines; 29 calls it.
    embedded("FontFile3", "Type1", "/Subtype /Type1C", &compact(&[32, 29, 32, 29, 11], &[32, 29, 14]))
}

/// A compact font whose index says it has 65,535 entries of 4 GiB.
pub(super) fn lying_index() -> Vec<u8> {
    let font = [&[1, 0, 4, 4, 0xff, 0xff, 4][..], &[0xff; 2000]].concat();
    embedded("FontFile3", "Type1", "/Subtype /Type1C", &font)
}

/// A Type 1 font whose routines call each other.
pub(super) fn type_1_routines() -> Vec<u8> {
    let encrypt = |bytes: &[u8], mut key: u16| -> Vec<u8> {
        bytes
            .iter()
            .map(|plain| {
                let cipher = plain ^ (key >> 8) as u8;
                key = u16::from(cipher).wrapping_add(key).wrapping_mul(52_845).wrapping_add(22_719);
                cipher
            })
            .collect()
    };
    let code = |bytes: &[u8]| encrypt(&[&[0; 4], bytes].concat(), 4330);
    let (routine, glyph) = (code(&[139, 10, 139, 10, 11]), code(&[139, 248, 136, 13, 139, 10, 14]));
    let mut private = b"dup /Private 9 dict dup begin /lenIV 4 def /Subrs 1 array\ndup 0 ".to_vec();
    private.extend(format!("{} RD ", routine.len()).bytes());
    private.extend_from_slice(&routine);
    private.extend_from_slice(b" NP\nND 2 index /CharStrings 2 dict dup begin\n");
    for name in ["A", ".notdef"] {
        private.extend(format!("/{name} {} RD ", glyph.len()).bytes());
        private.extend_from_slice(&glyph);
        private.extend_from_slice(b" ND\n");
    }
    private.extend_from_slice(b"end end readonly put mark currentfile closefile\n");
    let clear = b"%!PS-AdobeFont-1.0: X\n/FontName /X def /FontMatrix [0.001 0 0 0.001 0 0] def /Encoding StandardEncoding def\ncurrentfile eexec\n";
    let locked = encrypt(&[&[0; 4], &private[..]].concat(), 55_665);
    let entries = format!("/Length1 {} /Length2 {} /Length3 0", clear.len(), locked.len());
    embedded("FontFile", "Type1", &entries, &[&clear[..], &locked].concat())
}

/// A font with a million widths, a million names and numbers that are none.
pub(super) fn endless_tables() -> Vec<u8> {
    text_in(|page| {
        let descendant = page.pdf.add(format!(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> \
             /DW -1e39 /W [{}] /CIDToGIDMap /Identity >>",
            "0 4294967295 1e39 ".repeat(200_000)
        ));
        let encoding = page.pdf.add(format!("<< /Type /Encoding /Differences [{}] >>", "-7 /a 99999999999 /b ".repeat(100_000)));
        page.pdf.add(format!("<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding {encoding} 0 R /DescendantFonts [{descendant} 0 R] >>"))
    })
}
