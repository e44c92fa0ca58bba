//! The documents that everything is measured on, and what really stands on their pages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    python,
    receipts::{self, Fields},
};
use crate::{needs, run::run, workspace::root};

/// Pages of the scan that others are made of.
const SCAN_PAGES: usize = 24;

/// A document of the bench.
pub(super) struct Document {
    /// Its name on the command line and in the results.
    pub(super) id: &'static str,
    /// What it is, for people.
    pub(super) title: String,
    /// Its files; one program reads all of them in one run.
    pub(super) files: Vec<PathBuf>,
    /// Pages of all files.
    pub(super) pages: usize,
    /// Whether its pages are text already, so that there is nothing to recognise.
    pub(super) is_text: bool,
    /// What stands on the pages.
    pub(super) truth: Truth,
}

/// What stands on the pages of a document.
pub(super) enum Truth {
    /// The text of each page of its one file, and what kind of page it is where that differs.
    Pages { texts: Vec<String>, labels: Vec<String> },
    /// One receipt per file.
    Receipts(Vec<Receipt>),
}

/// What a receipt says.
pub(super) struct Receipt {
    /// Its lines.
    pub(super) text: String,
    /// Its fields.
    pub(super) fields: Fields,
}

/// Every document there is: name and what it is.
pub(super) const ALL: [(&str, &str); 7] = [
    ("one-page", "one page of the scan: what a start costs"),
    ("scan24", "a scan of 24 pages, 300 dpi gray, skewed, blurred and noisy, one and more columns"),
    ("vector", "24 pages that are text already"),
    ("small-print", "ten scanned pages of 5, 6, 7, 8 and 10 points, one and two columns"),
    ("receipts", "39 photographed and scanned receipts, one picture each, in one run"),
    ("hundred", "100 pages: how memory grows"),
    ("thousand", "1,000 pages: how memory grows"),
];

/// The corpus of real documents.
///
/// # Errors
/// When it is not there: nothing can be measured without it.
pub(super) fn corpus() -> Result<PathBuf> {
    let named = env::var_os("CRPIPELINE_CORPUS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join("../shared/corpus"));
    let scan = folder.join("scan24/scan24.pdf");
    ensure!(
        scan.is_file() && folder.join("receipts").is_dir(),
        "the corpus of scans is not at {}: it has to hold scan24/scan24.pdf with pNN.txt and receipts/*.jpg with *.lines.csv and *.fields.json. \
         Set CRPIPELINE_CORPUS to its folder",
        folder.display()
    );
    folder.canonicalize().with_context(|| format!("looking into {}", folder.display()))
}

/// Makes what has to be made, in `folder`, and returns the documents with these names.
pub(super) fn prepare(names: &[&'static str], corpus: &Path, folder: &Path) -> Result<Vec<Document>> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    names.iter().map(|name| prepare_one(name, corpus, folder)).collect()
}

fn prepare_one(id: &'static str, corpus: &Path, folder: &Path) -> Result<Document> {
    let title = ALL.iter().find(|(name, _)| *name == id).map(|(_, title)| (*title).to_owned()).context("no such document")?;
    let scan = corpus.join("scan24/scan24.pdf");
    let of_scan = |files: Vec<PathBuf>, pages: usize| -> Result<Document> {
        let truth = scan_truth(corpus, pages)?;
        Ok(Document { id, title: title.clone(), files, pages, is_text: false, truth })
    };
    match id {
        "scan24" => of_scan(vec![scan], SCAN_PAGES),
        "one-page" => of_scan(vec![pages_of(&scan, 1, folder)?], 1),
        "hundred" => of_scan(vec![pages_of(&scan, 100, folder)?], 100),
        "thousand" => of_scan(vec![pages_of(&scan, 1000, folder)?], 1000),
        "receipts" => receipt_files(id, title, &corpus.join("receipts")),
        "small-print" | "vector" => made(id, title, corpus, folder),
        other => bail!("no document is called {other}"),
    }
}

/// The text of so many pages: those of the scan over and over.
fn scan_truth(corpus: &Path, pages: usize) -> Result<Truth> {
    let texts = page_texts(&corpus.join("scan24"))?;
    ensure!(texts.len() == SCAN_PAGES, "the scan has {} texts for its {SCAN_PAGES} pages", texts.len());
    Ok(Truth::Pages { texts: texts.into_iter().cycle().take(pages).collect(), labels: Vec::new() })
}

/// A file of so many pages: those of the scan over and over.
fn pages_of(scan: &Path, pages: usize, folder: &Path) -> Result<PathBuf> {
    let file = folder.join(format!("scan-{pages}.pdf"));
    if file.is_file() {
        return Ok(file);
    }
    let unfinished = folder.join("unfinished.pdf");
    let mut command = Command::new("qpdf");
    command.args(["--empty", "--pages"]);
    for begun in (0..pages).step_by(SCAN_PAGES) {
        command.arg(scan).arg(format!("1-{}", SCAN_PAGES.min(pages - begun)));
    }
    run(command.arg("--").arg(&unfinished)).with_context(|| format!("making {}", file.display()))?;
    fs::rename(&unfinished, &file).with_context(|| format!("renaming {}", unfinished.display()))?;
    Ok(file)
}

/// What the script beside `benches/README.md` makes.
fn made(id: &'static str, title: String, corpus: &Path, folder: &Path) -> Result<Document> {
    let script = root().join("benches/ocr/documents.py");
    let made_by = folder.join("made-by.py");
    let recipe = fs::read(&script).with_context(|| format!("reading {}", script.display()))?;
    // A changed script makes other documents.
    if fs::read(&made_by).ok().as_ref() != Some(&recipe) {
        let fonts =
            needs::liberation_fonts().context("the fonts Liberation Sans and Serif are not installed (Debian: fonts-liberation)")?;
        run(Command::new(python::BENCH.program("python")?).arg(&script).arg(corpus.join("scan24")).arg(fonts).arg(folder))?;
        fs::write(&made_by, &recipe).with_context(|| format!("writing {}", made_by.display()))?;
    }
    let texts = page_texts(&folder.join(id))?;
    let labels = fs::read_to_string(folder.join(id).join("labels.txt")).context("reading the labels of the pages")?;
    Ok(Document {
        id,
        title,
        files: vec![folder.join(format!("{id}.pdf"))],
        pages: texts.len(),
        is_text: id == "vector",
        truth: Truth::Pages { texts, labels: labels.lines().map(str::to_owned).collect() },
    })
}

/// The files `pNN.txt` of a folder, in order.
fn page_texts(folder: &Path) -> Result<Vec<String>> {
    let is_page = |name: &str| name.starts_with('p') && name.ends_with(".txt");
    files_in(folder, is_page)?.iter().map(|file| read_text(file)).collect()
}

fn receipt_files(id: &'static str, title: String, folder: &Path) -> Result<Document> {
    let files = files_in(folder, |name| name.ends_with(".jpg"))?;
    ensure!(!files.is_empty(), "there are no receipts in {}", folder.display());
    let receipts = files.iter().map(|file| {
        let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = receipts::lines(&read_text(&folder.join(format!("{id}.lines.csv")))?);
        let fields = receipts::fields(&folder.join(format!("{id}.fields.json")))?;
        Ok(Receipt { text, fields })
    });
    let truth = Truth::Receipts(receipts.collect::<Result<_>>()?);
    Ok(Document { id, title, pages: files.len(), files, is_text: false, truth })
}

fn files_in(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(&wanted)).map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

/// A text file; bytes that are no UTF-8 are passed over.
pub(super) fn read_text(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).replace('\u{fffd}', ""))
}
