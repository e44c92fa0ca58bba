//! The layout from any bytes: one page alone, and the artifact while it is converted into other formats, cut into any pieces.

use quick_xml::{Reader, events::Event};

use crate::{BoundingBox, Chance as _, Failure, LayoutConverter, LayoutFormat, Line, PageLayout, PageNo, SeededChance, TextSource, Word};

/// The first bytes say how the rest, which is the artifact, is cut.
const CUTTING_BYTES: usize = 2;

pub(super) fn run(data: &[u8]) {
    let (cutting, artifact) = data.split_at(CUTTING_BYTES.min(data.len()));
    page(artifact);
    let seed = cutting.iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
    let name = String::from_utf8_lossy(&artifact[..artifact.len().min(40)]).into_owned();
    for format in LayoutFormat::ALL {
        let whole = converted(format, &name, std::iter::once(artifact));
        assert_eq!(converted(format, &name, pieces(artifact, seed).into_iter()), whole, "in pieces");
        if let Ok(text) = whole {
            well_formed(format, &text);
        }
    }
}

/// A page that passes its check can be used, stored and read again.
fn page(json: &[u8]) {
    let Ok(layout) = serde_json::from_slice::<PageLayout>(json) else { return };
    let _ = layout.text();
    if layout.check().is_err() {
        return;
    }
    assert!(layout.mean_confidence().is_none_or(|mean| (0.0..=1.0001).contains(&mean)));
    let [width, height] = layout.picture_size();
    for word in &layout.words {
        let [left, top, right, bottom] = layout.pixel_box(word.bounds);
        assert!(left <= right && right <= width && top <= bottom && bottom <= height);
    }
    let stored = serde_json::to_string(&layout).expect("a layout is JSON");
    let read: PageLayout = serde_json::from_str(&stored).expect("what was stored can be read");
    read.check().expect("and is still a layout");
    assert_eq!(serde_json::to_string(&read).expect("a layout is JSON"), stored, "rounding happens once");
}

/// Pieces of 0 to 40 bytes, or longer ones.
fn pieces(artifact: &[u8], seed: u64) -> Vec<&[u8]> {
    let chance = SeededChance::new(seed);
    let mut pieces = Vec::new();
    let mut rest = artifact;
    while !rest.is_empty() {
        let mut byte = [0; 2];
        chance.fill(&mut byte);
        let length = if byte[1] < 8 { usize::from(byte[0]) * 64 } else { usize::from(byte[0] % 41) };
        let (piece, others) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = others;
    }
    pieces
}

fn converted<'a>(format: LayoutFormat, name: &str, pieces: impl Iterator<Item = &'a [u8]>) -> Result<String, Failure> {
    let mut converter = LayoutConverter::new(format, name);
    let mut out = String::new();
    for piece in pieces {
        out += &converter.push(piece)?;
    }
    out += &converter.finish()?;
    Ok(out)
}

fn well_formed(format: LayoutFormat, text: &str) {
    if format == LayoutFormat::Tsv {
        for row in text.split_terminator('\n') {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 12, "{row:?}");
            assert!(columns[10] == "conf" || columns[10].parse::<f64>().is_ok_and(f64::is_finite), "{row:?}");
        }
        return;
    }
    let mut reader = Reader::from_str(text);
    let mut depth = 0i64;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(tag) => {
                depth += 1;
                attributes(&tag);
            }
            Event::Empty(tag) => attributes(&tag),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "every element ends");
    let only_xml = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(only_xml), "only characters that XML has");
}

/// Every number among them is one.
fn attributes(tag: &quick_xml::events::BytesStart<'_>) {
    for attribute in tag.attributes() {
        let attribute = attribute.expect("an attribute");
        let value = std::str::from_utf8(&attribute.value).expect("UTF-8");
        let is_measure =
            matches!(attribute.key.as_ref(), b"WC" | b"PC" | b"WIDTH" | b"HEIGHT" | b"HPOS" | b"VPOS" | b"BASELINE" | b"title");
        let odd = |word: &str| matches!(word.trim_start_matches('-'), "NaN" | "inf");
        assert!(!is_measure || !value.split([' ', ',', ';']).any(odd), "{value}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let word = |text: &str, x: f32| Word {
        text: text.to_owned(),
        confidence: 0.9567,
        bounds: BoundingBox { x0: x, y0: 10.0, x1: x + 20.0, y1: 20.0 },
    };
    let line = |first_word, word_count, block, paragraph| Line {
        first_word,
        word_count,
        block,
        paragraph,
        bounds: BoundingBox { x0: 10.0, y0: 10.0, x1: 60.0, y1: 20.0 },
        baseline: [10.0, 18.0, 60.0, 19.5],
    };
    let empty = PageLayout {
        page: PageNo::from_index(1),
        width: 612.0,
        height: 0.75,
        rotation: 90,
        pixels: None,
        source: TextSource::None,
        words: Vec::new(),
        lines: Vec::new(),
    };
    let full = PageLayout {
        page: PageNo::from_index(0),
        pixels: Some([2550, 3]),
        source: TextSource::Ocr,
        words: vec![word("R&D", 10.0), word("\"<b>\u{7}\u{ffff}", 30.0), word("מים", 50.0), word("]}", 70.0)],
        lines: vec![line(0, 2, 0, 0), line(2, 1, 0, 1), line(3, 1, 1, 2)],
        ..empty.clone()
    };
    let json = |layout: &PageLayout| serde_json::to_vec(layout).expect("a layout is JSON");
    let artifact = [b"{\"pages\":[", json(&full).as_slice(), b",\n", &json(&empty), b"]}\n"].concat();
    vec![
        [&[0, 0], artifact.as_slice()].concat(),
        [&[0, 0], json(&full).as_slice()].concat(),
        [&[1, 7], json(&empty).as_slice(), b"\n\n,\n]}"].concat(),
        b"\0\0{\"pages\":[]}\n".to_vec(),
    ]
}
