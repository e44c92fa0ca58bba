//! The example of an engine over HTTP, as an operator starts it: it reads a page, keeps strangers out and says what it cannot read.

mod support;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crp_metrics::Metrics;
use crp_model::{Code, MediaType, labels::EngineKind, pipeline::OcrMode};
use crp_ocr::{ChildCommand, DocumentChild, HttpEngine, HttpEngineSettings, ReadSettings};
use support::{child, english, limits, page, pdf, pool, words};

/// The running example; dropped, it is ended.
struct Example {
    process: Child,
    url: String,
}

impl Example {
    /// Starts it; says so loudly where there is no Python or no `tesseract` program.
    fn start(token: &str) -> Option<Self> {
        if let Err(error) = Command::new("tesseract").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
            eprintln!("SKIPPED: tesseract cannot be started: {error}");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ocr-http-engine/server.py");
        let mut command = Command::new("python3");
        command.arg("-B").arg(script).args(["--port", "0"]).env("OCR_TOKEN", token).stdout(Stdio::piped());
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!("SKIPPED: python3 cannot be started: {error}");
                return None;
            }
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();
        Some(Self { process, url })
    }

    fn engine(&self, token: Option<&str>) -> HttpEngine {
        HttpEngine::new(&HttpEngineSettings { url: self.url.clone(), token: token.map(str::to_owned), timeout_seconds: 60 }).unwrap()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn open(engine: HttpEngine, file: &Path, languages: &[&str]) -> DocumentChild {
    let command = ChildCommand { http: Some(engine), ..child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]) };
    let languages = languages.iter().map(|code| (*code).to_owned()).collect();
    let settings = ReadSettings { languages, engine: EngineKind::Http, ..english(OcrMode::Force) };
    let pool = pool(&command, &limits(), &Metrics::for_tests());
    DocumentChild::start(&pool, file, MediaType::Pdf, Some(&settings)).await.unwrap()
}

#[tokio::test]
async fn the_example_reads_a_page_word_by_word_in_its_lines() {
    let Some(example) = Example::start("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The quick brown fox\njumps over the lazy dog", ""]);
    let mut child = open(example.engine(None), &file, &["eng"]).await;
    let read = child.read_page(page(1)).await.unwrap().layout;
    assert_eq!(words(&read), ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]);
    assert_eq!(read.lines.iter().map(|line| line.word_count).collect::<Vec<_>>(), [4, 5]);
    assert!((read.words[0].bounds.x0 - 73.0).abs() < 3.0, "{:?}", read.words[0]);
    assert!(child.read_page(page(2)).await.unwrap().layout.words.is_empty(), "an empty page");
    let probe = example.engine(None).probe().await.unwrap();
    assert!(probe.read_the_word, "{probe:?}");
}

#[tokio::test]
async fn the_example_keeps_strangers_out_and_tells_what_it_cannot_read() {
    let Some(example) = Example::start("sesame") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut stranger = open(example.engine(Some("guess")), &file, &["eng"]).await;
    assert_eq!(stranger.read_page(page(1)).await.unwrap_err().code, Code::EngineUnavailable);
    assert_eq!(example.engine(None).probe().await.unwrap_err().code, Code::EngineUnavailable);
    let mut child = open(example.engine(Some("sesame")), &file, &["xxy"]).await;
    assert_eq!(child.read_page(page(1)).await.unwrap_err().code, Code::PageFailed, "a language that it does not have");
    let mut child = open(example.engine(Some("sesame")), &file, &["eng"]).await;
    assert_eq!(words(&child.read_page(page(1)).await.unwrap().layout), ["some", "words"]);
}
