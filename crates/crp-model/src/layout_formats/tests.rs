//! The formats, read back by an XML reader that shares nothing with their writers.

use quick_xml::{Reader, events::Event};

use super::*;
use crate::{BoundingBox, Code, Layout, PageNo, TextSource, Word};

/// Two blocks, three paragraphs, four lines; read at 144 pixels per inch, so pixels are twice the points.
fn sample() -> PageLayout {
    let word = |text: &str, x: f32, y: f32| Word {
        text: text.to_owned(),
        confidence: 0.9567,
        bounds: BoundingBox { x0: x, y0: y, x1: x + 20.0, y1: y + 10.0 },
    };
    let line = |first_word: u32, word_count: u32, block: u32, paragraph: u32, y: f32| Line {
        first_word,
        word_count,
        block,
        paragraph,
        bounds: BoundingBox { x0: 10.0, y0: y, x1: 60.0, y1: y + 10.0 },
        baseline: [10.0, y + 8.0, 60.0, y + 9.0],
    };
    PageLayout {
        page: PageNo::from_index(2),
        width: 100.0,
        height: 200.0,
        rotation: 0,
        pixels: Some([200, 400]),
        source: TextSource::Ocr,
        words: vec![
            word("R&D", 10.0, 10.0),
            word("\"<b>\u{7}", 40.0, 10.0),
            word("two", 10.0, 30.0),
            word("a\tb", 10.0, 50.0),
            word("מים", 10.0, 70.0),
        ],
        lines: vec![line(0, 2, 0, 0, 10.0), line(2, 1, 0, 0, 30.0), line(3, 1, 0, 1, 50.0), line(4, 1, 1, 2, 70.0)],
    }
}

fn whole(format: LayoutFormat, pages: &[PageLayout]) -> String {
    let pages: String = pages.iter().map(|page| format.page(page)).collect();
    format!("{}{pages}{}", format.head("Müller & <Söhne> \"\u{1b}.pdf"), format.tail())
}

/// An element: its name with those above it, its attributes, its own text.
#[derive(Debug, Default)]
struct Element {
    path: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// Reads XML; panics where it is not well-formed, or has an id twice.
fn elements(xml: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(xml);
    let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().expect("well-formed");
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                let above = open.last().map_or(String::new(), |at| format!("{}/", elements[*at].path));
                let attributes = tag.attributes().map(|a| a.expect("an attribute")).map(|a| {
                    let value = quick_xml::escape::unescape(std::str::from_utf8(&a.value).unwrap()).expect("an escaped value").into_owned();
                    (String::from_utf8(a.key.as_ref().to_vec()).unwrap(), value)
                });
                let attributes = attributes.collect();
                elements.push(Element { path: above + &name, attributes, text: String::new() });
                if matches!(event, Event::Start(_)) {
                    open.push(elements.len() - 1);
                }
            }
            Event::Text(text) => {
                if let Some(at) = open.last() {
                    elements[*at].text += &text.decode().unwrap();
                }
            }
            Event::GeneralRef(name) => {
                let text = format!("&{};", name.decode().unwrap());
                let at = *open.last().expect("inside an element");
                elements[at].text += &quick_xml::escape::unescape(&text).expect("a known entity");
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "every element ends");
    let mut ids: Vec<&str> = elements.iter().flat_map(|e| [e.get("id"), e.get("ID")]).filter(|id| !id.is_empty()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "no id comes twice");
    elements
}

