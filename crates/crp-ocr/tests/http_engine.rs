//! The engine `http` through real document processes: what it is sent, what it may answer, and what becomes of everything else.

#[path = "support/endpoint.rs"]
mod endpoint;
mod support;

use std::path::Path;

use crp_metrics::Metrics;
use crp_model::{
    Code, Limits, MediaType, TextSource,
    labels::{EngineKind, OcrErrorKind},
    pipeline::OcrMode,
};
use crp_ocr::{ChildCommand, DocumentChild, HttpEngine, HttpEngineSettings, ReadSettings};
use endpoint::{Endpoint, Reply, runs_of_ink};
use support::{child, english, limits, page, pdf, pool, words};

const TEXT: &str = "Some words\nto be found";

fn through_http(mode: OcrMode) -> ReadSettings {
    ReadSettings { languages: vec!["eng".to_owned(), "deu".to_owned()], engine: EngineKind::Http, ..english(mode) }
}

/// A child on a machine without Tesseract whose operator has set up the engine at `url`.
fn with_engine_at(url: &str) -> ChildCommand {
    let settings = HttpEngineSettings { url: url.to_owned(), token: Some("a-secret-token".to_owned()), timeout_seconds: 60 };
    let http = Some(HttpEngine::new(&settings).unwrap());
    ChildCommand { http, ..child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]) }
}

async fn start(command: &ChildCommand, file: &Path, limits: &Limits, metrics: &Metrics) -> DocumentChild {
    let settings = through_http(OcrMode::Force);
    DocumentChild::start(&pool(command, limits, metrics), file, MediaType::Pdf, Some(&settings)).await.unwrap()
}

fn counted(metrics: &Metrics) -> Vec<OcrErrorKind> {
    let kinds = [OcrErrorKind::Timeout, OcrErrorKind::Crash, OcrErrorKind::BadImage, OcrErrorKind::Http, OcrErrorKind::Other];
    kinds.into_iter().filter(|kind| metrics.ocr_errors_total.get(EngineKind::Http, *kind) > 0).collect()
}

#[tokio::test]
async fn a_page_is_read_by_the_engine_outside_and_stands_where_it_stood() {
    let endpoint = Endpoint::start(|_, png| runs_of_ink(png));
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT]);
    let metrics = Metrics::for_tests();
    let mut child = start(&with_engine_at(&endpoint.url), &file, &limits(), &metrics).await;
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(reading.layout.source, TextSource::Ocr);
    assert_eq!(words(&reading.layout), ["word0", "word1", "word2", "word3", "word4"]);
    let counts: Vec<u32> = reading.layout.lines.iter().map(|line| line.word_count).collect();
    assert_eq!(counts, [2, 3]);
    // Helvetica at 24 points from (72, 700), counted from below: the first letter begins there.
    let first = reading.layout.words[0].bounds;
    assert!((first.x0 - 73.0).abs() < 3.0 && (first.y1 - 92.0).abs() < 3.0, "{first:?}");
    assert_eq!(metrics.ocr_page_duration_seconds.get(EngineKind::Http).count, 1);
    assert_eq!(metrics.ocr_page_duration_seconds.get(EngineKind::Tesseract).count, 0);

    let asked = endpoint.asked();
    let [width, height] = reading.layout.pixels.unwrap();
    assert_eq!(endpoint::decode(&asked[0].png).0, [width as usize, height as usize]);
    assert!(asked[0].head.starts_with("post /ocr http/1.1"), "{}", asked[0].head);
    for header in [
        "content-type: image/png",
        "accept: application/json",
        "crpipeline-ocr-protocol: 1",
        "crpipeline-ocr-page: 1",
        "crpipeline-ocr-dots-per-inch: ",
        "crpipeline-ocr-languages: eng,deu",
        "crpipeline-ocr-segmentation: automatic",
        "authorization: bearer a-secret-token",
    ] {
        assert!(asked[0].head.lines().any(|line| line.starts_with(header)), "{header}: {}", asked[0].head);
    }
    assert!(!asked[0].head.contains("document"), "nothing tells whose document it is: {}", asked[0].head);
}

#[tokio::test]
async fn an_engine_that_is_not_set_up_fails_the_pages_that_need_it_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let honest = "This line is long enough to be believed\nand so is the one that follows it here";
    let file = pdf(folder.path(), &["", honest]);
    let metrics = Metrics::for_tests();
    let settings = through_http(OcrMode::Auto);
    let mut child = DocumentChild::start(&pool(&child(&[]), &limits(), &metrics), &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    let failure = child.read_page(page(1)).await.unwrap_err();
    assert_eq!((failure.code, failure.code.exit_code()), (Code::EngineNotConfigured, 4));
    assert!(failure.remedy.contains("CRPIPELINE_HTTP_ENGINE_URL"), "{failure}");
    assert_eq!(counted(&metrics), [OcrErrorKind::Http]);
    let carried = child.read_page(page(2)).await.unwrap();
    assert_eq!(carried.layout.source, TextSource::TextLayer);
}

