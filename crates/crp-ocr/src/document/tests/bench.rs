//! What the tests share: the corpus, opened documents, layouts with words at known places, and poppler's and qpdf's view of a result.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crp_model::{BoundingBox, Failure, Limits, Line, MediaType, PageLayout, PageNo, TextSource, Warning, Word, pipeline::SignedDocuments};

use crate::document::OpenDocument;

/// The page with this number.
pub(super) fn page(number: u32) -> PageNo {
    PageNo::new(number).unwrap()
}

/// The folder of real documents, if this machine has it; says loudly if not.
pub(super) fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("CRPIPELINE_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at {} (set CRPIPELINE_CORPUS)", folder.display());
    None
}

/// Whether a tool can be run; says loudly if not.
pub(super) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        println!("SKIPPED: {tool} is not installed");
    }
    found
}

/// Opens a file as its first bytes say.
pub(super) fn open(path: &Path) -> Result<OpenDocument, Failure> {
    let bytes = std::fs::read(path).unwrap();
    let media = MediaType::sniff(&bytes)?;
    OpenDocument::open(File::open(path).unwrap(), media, &Limits::default())
}

/// Opens bytes that are no file yet.
pub(super) fn open_bytes(bytes: &[u8], media: MediaType) -> Result<OpenDocument, Failure> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    OpenDocument::open(file, media, &Limits::default())
}

/// A layout with these words, each with its left edge and baseline; half the font size per character.
pub(super) fn layout(page: PageNo, size: (f32, f32), font_size: f32, words: &[(&str, f32, f32)]) -> PageLayout {
    let mut layout = PageLayout {
        page,
        width: size.0,
        height: size.1,
        rotation: 0,
        pixels: None,
        source: TextSource::Ocr,
        words: Vec::new(),
        lines: Vec::new(),
    };
    for (text, x, y) in words {
        let width = font_size * 0.5 * text.chars().count() as f32;
        let bounds = BoundingBox { x0: *x, y0: y - 0.8 * font_size, x1: x + width, y1: y + 0.2 * font_size };
        match layout.lines.last_mut() {
            Some(line) if line.baseline[1] == *y => {
                line.word_count += 1;
                line.bounds = line.bounds.union(bounds);
                line.baseline[0] = line.baseline[0].min(bounds.x0);
                line.baseline[2] = line.baseline[2].max(bounds.x1);
            }
            _ => layout.lines.push(Line {
                first_word: layout.words.len() as u32,
                word_count: 1,
                block: 0,
                paragraph: 0,
                bounds,
                baseline: [*x, *y, bounds.x1, *y],
            }),
        }
        layout.words.push(Word { text: (*text).to_owned(), confidence: 0.9, bounds });
    }
    layout
}

/// The searchable PDF of a document, in a file that goes with the returned guard.
pub(super) fn searchable(document: &OpenDocument, layouts: Vec<PageLayout>) -> Result<(tempfile::NamedTempFile, Vec<Warning>), Failure> {
    let mut file = tempfile::Builder::new().suffix(".pdf").tempfile().unwrap();
    let warnings = document.write_searchable(&mut layouts.into_iter().map(Ok), SignedDocuments::Change, &mut file)?;
    file.flush().unwrap();
    Ok((file, warnings))
}

/// What `tool` prints; fails the test if the tool fails.
pub(super) fn output(tool: &str, arguments: &[&str]) -> String {
    let result = Command::new(tool).args(arguments).output().unwrap();
    assert!(result.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&result.stderr));
    String::from_utf8_lossy(&result.stdout).into_owned()
}

/// Fails the test unless qpdf finds nothing wrong.
pub(super) fn assert_sound(path: &Path) {
    if has("qpdf") {
        let result = Command::new("qpdf").arg("--check").arg(path).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr));
        assert!(result.status.success(), "qpdf --check: {said}");
    }
}

/// A word as poppler finds it.
#[derive(Clone, Debug)]
pub(super) struct FoundWord {
    pub(super) page: usize,
    pub(super) text: String,
    pub(super) bounds: [f32; 4],
}

/// The words of a PDF by `pdftotext -bbox`, in displayed points of the crop box.
pub(super) fn found_words(path: &Path) -> Vec<FoundWord> {
    let html = output("pdftotext", &["-bbox", "-cropbox", path.to_str().unwrap(), "-"]);
    let mut words = Vec::new();
    let mut page = 0;
    for line in html.lines() {
        if line.contains("<page ") {
            page += 1;
        }
        let Some(rest) = line.trim().strip_prefix("<word ") else { continue };
        let value = |key: &str| -> f32 {
            let at = rest.find(key).unwrap() + key.len() + 2;
            rest[at..].split('"').next().unwrap().parse().unwrap()
        };
        let text = rest.split_once('>').unwrap().1.trim_end_matches("</word>");
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        words.push(FoundWord { page, text, bounds: ["xMin", "yMin", "xMax", "yMax"].map(value) });
    }
    words
}

/// Fails the test unless every word of the layouts is found where it stands, to `tolerance` points.
pub(super) fn assert_found(path: &Path, layouts: &[PageLayout], tolerance: f32) {
    let found = found_words(path);
    for layout in layouts {
        for word in &layout.words {
            let expected: [f32; 4] = [word.bounds.x0, word.bounds.y0, word.bounds.x1, word.bounds.y1];
            let here: Vec<&FoundWord> = found.iter().filter(|f| f.page == layout.page.index() + 1 && f.text == word.text).collect();
            let near = here.iter().any(|f| f.bounds.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance));
            assert!(near, "\"{}\" on page {} is not at {expected:?}: {here:?}", word.text, layout.page);
        }
    }
}
