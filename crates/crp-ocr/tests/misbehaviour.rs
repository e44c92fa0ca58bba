//! Children that crash, hang, flood, lie or eat memory: each gets its code, the parent lives, and the next good document is read.

mod support;

use std::time::Duration;

use crp_metrics::Metrics;
use crp_model::{
    Code, Limits, MediaType,
    labels::{EngineKind, OcrErrorKind},
    pipeline::OcrMode,
};
use crp_ocr::{ChildCommand, DocumentChild};
use support::{child, english, faulty, limits, page, pdf, pool, start, words};

/// What becomes of reading page 1 with this fault, and which error is counted.
async fn outcome(fault: &str, limits: &Limits) -> (Code, String, Vec<OcrErrorKind>) {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let metrics = Metrics::for_tests();
    let settings = english(OcrMode::Off);
    let mut child = DocumentChild::start(&pool(&faulty(fault), limits, &metrics), &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let failure = child.read_page(page(1)).await.unwrap_err();
    let kinds = [OcrErrorKind::Timeout, OcrErrorKind::Crash, OcrErrorKind::BadImage, OcrErrorKind::Other];
    let counted = kinds.into_iter().filter(|kind| metrics.ocr_errors_total.get(EngineKind::Tesseract, *kind) > 0).collect();
    the_next_good_document_is_read().await;
    (failure.code, failure.message, counted)
}

async fn the_next_good_document_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let mut child = start(&child(&[]), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    assert_eq!(words(&child.read_page(page(1)).await.unwrap().layout), ["a", "good", "document"]);
}

#[tokio::test]
async fn a_child_that_dies_is_a_crash_of_the_engine() {
    for fault in ["crash", "abort", "exit", "deep"] {
        let (code, message, counted) = outcome(fault, &limits()).await;
        assert_eq!((code, counted), (Code::EngineCrashed, vec![OcrErrorKind::Crash]), "{fault}: {message}");
    }
}

#[tokio::test]
async fn a_page_that_never_ends_is_killed_after_its_time() {
    let short = Limits { page_timeout_seconds: 1, ..limits() };
    for fault in ["hang", "spin"] {
        let (code, message, counted) = outcome(fault, &short).await;
        assert_eq!((code, counted), (Code::PageTimeout, vec![OcrErrorKind::Timeout]), "{fault}: {message}");
        assert_eq!(message, "It took longer than 1 seconds: reading page 1");
    }
}

#[tokio::test]
async fn used_up_processor_time_is_a_timeout() {
    let (code, message, counted) = outcome("processor_time", &limits()).await;
    assert_eq!((code, counted), (Code::PageTimeout, vec![OcrErrorKind::Timeout]), "{message}");
}

#[tokio::test]
async fn memory_beyond_the_limit_is_told_as_that() {
    let small = Limits { max_child_memory_mebibytes: 512, ..limits() };
    let (code, message, counted) = outcome("out_of_memory", &small).await;
    assert_eq!((code, counted), (Code::MemoryLimit, vec![OcrErrorKind::Crash]), "{message}");
}

#[tokio::test]
async fn wherever_memory_runs_out_it_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut codes = Vec::new();
    // Loading the engine's library, its language, a thread, the picture, recognising: each in turn is what does not fit.
    for mebibytes in [10, 80, 130, 160, 190, 220, 260] {
        let small = Limits { max_child_memory_mebibytes: mebibytes, ..limits() };
        let settings = english(OcrMode::Force);
        let started = DocumentChild::start(&pool(&child(&[]), &small, &Metrics::for_tests()), &file, MediaType::Pdf, Some(&settings)).await;
        let read = match started {
            Ok(mut child) => child.read_page(page(1)).await,
            Err(failure) => Err(failure),
        };
        codes.push((mebibytes, read.map_err(|failure| failure.code).map(|reading| words(&reading.layout).len())));
    }
    let told = |read: &Result<usize, Code>| matches!(read, Ok(2) | Err(Code::MemoryLimit | Code::PageTooLarge));
    assert!(codes.iter().all(|(_, read)| told(read)), "{codes:?}");
    assert_eq!(codes[0], (10, Err(Code::MemoryLimit)));
}

#[tokio::test]
async fn a_flood_of_messages_ends_the_child_and_none_of_it_reaches_the_user() {
    let (code, message, counted) = outcome("flood", &limits()).await;
    assert_eq!((code, counted), (Code::EngineCrashed, vec![OcrErrorKind::Crash]));
    assert!(!message.contains("!!"), "{message}");
}

#[tokio::test]
async fn answers_that_cannot_be_true_are_refused() {
    for lie in [
        "garbage",
        "huge_frame",
        "wrong_answer",
        "wrong_page",
        "tiny_pixels",
        "word_from_afar",
        "sure_of_itself",
        "garbage_text",
        "text_without_end",
        "box_of_no_number",
        "picture_after_picture",
        "room_for_another_page",
        "room_after_room",
        "thumbnail_of_html",
        "failure_from_elsewhere",
    ] {
        let (code, message, counted) = outcome(lie, &limits()).await;
        assert_eq!((code, counted), (Code::EngineAnswerInvalid, vec![OcrErrorKind::Other]), "{lie}: {message}");
    }
}