#[test]
fn hocr_is_well_formed_and_holds_every_word_with_its_box() {
    let second = PageLayout { page: PageNo::from_index(3), ..sample() };
    let found = elements(&whole(LayoutFormat::Hocr, &[sample(), second]));
    let of = |class: &str| found.iter().filter(|e| e.get("class") == class).collect::<Vec<_>>();
    let counts = ["ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word"].map(|class| of(class).len());
    assert_eq!(counts, [2, 4, 6, 8, 10]);
    assert_eq!(of("ocr_page")[0].get("title"), "bbox 0 0 200 400; ppageno 2; scan_res 144 144");
    assert_eq!(of("ocr_carea")[0].get("title"), "bbox 20 20 120 120");
    assert_eq!(of("ocr_line")[0].get("title"), "bbox 20 20 120 40; baseline 0.02 -4");
    let words = of("ocrx_word");
    assert_eq!(words[0].get("title"), "bbox 20 20 60 40; x_wconf 96");
    assert_eq!(words.iter().take(5).map(|w| w.text.as_str()).collect::<Vec<_>>(), ["R&D", "\"<b>", "two", "ab", "מים"]);
    assert!(words.iter().all(|w| w.path.ends_with("div/div/p/span/span")), "{}", words[0].path);
    assert_eq!(found.iter().find(|e| e.path.ends_with("head/title")).unwrap().text, "Müller & <Söhne> \".pdf");
}

#[test]
fn a_line_that_does_not_run_to_the_right_tells_its_angle() {
    let angle = |baseline: [f32; 4]| {
        let mut page = sample();
        page.lines[0].baseline = baseline;
        let hocr = LayoutFormat::Hocr.page(&page);
        hocr.split("textangle ").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
    };
    assert_eq!(angle([10.0, 18.0, 60.0, 18.0]), None);
    assert_eq!(angle([60.0, 18.0, 10.0, 18.0]).as_deref(), Some("180"));
    assert_eq!(angle([10.0, 60.0, 10.0, 10.0]).as_deref(), Some("90"), "upwards");
    assert_eq!(angle([10.0, 10.0, 10.0, 60.0]).as_deref(), Some("270"), "downwards");
}

#[test]
fn alto_is_well_formed_and_has_the_structure_of_its_schema() {
    let found = elements(&whole(LayoutFormat::Alto, &[sample()]));
    let at = |path: &str| found.iter().filter(|e| e.path == path).collect::<Vec<_>>();
    assert_eq!(found[0].get("xmlns"), "http://www.loc.gov/standards/alto/ns-v4#");
    assert_eq!(at("alto/Description/MeasurementUnit")[0].text, "pixel");
    assert_eq!(at("alto/Description/sourceImageInformation/fileName")[0].text, "Müller & <Söhne> \".pdf");
    let page = at("alto/Layout/Page")[0];
    assert_eq!([page.get("WIDTH"), page.get("HEIGHT"), page.get("PHYSICAL_IMG_NR")], ["200", "400", "3"]);
    let line = "alto/Layout/Page/PrintSpace/ComposedBlock/TextBlock/TextLine";
    let counts = ["alto/Layout/Page/PrintSpace/ComposedBlock", "alto/Layout/Page/PrintSpace/ComposedBlock/TextBlock", line];
    assert_eq!(counts.map(|path| at(path).len()), [2, 3, 4]);
    let first = at(line)[0];
    let place = |e: &Element| ["HPOS", "VPOS", "WIDTH", "HEIGHT"].map(|name| e.get(name).to_owned());
    assert_eq!((place(first), first.get("BASELINE")), (["20", "20", "100", "20"].map(str::to_owned), "20,36 120,38"));
    let strings = at(&format!("{line}/String"));
    assert_eq!(strings.iter().map(|s| s.get("CONTENT")).collect::<Vec<_>>(), ["R&D", "\"<b>", "two", "ab", "מים"]);
    assert_eq!((place(strings[1]), strings[1].get("WC")), (["80", "20", "40", "20"].map(str::to_owned), "0.9567"));
    let spaces = at(&format!("{line}/SP"));
    assert_eq!((spaces.len(), spaces[0].get("HPOS"), spaces[0].get("WIDTH")), (1, "60", "20"));
    // Everything that the schema requires of a block or line.
    let placed = found.iter().filter(|e| e.path.ends_with("Block") || e.path.ends_with("TextLine") || e.path.ends_with("String"));
    assert!(placed.into_iter().all(|e| place(e).iter().all(|v| v.parse::<u32>().is_ok()) && !e.get("ID").is_empty()));
}