#[tokio::test]
async fn every_wrong_answer_has_its_code_and_the_next_page_is_read_by_the_same_process() {
    let one = |word: &str| Reply::Json(format!(r#"{{"protocol":1,"words":[{word}]}}"#));
    let canary = Endpoint::start(|_, png| runs_of_ink(png));
    let elsewhere = canary.url.clone();
    type MakeReply = Box<dyn Fn() -> Reply + Send + Sync>;
    let replies: Vec<(&str, Code, MakeReply)> = vec![
        ("no JSON", Code::EngineAnswerInvalid, Box::new(|| Reply::Json("certainly! here are the words".to_owned()))),
        ("another protocol", Code::EngineAnswerInvalid, Box::new(|| Reply::Json(r#"{"protocol":9,"words":[]}"#.to_owned()))),
        ("a web page", Code::EngineAnswerInvalid, Box::new(|| Reply::Other("text/html", b"<h1>It works!</h1>".to_vec()))),
        ("control characters", Code::EngineAnswerInvalid, Box::new(move || one(r#"{"text":"\u001b[31m","confidence":1,"box":[0,0,9,9]}"#))),
        ("a box elsewhere", Code::EngineAnswerInvalid, Box::new(move || one(r#"{"text":"x","confidence":1,"box":[0,0,99999,9]}"#))),
        ("too sure", Code::EngineAnswerInvalid, Box::new(move || one(r#"{"text":"x","confidence":95,"box":[0,0,9,9]}"#))),
        ("17 MiB", Code::EngineAnswerInvalid, Box::new(|| Reply::Other("application/json", vec![b' '; 17 << 20]))),
        ("a redirect", Code::EngineAnswerInvalid, Box::new(move || Reply::Status(302, format!("location: {elsewhere}\r\n")))),
        ("not found", Code::EngineAnswerInvalid, Box::new(|| Reply::Status(404, String::new()))),
        ("not let in", Code::EngineUnavailable, Box::new(|| Reply::Status(401, String::new()))),
        ("unreadable", Code::PageFailed, Box::new(|| Reply::Status(422, String::new()))),
        ("busy for long", Code::EngineUnavailable, Box::new(|| Reply::Status(503, "retry-after: 86400\r\n".to_owned()))),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT, TEXT]);
    let short = Limits { page_timeout_seconds: 10, ..limits() };
    for (name, code, reply) in replies {
        let endpoint = Endpoint::start(move |number, png| if number == 0 { reply() } else { runs_of_ink(png) });
        let metrics = Metrics::for_tests();
        let mut child = start(&with_engine_at(&endpoint.url), &file, &short, &metrics).await;
        let failure = child.read_page(page(1)).await.unwrap_err();
        assert_eq!(failure.code, code, "{name}: {failure}");
        let kind = if code == Code::PageFailed { OcrErrorKind::BadImage } else { OcrErrorKind::Http };
        assert_eq!(counted(&metrics), [kind], "{name}");
        assert!(!failure.to_string().contains("127.0.0.1") && !failure.to_string().contains("secret"), "{failure}");
        assert_eq!(endpoint.asked().len(), 1, "{name}: nothing is asked twice that cannot get better");
        assert_eq!(child.read_page(page(2)).await.unwrap().layout.words.len(), 5, "{name}");
    }
    assert!(canary.asked().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let endpoint = Endpoint::start(|number, png| match number {
        0 => Reply::Status(503, String::new()),
        1 => Reply::Status(429, "retry-after: 0\r\n".to_owned()),
        2 => Reply::HangUp,
        _ => runs_of_ink(png),
    });
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT]);
    let metrics = Metrics::for_tests();
    let mut child = start(&with_engine_at(&endpoint.url), &file, &limits(), &metrics).await;
    assert_eq!(child.read_page(page(1)).await.unwrap().layout.words.len(), 5);
    assert_eq!(endpoint.asked().len(), 4);
    assert!(counted(&metrics).is_empty(), "what was mended is no error");
}

#[tokio::test]
async fn an_engine_that_is_away_is_told_as_that_within_the_time_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT]);
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let metrics = Metrics::for_tests();
    let short = Limits { page_timeout_seconds: 8, ..limits() };
    let mut child = start(&with_engine_at(&nobody), &file, &short, &metrics).await;
    let failure = child.read_page(page(1)).await.unwrap_err();
    assert_eq!((failure.code, failure.retryable), (Code::EngineUnavailable, true), "{failure}");
    assert_eq!(counted(&metrics), [OcrErrorKind::Http]);
}

#[tokio::test]
async fn an_engine_that_never_answers_costs_the_time_of_the_page_and_no_more() {
    let endpoint = Endpoint::start(|_, _| Reply::Silence);
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT]);
    let metrics = Metrics::for_tests();
    let short = Limits { page_timeout_seconds: 2, ..limits() };
    let mut child = start(&with_engine_at(&endpoint.url), &file, &short, &metrics).await;
    let failure = child.read_page(page(1)).await.unwrap_err();
    assert_eq!((failure.code, failure.retryable), (Code::PageTimeout, true), "{failure}");
    assert_eq!(counted(&metrics), [OcrErrorKind::Timeout]);
}

#[tokio::test]
async fn a_child_cannot_use_the_engine_for_anything_but_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[TEXT]);
    for lie in ["picture_of_another_page", "picture_of_another_size", "picture_after_picture"] {
        let endpoint = Endpoint::start(|_, _| Reply::Json(r#"{"protocol":1,"words":[]}"#.to_owned()));
        let mut command = with_engine_at(&endpoint.url);
        command.env.push(("CRP_FAULT".into(), lie.into()));
        let metrics = Metrics::for_tests();
        let mut child = start(&command, &file, &limits(), &metrics).await;
        let failure = child.read_page(page(1)).await.unwrap_err();
        assert_eq!((failure.code, counted(&metrics)), (Code::EngineAnswerInvalid, vec![OcrErrorKind::Http]), "{lie}: {failure}");
        let most = if lie == "picture_after_picture" { 8 } else { 0 };
        assert_eq!(endpoint.asked().len(), most, "{lie}");
    }
    // And one that is to read with Tesseract cannot use it at all.
    let endpoint = Endpoint::start(|_, png| runs_of_ink(png));
    let mut command = with_engine_at(&endpoint.url);
    command.env.push(("CRP_FAULT".into(), "picture_after_picture".into()));
    let settings = english(OcrMode::Force);
    let metrics = Metrics::for_tests();
    let mut child = DocumentChild::start(&pool(&command, &limits(), &metrics), &file, MediaType::Pdf, Some(&settings)).await.unwrap();
    assert_eq!(child.read_page(page(1)).await.unwrap_err().code, Code::EngineAnswerInvalid);
    assert!(endpoint.asked().is_empty());
}

/// What the operator is told about an engine that answers with `reply`.
async fn probed(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (crp_model::Failure, usize) {
    // Only the one that never answers is to cost time.
    let timeout_seconds = if matches!(reply(), Reply::Silence) { 1 } else { 60 };
    let endpoint = Endpoint::start(move |_, _| reply());
    let settings = HttpEngineSettings { url: endpoint.url.clone(), token: Some("a-secret-token".to_owned()), timeout_seconds };
    let failure = HttpEngine::new(&settings).unwrap().probe().await.unwrap_err();
    assert!(failure.message.starts_with(&format!("{}: ", endpoint.url)), "the operator sees where: {failure}");
    assert!(!failure.to_string().contains("secret"), "{failure}");
    (failure, endpoint.asked().len())
}

#[tokio::test]
async fn the_operator_is_told_what_exactly_is_wrong_with_the_engine_and_what_to_do() {
    type MakeReply = fn() -> Reply;
    let cases: [(MakeReply, &str, &str); 9] = [
        (|| Reply::Json(r#"{"protocol":2,"words":[]}"#.to_owned()), "it is of version 2 of the protocol", "version 1 of the protocol"),
        (|| Reply::Json("hello".to_owned()), "it is not the JSON of the protocol (line 1", "JSON Schema"),
        (|| Reply::Other("text/html", b"<h1>It works!</h1>".to_vec()), "content type", "JSON Schema"),
        (|| Reply::Status(404, String::new()), "does not speak our protocol (status 404)", "Check path and port"),
        (|| Reply::Status(302, "location: http://127.0.0.1:1/\r\n".to_owned()), "points somewhere else", "where the engine really is"),
        (|| Reply::Status(401, String::new()), "does not let us in (status 401)", "CRPIPELINE_HTTP_ENGINE_TOKEN"),
        (|| Reply::Status(503, "retry-after: 3\r\n".to_owned()), "has a problem of its own (status 503)", "log of the engine"),
        (|| Reply::Status(413, String::new()), "cannot read the page (status 413)", "gray PNG"),
        (|| Reply::Silence, "took too long", "CRPIPELINE_HTTP_ENGINE_TIMEOUT_SECONDS"),
    ];
    for (reply, found, remedy) in cases {
        let (failure, asked) = probed(reply).await;
        assert!(failure.message.contains(found) && failure.remedy.contains(remedy), "{failure}");
        assert_eq!(asked, 1, "the doctor asks once: {failure}");
    }
    let nobody = HttpEngineSettings { url: "http://127.0.0.1:1/".to_owned(), token: None, timeout_seconds: 60 };
    let failure = HttpEngine::new(&nobody).unwrap().probe().await.unwrap_err();
    assert!(failure.message.contains("cannot be reached: ") && failure.remedy.contains("CRPIPELINE_HTTP_ENGINE_URL"), "{failure}");
}

#[tokio::test]
async fn an_engine_that_answers_validly_passes_the_operators_test_whatever_it_reads() {
    for (text, is_read) in [("TEST", true), ("something", false)] {
        let endpoint = Endpoint::start(move |_, _| {
            Reply::Json(format!(r#"{{"protocol":1,"words":[{{"text":"{text}","confidence":1,"box":[48,48,300,130]}}]}}"#))
        });
        let settings = HttpEngineSettings { url: endpoint.url.clone(), token: None, timeout_seconds: 60 };
        let probe = HttpEngine::new(&settings).unwrap().probe().await.unwrap();
        assert_eq!((probe.url.as_str(), probe.read_the_word), (endpoint.url.as_str(), is_read));
    }
}
