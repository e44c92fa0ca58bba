//! Warm spares: a document gets a process that has loaded its engine and seen nothing; each serves one, and dead ones are not noticed.

mod support;

use std::{collections::HashSet, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Code, MediaType, TextSource, pipeline::OcrMode};
use crp_ocr::{ChildPool, DocumentChild};
use support::{child, english, faulty, limits, page, pdf, pool, words};

/// Processes that the test started and that live.
fn children() -> HashSet<u32> {
    let own = std::process::id();
    let tasks = std::fs::read_dir(format!("/proc/{own}/task")).unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// Waits until what is there is as wanted; the time is bounded and long.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let held = tokio::time::timeout(Duration::from_secs(60), async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("not {what} within a minute"));
}

/// Whether its engine's library is loaded.
fn has_engine(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("libtesseract"))
}

/// Reads a document and waits for the spare that is made then.
async fn read_one(pool: &ChildPool, file: &std::path::Path) -> Vec<String> {
    let settings = english(OcrMode::Force);
    let mut child = DocumentChild::start(pool, file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let reader = children();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(reading.layout.source, TextSource::Ocr);
    drop(child);
    until("a spare alone", || children().is_disjoint(&reader) && children().len() == 1 && children().into_iter().all(has_engine)).await;
    words(&reading.layout)
}

#[tokio::test]
async fn a_spare_waits_after_the_first_page_and_serves_the_next_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests()).with_spares(1);
    let settings = english(OcrMode::Force);
    let mut first = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let reader = children();
    assert_eq!(reader.len(), 1, "none before the first page");
    first.read_page(page(1)).await.unwrap();
    until("a spare", || children().len() == 2).await;
    let spare: HashSet<u32> = children().difference(&reader).copied().collect();
    drop(first);
    let mut second = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    until("the first gone", || children().is_disjoint(&reader)).await;
    assert_eq!(children(), spare, "the spare serves, and no other process was started");
    assert_eq!(words(&second.read_page(page(1)).await.unwrap().layout), ["a", "good", "document"]);
    drop((second, pool));
    until("everything gone with the pool", || children().is_empty()).await;
}

#[tokio::test]
async fn one_that_was_warmed_up_serves_the_first_document_and_none_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests());
    let settings = english(OcrMode::Force);
    pool.warm_up(&settings.languages);
    until("a spare", || children().len() == 1 && children().into_iter().all(has_engine)).await;
    let spare = children();
    let mut first = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    assert_eq!(children(), spare, "the spare serves, and no other process was started");
    assert_eq!(words(&first.read_page(page(1)).await.unwrap().layout), ["a", "good", "document"]);
    drop(first);
    until("nothing left", || children().is_empty()).await;
}

#[tokio::test]
async fn the_sandbox_of_a_spare_is_as_tight_as_any() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let pool = pool(&faulty("attack"), &limits(), &Metrics::for_tests()).with_spares(1);
    let settings = english(OcrMode::Force);
    let mut reports = Vec::new();
    for _cold_then_warm in 0..2 {
        let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
        if !child.sandbox().seccomp {
            return eprintln!("SKIPPED: this kernel has no system call filter");
        }
        let failure = child.read_page(page(1)).await.unwrap_err();
        assert_eq!(failure.code, Code::PageFailed, "{failure}");
        reports.push(failure.message);
        drop(child);
        until("only the spare left", || children().len() == 1).await;
    }
    assert!(reports[0].ends_with(" 0 out: "), "{}", reports[0]);
    assert_eq!(reports[0], reports[1]);
}

#[tokio::test]
async fn a_spare_that_died_while_it_waited_is_not_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests()).with_spares(1);
    read_one(&pool, &file).await;
    for pid in children() {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    assert_eq!(read_one(&pool, &file).await, ["a", "good", "document"]);
}

#[tokio::test]
async fn other_languages_and_documents_without_recognition_get_a_process_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests()).with_spares(1);
    read_one(&pool, &file).await;
    let spare = children();
    let mut off = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&english(OcrMode::Off))).await.unwrap();
    off.read_page(page(1)).await.unwrap();
    let mut inspects = DocumentChild::start(&pool, &file, MediaType::Pdf, None).await.unwrap();
    assert_eq!(inspects.inspect().await.unwrap().pages.len(), 1);
    assert!(children().is_superset(&spare) && children().len() == 3);
}

#[tokio::test]
async fn without_an_engine_spares_fail_quietly_and_the_page_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[""]);
    let command = child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]);
    let pool = pool(&command, &limits(), &Metrics::for_tests()).with_spares(2);
    for _ in 0..3 {
        let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&english(OcrMode::Auto))).await.unwrap();
        assert_eq!(child.read_page(page(1)).await.unwrap_err().code, Code::TesseractMissing);
    }
}