#[test]
fn tsv_has_the_columns_and_the_counting_of_tesseract() {
    let tsv = whole(LayoutFormat::Tsv, &[sample()]);
    let rows: Vec<Vec<&str>> = tsv.lines().map(|row| row.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 12), "{tsv}");
    let columns = "level page_num block_num par_num line_num word_num left top width height conf text";
    assert_eq!(rows[0].join(" "), columns);
    assert_eq!(rows[1].join(" "), "1 3 0 0 0 0 0 0 200 400 -1 ");
    let numbers: Vec<String> = rows[1..].iter().map(|row| row[..6].join(" ")).collect();
    assert_eq!(
        numbers,
        [
            "1 3 0 0 0 0",
            "2 3 1 0 0 0",
            "3 3 1 1 0 0",
            "4 3 1 1 1 0",
            "5 3 1 1 1 1",
            "5 3 1 1 1 2",
            "4 3 1 1 2 0",
            "5 3 1 1 2 1",
            "3 3 1 2 0 0",
            "4 3 1 2 1 0",
            "5 3 1 2 1 1",
            "2 3 2 0 0 0",
            "3 3 2 1 0 0",
            "4 3 2 1 1 0",
            "5 3 2 1 1 1",
        ]
    );
    assert_eq!(rows[5][6..].join(" "), "20 20 40 20 95.67 R&D");
    assert_eq!(rows[11][11], "ab", "a tab inside a word is no column");
}

#[test]
fn pages_without_words_or_picture_are_written_too() {
    let empty = PageLayout { words: Vec::new(), lines: Vec::new(), pixels: None, ..sample() };
    assert_eq!(empty.picture_size(), [417, 833], "at 300 pixels per inch");
    for format in [LayoutFormat::Hocr, LayoutFormat::Alto] {
        elements(&whole(format, std::slice::from_ref(&empty)));
    }
    assert_eq!(LayoutFormat::Tsv.page(&empty).lines().count(), 1);
    let absurd = PageLayout { width: f32::MAX, ..empty };
    assert!(LayoutFormat::Tsv.page(&absurd).starts_with("1\t3\t"));
}

#[test]
fn the_artifact_is_converted_however_it_is_cut_into_pieces() {
    let pages = [sample(), PageLayout { page: PageNo::from_index(3), words: Vec::new(), lines: Vec::new(), ..sample() }];
    let lines: Vec<String> = pages.iter().map(|page| serde_json::to_string(page).unwrap()).collect();
    let artifact = format!("{{\"pages\":[{}]}}\n", lines.join(",\n"));
    assert_eq!(serde_json::from_str::<Layout>(&artifact).unwrap().pages.len(), 2, "the control: it is one");
    for format in LayoutFormat::ALL {
        let expected = pages.iter().fold(format.head("x.pdf"), |all, page| all + &format.page(page)) + format.tail();
        for size in [1, 7, 64, artifact.len()] {
            let mut converter = LayoutConverter::new(format, "x.pdf");
            let mut out = String::new();
            for piece in artifact.as_bytes().chunks(size) {
                out += &converter.push(piece).unwrap();
            }
            out += &converter.finish().unwrap();
            assert_eq!(out, expected, "{format:?} in pieces of {size}");
        }
    }
    let mut broken = LayoutConverter::new(LayoutFormat::Tsv, "x.pdf");
    assert_eq!(broken.push(b"{\"pages\":[{\"page\":\n").unwrap_err().code, Code::ObjectDamaged);
    let impossible = artifact.replacen("0.9567", "1e39", 1);
    assert_ne!(impossible, artifact, "the control: there is such a confidence");
    for format in LayoutFormat::ALL {
        let mut converter = LayoutConverter::new(format, "x.pdf");
        let failure = converter.push(impossible.as_bytes()).unwrap_err();
        assert!(failure.code == Code::ObjectDamaged && failure.message.contains("confidence"), "{failure}");
    }
    let empty = LayoutConverter::new(LayoutFormat::Tsv, "x.pdf");
    assert_eq!(empty.finish().unwrap(), tsv::HEAD);
}
