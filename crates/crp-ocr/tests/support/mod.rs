//! What the tests of document processes share: children with and without faults, small documents, words of a page.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use crp_metrics::Metrics;
use crp_model::{Failure, Limits, MediaType, PageLayout, PageNo, SandboxRequirement, labels::EngineKind, pipeline::OcrMode};
use crp_ocr::{ChildCommand, ChildPool, DocumentChild, ReadSettings};

/// The test program as a child, with these additions to its environment.
pub(crate) fn child(env: &[(&str, &str)]) -> ChildCommand {
    let mut command = ChildCommand::this_binary().expect("a test knows its own program");
    command.program = PathBuf::from(env!("CARGO_BIN_EXE_document-child"));
    command.args = vec!["__document-child".into()];
    command.env.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    command
}

/// The test program with a fault.
pub(crate) fn faulty(fault: &str) -> ChildCommand {
    child(&[("CRP_FAULT", fault)])
}

/// English, with this mode.
pub(crate) fn english(mode: OcrMode) -> ReadSettings {
    ReadSettings { languages: vec!["eng".to_owned()], mode, engine: EngineKind::Tesseract, thumbnails: false }
}

/// Starts reading a PDF with short limits.
pub(crate) async fn start(
    command: &ChildCommand,
    file: &Path,
    settings: &ReadSettings,
    metrics: &Metrics,
) -> Result<DocumentChild, Failure> {
    DocumentChild::start(&pool(command, &limits(), metrics), file, MediaType::Pdf, Some(settings)).await
}

/// Processes with these limits.
pub(crate) fn pool(command: &ChildCommand, limits: &Limits, metrics: &Metrics) -> ChildPool {
    ChildPool::new(command.clone(), limits.clone(), SandboxRequirement::BestEffort, metrics.clone())
}

/// The product's limits.
pub(crate) fn limits() -> Limits {
    Limits::default()
}

pub(crate) fn page(number: u32) -> PageNo {
    PageNo::new(number).expect("pages count from 1")
}

/// A PDF with a page for each text; lines are separated by `\n`. Written into `folder`.
pub(crate) fn pdf(folder: &Path, pages: &[&str]) -> PathBuf {
    pdf_drawn_by(folder, "1 0 0 1 0 0", pages)
}

/// The same with every page's drawing moved by a matrix.
pub(crate) fn pdf_drawn_by(folder: &Path, matrix: &str, pages: &[&str]) -> PathBuf {
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 4 + 2 * at)).collect();
    objects.push(format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned());
    for (at, text) in pages.iter().enumerate() {
        let lines: String = text.lines().map(|line| format!("({line}) Tj T*\n")).collect();
        let content = format!("{matrix} cm BT /F1 24 Tf 30 TL 72 700 Td\n{lines}ET");
        let resources = "<< /Font << /F1 3 0 R >> >>";
        objects
            .push(format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources {resources} /Contents {} 0 R >>", 5 + 2 * at));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let table = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    file.extend(offsets.iter().map(|offset| format!("{offset:010} 00000 n \n")));
    file += &format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    let path = folder.join("document.pdf");
    std::fs::write(&path, file).expect("the scratch folder can be written");
    path
}

/// The words of a page in lower case, without punctuation.
pub(crate) fn words(layout: &PageLayout) -> Vec<String> {
    words_of(&layout.text())
}

/// The words of a text in lower case, without punctuation.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// A file of the corpus of real documents, where there is one; says loudly when there is none.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CRPIPELINE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let file = folder.join(name);
    if file.exists() {
        return Some(file);
    }
    eprintln!("SKIPPED: there is no {} (set CRPIPELINE_CORPUS to the corpus of real documents)", file.display());
    None
}
