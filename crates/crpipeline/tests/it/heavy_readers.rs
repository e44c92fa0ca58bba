//! Selecting, copying and searching in three readers: poppler, PDFium (Chromium's) and pdf.js (Firefox'), on pages that lie in every way.

use std::path::{Path, PathBuf};

use crp_model::{Layout, PageLayout, Word};
use crp_testkit::{
    CommandLine, samples,
    turned::{self, Turned},
    words::score,
};

use crate::{
    agreement::{self, Agreement},
    pdf_tools::assert_sound,
    readers::{self, ReadPage, Task},
};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// Words of the letter: at the beginning of a line, at its end and in its middle, one and several of them.
const SEARCHES: [&str; 3] = ["HB-2026-0417", "volumes", "marbled"];

async fn searchable(folder: &Path, name: &str, pdf: &[u8]) -> (PathBuf, Layout) {
    std::fs::write(folder.join(format!("{name}.pdf")), pdf).unwrap();
    let ran = CommandLine::new(BINARY, folder).run(&["run", "-o", "out", &format!("{name}.pdf")]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let file = folder.join("out").join(format!("{name}.pdf"));
    assert_sound(&file);
    let layout = serde_json::from_slice(&std::fs::read(file.with_extension("json")).unwrap()).unwrap();
    (file, layout)
}

/// The least that a reader must agree on a page: shares of words where they are, of whole lines, of lines that are copied whole.
type Least = [f64; 3];

/// Nearly all; a speck at the rim of a page may have been taken for a word.
const ALL: Least = [0.99, 0.9, 0.9];

fn poppler_agrees(turned: &Turned) -> Least {
    // A line on a slope is more than one to it where the slope has climbed half a line.
    if turned.is_skewed() { [ALL[0], 0.3, 0.3] } else { ALL }
}

fn pdfium_agrees(turned: &Turned) -> Least {
    // It reads the lines of a page from its top to its foot, whichever way they run.
    if turned.is_upside_down() { [ALL[0], ALL[1], 0.0] } else { ALL }
}

/// It misses the end of a line now and then.
const PDFJS_AGREES: Least = [0.95, 0.8, 0.9];
/// One piece of text on the screen can be a whole line, in letters of another width: its words are moved along it.
const PDFJS_WITHIN: f64 = 1.0;

/// How far beside its word a search may mark, in heights of its line: what pdf.js takes for a line is level on its screen.
fn pdfjs_marks_within(turned: &Turned) -> f64 {
    if turned.is_skewed() { 0.5 } else { 0.0 }
}

/// What is wrong with what a reader sees of the turned pages.
fn judged(
    reader: &str,
    layout: &Layout,
    read: &[ReadPage],
    within: f64,
    least: impl Fn(&Turned) -> Least,
    marks_within: impl Fn(&Turned) -> f64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut all = Agreement::default();
    for ((turned, page), read) in turned::PAGES.iter().zip(&layout.pages).zip(read) {
        let agreement = agreement::of_page(page, read, within);
        eprintln!("{reader:<8} {:<40} {agreement}", turned.name);
        if agreement.shares().iter().zip(least(turned)).any(|(share, least)| *share < least) {
            wrong.push(format!("{reader}, {}: {agreement}: {:#?}", turned.name, agreement.complaints));
        }
        for word in SEARCHES.iter().filter(|word| read.found.contains_key(**word)) {
            wrong.extend(missed(page, read, word, marks_within(turned)).map(|what| format!("{reader}, {}: {what}", turned.name)));
        }
        all.add(agreement);
    }
    eprintln!("{reader:<8} {:<40} {all}", "all pages");
    wrong
}

/// Whether a search marks the word wherever it stands: each mark has its middle on a word that contains it, or so many heights of
/// the line beside it.
fn missed(page: &PageLayout, read: &ReadPage, searched: &str, within: f64) -> Option<String> {
    let standing: Vec<&Word> = page.words.iter().filter(|word| word.text.contains(searched)).collect();
    let marks = read.found.get(searched).cloned().unwrap_or_default();
    let is_marked = |word: &Word| marks.iter().any(|mark| is_on(page, word, *mark, within));
    let all_marked = standing.iter().all(|word| is_marked(word)) && marks.len() == standing.len();
    (!all_marked || standing.is_empty()).then(|| {
        let words: Vec<_> = standing.iter().map(|word| <[f64; 4]>::from(word.bounds)).collect();
        let [width, height] = [page.width, page.height].map(f64::from);
        let marks: Vec<_> = marks.iter().map(|[a, b, c, d]| [a * width, b * height, c * width, d * height].map(f64::round)).collect();
        format!("{searched} stands at {words:?} and is marked at {marks:?}")
    })
}

fn is_on(page: &PageLayout, word: &Word, [x0, y0, x1, y1]: [f64; 4], within: f64) -> bool {
    let [x, y] = [f64::from(page.width) * (x0 + x1) / 2.0, f64::from(page.height) * (y0 + y1) / 2.0];
    let [left, top, right, bottom] = <[f64; 4]>::from(word.bounds);
    let beside = (right - left).min(bottom - top) * within;
    (left - beside..=right + beside).contains(&x) && (top - beside..=bottom + beside).contains(&y)
}

#[tokio::test]
async fn three_readers_find_the_words_of_turned_and_skewed_pages_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (file, layout) = searchable(folder.path(), "turned", &turned::pdf()).await;
    for (turned, page) in turned::PAGES.iter().zip(&layout.pages) {
        let found = score(samples::letter_texts()[0], &page.text());
        assert!(found.recall > 0.9, "{}: {found:?}\n{}", turned.name, page.text());
    }
    let task = [Task { file: file.clone(), searches: SEARCHES.map(str::to_owned).to_vec() }];
    let mut wrong = Vec::new();
    if let Some(read) = readers::poppler(&file, &layout) {
        wrong.extend(judged("poppler", &layout, &read, 0.5, poppler_agrees, |_| 0.0));
    }
    if let Some(read) = readers::pdfium(&task) {
        assert!(read[0].iter().all(|page| page.found.len() == SEARCHES.len()));
        wrong.extend(judged("PDFium", &layout, &read[0], 0.5, pdfium_agrees, |_| 0.0));
    }
    if let Some(read) = readers::pdfjs(&task).await {
        assert!(read[0].iter().all(|page| page.found.len() == SEARCHES.len()));
        wrong.extend(judged("pdf.js", &layout, &read[0], PDFJS_WITHIN, |_| PDFJS_AGREES, pdfjs_marks_within));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
