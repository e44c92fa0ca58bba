//! A pool that has little memory: its processes and pages take turns, large pages become smaller, and nobody waits for ever.

mod support;

use std::{
    path::{Path, PathBuf},
    task::Poll,
};

use crp_metrics::Metrics;
use crp_model::{Limits, MediaType, labels::WarningKind, pipeline::OcrMode};
use crp_ocr::{ChildPool, DocumentChild, usual_memory_mebibytes};
use futures_util::poll;
use support::{child, english, limits, page, pdf, pool, words};

/// The least that can be set.
const LITTLE_MEBIBYTES: u64 = 256;

/// `processes` are wanted, one fits.
fn small_pool(limits: &Limits, processes: usize) -> ChildPool {
    let pool = pool(&child(&[]), limits, &Metrics::for_tests()).within_memory(LITTLE_MEBIBYTES, processes);
    assert_eq!(pool.most_processes(), 1);
    pool
}

/// Processes that the test started and that live.
fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

/// A page of `width` by `height` points with a few words.
fn page_of(folder: &Path, width: u32, height: u32) -> PathBuf {
    let file = pdf(folder, &["Some words on a page"]);
    let text = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
    // The cross references keep their places as long as the length does.
    let sized = format!("[0 0 {width} {height}]");
    let padded = text.replace("[0 0 612 792]", &format!("{sized:<13}"));
    assert_eq!(padded.len(), text.len(), "{sized}");
    std::fs::write(&file, padded).unwrap();
    file
}

#[tokio::test]
async fn more_documents_than_places_are_read_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document", "and its second page"]);
    let pool = small_pool(&limits(), 4).with_spares(2);
    let mut documents = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (pool, file) = (pool.clone(), file.clone());
        documents.spawn(async move {
            let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&english(OcrMode::Force))).await.unwrap();
            let mut read = Vec::new();
            for number in [1, 2] {
                read.extend(words(&child.read_page(page(number)).await.unwrap().layout));
                assert!(children() <= 2, "the one that reads, and perhaps one that is dying");
            }
            read
        });
    }
    while let Some(read) = documents.join_next().await {
        assert_eq!(read.unwrap(), ["a", "good", "document", "and", "its", "second", "page"]);
    }
}

#[tokio::test]
async fn who_stops_waiting_for_a_place_takes_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let pool = small_pool(&limits(), 2);
    let settings = english(OcrMode::Force);
    let first = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let mut given_up = Box::pin(DocumentChild::start(&pool, &file, MediaType::Pdf, None));
    assert!(matches!(poll!(given_up.as_mut()), Poll::Pending));
    let mut waiting = Box::pin(DocumentChild::start(&pool, &file, MediaType::Pdf, None));
    assert!(matches!(poll!(waiting.as_mut()), Poll::Pending));
    drop(given_up);
    drop(first);
    assert_eq!(waiting.await.unwrap().inspect().await.unwrap().pages.len(), 1);
}

#[tokio::test]
async fn a_page_that_would_not_fit_even_alone_is_read_smaller_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // 17.3 megapixels at 300 dots per inch; 16.8 have room.
    let file = page_of(folder.path(), 999, 999);
    let settings = english(OcrMode::Force);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests()).within_memory(LITTLE_MEBIBYTES, 1);
    let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(words(&reading.layout), ["some", "words", "on", "a", "page"]);
    assert!(reading.warnings.iter().any(|w| w.code.0 == WarningKind::PageScaled), "{:?}", reading.warnings);
    let [width, height] = reading.layout.pixels.unwrap();
    assert!(u64::from(width) * u64::from(height) <= 16_800_000, "{width} × {height}");
}

#[tokio::test]
async fn a_page_of_ordinary_size_is_read_as_without_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The quick brown fox\njumps over the lazy dog"]);
    let settings = english(OcrMode::Force);
    let mut layouts = Vec::new();
    for pool in [pool(&child(&[]), &limits(), &Metrics::for_tests()), small_pool(&limits(), 8)] {
        let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
        let reading = child.read_page(page(1)).await.unwrap();
        assert!(reading.warnings.is_empty(), "{:?}", reading.warnings);
        layouts.push(reading.layout);
    }
    assert_eq!(layouts[0], layouts[1]);
}

#[tokio::test]
async fn a_page_of_five_metres_by_a_third_of_a_millimetre_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = page_of(folder.path(), 14_400, 1);
    let settings = english(OcrMode::Force);
    let pool = pool(&child(&[]), &limits(), &Metrics::for_tests());
    let mut child = DocumentChild::start(&pool, &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert!(reading.layout.words.is_empty());
    assert!(reading.warnings.iter().any(|w| w.code.0 == WarningKind::PageScaled), "{:?}", reading.warnings);
}

#[test]
fn the_usual_memory_is_a_part_of_the_machines() {
    if !Path::new("/proc/meminfo").exists() {
        return eprintln!("SKIPPED: this system does not tell its memory");
    }
    assert!(usual_memory_mebibytes().unwrap() > 0);
}
