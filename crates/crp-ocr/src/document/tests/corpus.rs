//! Every odd file of the corpus through the whole document side: a result or a specific code, never a panic of ours.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
};

use crp_model::{Code, Failure, TextSource};

use super::bench::{corpus, has, layout, open, page, searchable};

/// What became of a file.
struct Outcome {
    text: String,
    is_internal: bool,
}

#[test]
fn every_odd_scan_ends_in_a_result_or_a_specific_code() {
    assert_specific(&["ocrmypdf", "pages"]);
}

#[test]
fn every_odd_pdf_ends_in_a_result_or_a_specific_code() {
    assert_specific(&["odd-pdfs"]);
}

fn assert_specific(folders: &[&str]) {
    let Some(corpus) = corpus() else { return };
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(corpus.join(folder)).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|e| matches!(e.to_str(), Some("pdf" | "png" | "jpg" | "tif"))))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut summary: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut internal = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let begin = std::time::Instant::now();
        let outcome =
            catch_unwind(AssertUnwindSafe(|| outcome(path))).unwrap_or_else(|_| Outcome { text: "PANIC".to_owned(), is_internal: true });
        println!("{name}: {} ({} ms)", outcome.text, begin.elapsed().as_millis());
        if outcome.is_internal {
            internal.push(format!("{name}: {}", outcome.text));
        }
        let kind = outcome.text.split(':').next().unwrap_or("").to_owned();
        summary.entry(kind).or_default().push(name);
    }
    for (kind, names) in &summary {
        println!("{kind}: {}{}", names.len(), if kind == "result" { String::new() } else { format!(" {names:?}") });
    }
    assert!(internal.is_empty(), "{internal:#?}");
}

fn outcome(path: &Path) -> Outcome {
    match through(path) {
        Ok(text) => {
            let is_internal = text.contains("UNSOUND");
            Outcome { text, is_internal }
        }
        Err(failure) => Outcome {
            text: format!("{}: {}", failure.code.as_str(), failure.message),
            is_internal: matches!(failure.code, Code::Internal) || failure.message.contains("stopped the reader"),
        },
    }
}

/// Open, inspect, read the first page, draw it, and lay two words over it.
fn through(path: &Path) -> Result<String, Failure> {
    let document = open(path)?;
    let inspection = document.inspect()?;
    let text = document.existing_text(page(1))?;
    let drawn = document.render_gray(page(1))?;
    assert_eq!(drawn.picture.gray.len(), drawn.picture.width as usize * drawn.picture.height as usize);
    let size = (inspection.pages[0].width_points, inspection.pages[0].height_points);
    let mut layouts = Vec::new();
    for index in 0..inspection.pages.len() {
        let info = inspection.pages[index];
        let mut empty = layout(crp_model::PageNo::from_index(index), (info.width_points, info.height_points), 10.0, &[]);
        empty.source = TextSource::TextLayer;
        layouts.push(empty);
    }
    layouts[0] = layout(page(1), size, size.1 / 40.0, &[("quickfox", size.0 * 0.1, size.1 * 0.5), ("lazydog", size.0 * 0.5, size.1 * 0.5)]);
    let (file, warnings) = searchable(&document, layouts)?;
    let again = open(file.path())?.inspect()?;
    assert_eq!(again.pages.len(), inspection.pages.len());
    let verdict = verdict(path, file.path());
    Ok(format!(
        "result: {} pages, {} words of its own, {}x{} px{}{verdict}",
        inspection.pages.len(),
        text.map_or(0, |t| t.words.len()),
        drawn.picture.width,
        drawn.picture.height,
        warnings.iter().map(|w| format!(", {:?}", w.code.0)).collect::<String>(),
    ))
}

/// Whether qpdf finds the result worse than the original, and poppler finds the words.
fn verdict(original: &Path, result: &Path) -> String {
    let mut verdict = String::new();
    if has("qpdf") {
        let check = |path: &Path| Command::new("qpdf").arg("--check").arg(path).output().unwrap();
        let (before, after) = (check(original), check(result));
        let rank = |status: Option<i32>| match status {
            Some(0) => 0,
            Some(3) => 1,
            _ => 2,
        };
        if rank(after.status.code()) > rank(before.status.code()) && original.extension().is_some_and(|e| e == "pdf") {
            verdict.push_str(&format!(", UNSOUND {}", String::from_utf8_lossy(&after.stderr).chars().take(600).collect::<String>()));
        }
    }
    if has("pdftotext") {
        let text = Command::new("pdftotext").args(["-l", "1", "-q"]).arg(result).arg("-").output().unwrap();
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        if !(text.contains("quickfox") && text.contains("lazydog")) {
            verdict.push_str(", WORDS NOT FOUND");
        }
    }
    verdict
}