#[tokio::test]
async fn a_number_of_pages_that_cannot_be_is_refused() {
    for lie in ["no_pages", "million_pages"] {
        let folder = tempfile::tempdir().unwrap();
        let file = pdf(folder.path(), &["Some words"]);
        let mut child = start(&faulty(lie), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
        assert_eq!(child.inspect().await.unwrap_err().code, Code::EngineAnswerInvalid, "{lie}");
        the_next_good_document_is_read().await;
    }
}

#[tokio::test]
async fn half_an_answer_is_waited_for_no_longer_than_the_page() {
    let short = Limits { page_timeout_seconds: 1, ..limits() };
    assert_eq!(outcome("torn_frame", &short).await.0, Code::PageTimeout);
}

#[tokio::test]
async fn a_failure_told_by_a_child_is_passed_on_in_words_fit_to_be_shown() {
    let (code, message, counted) = outcome("failure_in_colour", &limits()).await;
    assert_eq!((code, counted), (Code::PageFailed, vec![OcrErrorKind::BadImage]));
    assert_eq!(message, "[31mredalert");
}

#[tokio::test]
async fn a_panic_costs_its_page_and_not_the_next() {
    let (code, _, counted) = outcome("panic", &limits()).await;
    assert_eq!((code, counted), (Code::PageFailed, vec![OcrErrorKind::BadImage]));
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["one", "two", "three"]);
    let metrics = Metrics::for_tests();
    let mut child = start(&faulty("panic_on_page_2"), &file, &english(OcrMode::Off), &metrics).await.unwrap();
    child.read_page(page(1)).await.unwrap();
    assert_eq!(child.read_page(page(2)).await.unwrap_err().code, Code::PageFailed);
    child.read_page(page(3)).await.unwrap();
}

#[tokio::test]
async fn a_library_that_prints_does_not_disturb_the_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut child = start(&faulty("chatter"), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    child.read_page(page(1)).await.unwrap();
}

#[tokio::test]
async fn after_its_death_a_child_answers_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut child = start(&faulty("crash"), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    child.read_page(page(1)).await.unwrap_err();
    assert_eq!(child.read_page(page(1)).await.unwrap_err().code, Code::EngineCrashed);
    assert_eq!(child.inspect().await.unwrap_err().code, Code::EngineCrashed);
}

#[tokio::test]
async fn a_dropped_future_kills_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut child = start(&faulty("hang"), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    let cancelled = tokio::time::timeout(Duration::from_millis(100), child.read_page(page(1))).await;
    assert!(cancelled.is_err(), "the page hangs");
    let failure = child.read_page(page(1)).await.unwrap_err();
    assert_eq!(failure.code, Code::EngineCrashed, "{failure}");
}

#[tokio::test]
async fn a_dropped_child_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let child = start(&child(&[]), &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    assert_eq!(readers_of(&file), 1, "the control: the child holds the document");
    drop(child);
    // The kernel closes the files of a killed process; waiting for that is bounded.
    let gone = tokio::time::timeout(Duration::from_secs(20), async {
        while readers_of(&file) > 0 {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("the process is gone");
}

#[tokio::test]
async fn after_a_crash_the_next_document_is_recognised() {
    outcome("crash", &limits()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["A good document"]);
    let mut child = start(&child(&[]), &file, &english(OcrMode::Force), &Metrics::for_tests()).await.unwrap();
    assert_eq!(words(&child.read_page(page(1)).await.unwrap().layout), ["a", "good", "document"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_outlives_the_thread_that_asked_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let runtime = tokio::runtime::Handle::current();
    let passing = std::thread::spawn(move || {
        let metrics = Metrics::for_tests();
        runtime.block_on(start(&child(&[]), &file, &english(OcrMode::Off), &metrics)).map(|child| (child, folder))
    });
    // Waiting for the thread blocks; the runtime has another one for the work.
    let (mut child, _folder) = tokio::task::spawn_blocking(|| passing.join().unwrap()).await.unwrap().unwrap();
    tokio::spawn(async move { child.read_page(page(1)).await }).await.unwrap().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_dies_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut parent = std::process::Command::new(env!("CARGO_BIN_EXE_document-child"))
        .env("CRP_FAULT", "parent")
        .arg(&file)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(parent.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "its child is open\n");
    assert_eq!(readers_of(&file), 1, "the control: the child holds the document");
    parent.kill().unwrap();
    parent.wait().unwrap();
    let began = std::time::Instant::now();
    while readers_of(&file) > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "the child lives on without its parent");
        std::thread::yield_now();
    }
}

/// Processes that have `file` in their memory.
fn readers_of(file: &std::path::Path) -> usize {
    let name = file.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter(|p| std::fs::read_to_string(p.path().join("maps")).is_ok_and(|maps| maps.contains(name))).count()
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let nothing = ChildCommand { program: "/nonexistent/crpipeline".into(), args: Vec::new(), env: Vec::new(), http: None };
    let failure = start(&nothing, &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap_err();
    assert_eq!(failure.code, Code::Internal);
    let other = ChildCommand { program: "/bin/cat".into(), args: Vec::new(), env: Vec::new(), http: None };
    let failure = start(&other, &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap_err();
    assert_eq!(failure.code, Code::EngineAnswerInvalid);
}
