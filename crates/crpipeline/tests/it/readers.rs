//! What three readers of PDF see of a text layer: poppler, PDFium (the reader inside Chromium) and pdf.js (the one inside Firefox).

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crp_model::Layout;
use crp_testkit::{
    browser::{Site, report_of},
    poll::PATIENCE,
    programs::{output_of, program, skipped},
};
use serde::{Deserialize, Serialize};

const PDFJS_PAGE: &str = include_str!("../readers/pdfjs.html");
const PDFIUM_SCRIPT: &str = include_str!("../readers/pdfium.py");

/// A word and its box `[x0, y0, x1, y1]` in shares of the page's width and height as displayed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReadWord {
    pub(crate) text: String,
    #[serde(rename = "box")]
    pub(crate) bounds: [f64; 4],
}

/// A page as a reader sees it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReadPage {
    /// What lands on the clipboard when all of it is selected.
    pub(crate) copied: String,
    /// The words, line by line.
    pub(crate) lines: Vec<Vec<ReadWord>>,
    /// Where the words that were searched for are marked.
    #[serde(default)]
    pub(crate) found: HashMap<String, Vec<[f64; 4]>>,
}

/// A file to read, and words to search for on all its pages.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Task {
    pub(crate) file: PathBuf,
    pub(crate) searches: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    read: Vec<ReadFile>,
}

#[derive(Deserialize)]
struct ReadFile {
    pages: Vec<ReadPage>,
}

impl Report {
    fn pages(self) -> Vec<Vec<ReadPage>> {
        self.read.into_iter().map(|file| file.pages).collect()
    }
}

/// The pages of a file as poppler sees them; `None` without poppler. It searches nothing.
pub(crate) fn poppler(file: &Path, layout: &Layout) -> Option<Vec<ReadPage>> {
    let pdftotext = program("pdftotext")?;
    let text = |arguments: &[&str]| {
        let bytes = output_of(Command::new(&pdftotext).args(["-enc", "UTF-8"]).args(arguments).arg(file).arg("-"));
        String::from_utf8(bytes).expect("pdftotext writes UTF-8")
    };
    let copied = text(&[]);
    let mut copied = copied.split('\u{c}');
    let mut pages: Vec<ReadPage> = Vec::new();
    let mut size = [1.0, 1.0];
    for line in text(&["-bbox-layout", "-cropbox"]).lines().map(str::trim) {
        if line.starts_with("<page ") {
            size = [attribute(line, "width"), attribute(line, "height")];
            // It tells the size of the page as stored, and the words as displayed.
            if layout.pages.get(pages.len()).is_some_and(|page| page.rotation % 180 != 0) {
                size.reverse();
            }
            pages.push(ReadPage { copied: copied.next().unwrap_or_default().to_owned(), lines: Vec::new(), found: HashMap::new() });
        }
        let Some(page) = pages.last_mut() else { continue };
        if line.starts_with("<line ") {
            page.lines.push(Vec::new());
        } else if let Some(words) = page.lines.last_mut().filter(|_| line.starts_with("<word ")) {
            let [x0, y0, x1, y1] = ["xMin", "yMin", "xMax", "yMax"].map(|name| attribute(line, name));
            let text = line.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</word>")).unwrap_or_default();
            words.push(ReadWord { text: unescaped(text), bounds: [x0 / size[0], y0 / size[1], x1 / size[0], y1 / size[1]] });
        }
    }
    Some(pages)
}

fn attribute(line: &str, name: &str) -> f64 {
    let after = line.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
    after.split('"').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number in {line}"))
}

fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The pages of each file as PDFium sees them; `None` without it.
pub(crate) fn pdfium(tasks: &[Task]) -> Option<Vec<Vec<ReadPage>>> {
    // Its command stands beside the Python that has the package.
    let python = program("pypdfium2")?.with_file_name("python");
    let mut command = Command::new(python);
    command.args(["-c", PDFIUM_SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("the environment of pypdfium2 has a Python");
    let tasks = serde_json::to_vec(tasks).expect("paths are text");
    process.stdin.take().expect("a pipe").write_all(&tasks).expect("the script reads its tasks");
    let output = process.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "PDFium's script ended with {}", output.status);
    Some(serde_json::from_slice::<Report>(&output.stdout).expect("the script writes JSON").pages())
}

/// The pages of each file as pdf.js sees them in Chromium; `None` without either.
pub(crate) async fn pdfjs(tasks: &[Task]) -> Option<Vec<Vec<ReadPage>>> {
    let chromium = program("chromium")?;
    let Some(package) = std::env::var_os("CRP_PDFJS").map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        skipped("pdf.js is not installed");
        return None;
    };
    let mut site = Site::new().folder("/pdfjs/", &package).file("/pdfjs.html", PDFJS_PAGE);
    let mut served = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        let file = format!("/{at}.pdf");
        site = site.file(&file, std::fs::read(&task.file).expect("the file is there"));
        served.push(Task { file: file.into(), ..task.clone() });
    }
    let site = site.file("/tasks.json", serde_json::to_vec(&served).expect("paths are text"));
    let report = report_of(&chromium, site, "/pdfjs.html", PATIENCE).await;
    assert!(report["error"].is_null(), "pdf.js: {}", report["error"].as_str().unwrap_or_default());
    Some(serde_json::from_value::<Report>(report).expect("the page reports what it read").pages())
}
