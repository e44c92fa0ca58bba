//! Real scans of the corpus, where it is present, against what really stands on them.

use std::path::{Path, PathBuf};

use crp_testkit::{CommandLine, api::pages_of, programs::corpus, words::score};

use crate::pdf_tools::{assert_sound, first_pages, page_text};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// Runs one file and gives the texts of its pages and its searchable PDF.
async fn run(folder: &Path, file: &Path) -> (Vec<String>, PathBuf) {
    let ran = CommandLine::new(BINARY, folder).run(&["run".as_ref(), "-o".as_ref(), "out".as_ref(), file.as_os_str()]).await;
    assert_eq!(ran.code, Some(0), "{}: {}", file.display(), ran.stderr);
    let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
    let pdf = folder.join("out").join(format!("{stem}.pdf"));
    assert_sound(&pdf);
    (pages_of(&std::fs::read_to_string(folder.join("out").join(format!("{stem}.txt"))).unwrap()), pdf)
}

fn assert_recall(what: &str, truth: &str, found: &str, at_least: f64) {
    let scored = score(truth, found);
    eprintln!("{what}: {scored:?}");
    assert!(scored.recall >= at_least, "{what}: {scored:?}, {at_least} wanted\n{found}");
}

#[tokio::test]
async fn degraded_pages_of_many_kinds_give_nine_of_ten_words_each_on_its_page() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scan24.pdf");
    if first_pages(&corpus.join("scan24/scan24.pdf"), 3, &file).is_none() {
        return;
    }
    let (texts, pdf) = run(folder.path(), &file).await;
    assert_eq!(texts.len(), 3);
    for page in 1..=3 {
        let truth = std::fs::read_to_string(corpus.join(format!("scan24/p{page:02}.txt"))).unwrap();
        assert_recall(&format!("scan24 page {page}"), &truth, &texts[page - 1], 0.9);
        assert_recall(&format!("scan24 page {page}, pdftotext"), &truth, &page_text(&pdf, page).unwrap(), 0.9);
    }
}

#[tokio::test]
async fn receipts_give_most_of_their_words() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().unwrap();
    for receipt in ["018", "066"] {
        let (texts, _) = run(folder.path(), &corpus.join(format!("receipts/{receipt}.jpg"))).await;
        let lines = std::fs::read_to_string(corpus.join(format!("receipts/{receipt}.lines.csv"))).unwrap();
        let truth: Vec<String> = lines.lines().map(|line| line.splitn(9, ',').nth(8).unwrap_or_default().to_owned()).collect();
        assert_recall(&format!("receipt {receipt}"), &truth.join("\n"), &texts.concat(), 0.6);
    }
}

#[tokio::test]
async fn single_pages_of_fax_and_scanner_give_their_words() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (file, in_text, in_layer) in [("phototest.tif", 0.98, 0.98), ("8087_054.3B.tif", 0.9, 0.92), ("eurotext.tif", 0.75, 0.75)] {
        let path = corpus.join("pages").join(file);
        let truth = std::fs::read_to_string(path.with_extension("txt")).unwrap();
        let (texts, pdf) = run(folder.path(), &path).await;
        assert_eq!(texts.len(), 1);
        assert_recall(file, &truth, &texts[0], in_text);
        assert_recall(file, &truth, &page_text(&pdf, 1).unwrap(), in_layer);
    }
}
