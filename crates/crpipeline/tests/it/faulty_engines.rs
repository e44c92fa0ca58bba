//! Engines that crash, hang, hoard, flood and talk rubbish on one page: what becomes of the job, of its other pages, and what is counted.

use crp_testkit::{
    CommandLine, ServerPlan, Upload,
    faulty_engine::{self, Fault},
    samples,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// A page that hangs is given up after this long, so that the tests end.
const PAGE_TIMEOUT_SECONDS: &str = "5";
/// A child that takes all memory takes no more than this.
const CHILD_MEMORY_MEBIBYTES: &str = "512";

/// The failure's code, its exit code, the kind of the counted error, and how often the page is tried.
fn promised(fault: Fault) -> (&'static str, i32, &'static str, f64) {
    match fault {
        Fault::Crash | Fault::Exit | Fault::Flood => ("engine_crashed", 5, "crash", 3.0),
        Fault::Hang => ("page_timeout", 5, "timeout", 3.0),
        Fault::OutOfMemory => ("memory_limit", 3, "crash", 1.0),
        Fault::Garbage => ("engine_answer_invalid", 5, "other", 3.0),
        Fault::GivesUp => ("page_failed", 5, "bad_image", 3.0),
    }
}

#[tokio::test]
async fn on_the_command_line_each_fault_has_its_code_and_costs_no_other_page() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = faulty_engine::build(folder.path()) else { return };
    std::fs::write(folder.path().join("scan.pdf"), samples::slips_around_a_tall_page(3)).unwrap();
    std::fs::write(folder.path().join("forgiving.yaml"), "name: x\nstages:\n  - type: ocr\n    on_page_error: continue\n").unwrap();
    for fault in Fault::ALL {
        let (code, exit_code, ..) = promised(fault);
        let mut line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_MAX_CHILD_MEMORY_MEBIBYTES", CHILD_MEMORY_MEBIBYTES);
        for (name, value) in fault.environment(&library) {
            line = line.env(name, value);
        }
        let ran = line.run(&["run", "--json", "--page-timeout", PAGE_TIMEOUT_SECONDS, "-o", "strict", "scan.pdf"]).await;
        let failure = &ran.json_lines()[0]["failure"];
        assert_eq!((ran.code, &failure["code"]), (Some(exit_code), &code.into()), "{fault:?}: {} {}", ran.stdout, ran.stderr);
        let message = failure["message"].as_str().unwrap();
        assert!(message.contains("Page 2") && message.len() < 400 && !message.contains("!!"), "{fault:?}: {message}");
        let left = std::fs::read_dir(folder.path().join("strict")).unwrap().count();
        assert_eq!(left, 0, "{fault:?}: a failure leaves no output");

        let forgiving = ["-p", "forgiving.yaml", "-o", "out", "scan.pdf"];
        let ran = line.run(&[&["run", "--json", "--page-timeout", PAGE_TIMEOUT_SECONDS], &forgiving[..]].concat()).await;
        let result = &ran.json_lines()[0];
        assert_eq!(
            (ran.code, &result["warnings"][0]["code"]),
            (Some(0), &"page_failed".into()),
            "{fault:?}: {} {}",
            ran.stdout,
            ran.stderr
        );
        assert_eq!(result["warnings"][0]["page"], 2, "{fault:?}");
        let text = std::fs::read_to_string(folder.path().join("out/scan.txt")).unwrap();
        assert_eq!(text.split('\u{c}').map(str::trim).collect::<Vec<_>>(), ["honest", "", "honest"], "{fault:?}");
    }
}

/// A server with the fault reads a document whose second page meets it, strictly and forgivingly, and then a good one.
async fn through_a_server(fault: Fault) {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = faulty_engine::build(folder.path()) else { return };
    let (code, _, kind, tries) = promised(fault);
    let mut plan = ServerPlan::new(BINARY)
        .env("CRPIPELINE_PAGE_TIMEOUT_SECONDS", PAGE_TIMEOUT_SECONDS)
        .env("CRPIPELINE_MAX_CHILD_MEMORY_MEBIBYTES", CHILD_MEMORY_MEBIBYTES);
    for (name, value) in fault.environment(&library) {
        plan = plan.env(name, value);
    }
    let server = plan.start().await;
    let api = server.admin().await;
    api.save_pipeline("name: forgiving\nstages:\n  - type: ocr\n    on_page_error: continue\n").await;
    let strict = api.accepted(&Upload::of("scan.pdf", &samples::slips_around_a_tall_page(3))).await;
    let job = api.final_job(&strict.job).await;
    assert_eq!((&job["status"], &job["failure"]["code"]), (&"failed".into(), &code.into()), "{fault:?}: {job:#}");
    assert!(job["failure"]["message"].as_str().unwrap().contains("Page 2"), "{job:#}");

    let scrape = server.settled().await;
    let errors = scrape.sum("crpipeline_ocr_errors_total");
    let counted = scrape.value("crpipeline_ocr_errors_total", &[("engine", "tesseract"), ("kind", kind)]);
    assert_eq!((counted, errors), (tries, tries), "{fault:?}: one for each try, and of no other kind");
    assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), 1.0);
    assert_eq!(scrape.value("crpipeline_pages_total", &[("source", "ocr")]), 2.0, "the other pages are read, once");

    let forgiving = api.accepted(&Upload::of("scan.pdf", &samples::slips_around_a_tall_page(3)).through("forgiving")).await;
    let job = api.succeeded_job(&forgiving.job).await;
    let warnings: Vec<(&Value, &Value)> = job["warnings"].as_array().unwrap().iter().map(|w| (&w["code"], &w["page"])).collect();
    assert_eq!(warnings, [(&"page_failed".into(), &2.into())], "{fault:?}: {job:#}");
    let texts = api.texts(&forgiving.job).await;
    assert_eq!(texts.iter().map(|text| text.trim()).collect::<Vec<_>>(), ["honest", "", "honest"], "{fault:?}");

    let good = api.accepted(&Upload::of("good.pdf", &samples::slips(1))).await;
    api.succeeded_job(&good.job).await;
    assert!(server.is_alive());
    server.expect_no_leftovers().await;
}

#[tokio::test]
async fn an_engine_that_crashes_on_a_page_costs_the_server_that_page() {
    through_a_server(Fault::Crash).await;
}

#[tokio::test]
async fn an_engine_that_ends_its_process_quietly_costs_the_server_that_page() {
    through_a_server(Fault::Exit).await;
}

#[tokio::test]
async fn an_engine_that_hangs_on_a_page_costs_the_server_that_page() {
    through_a_server(Fault::Hang).await;
}

#[tokio::test]
async fn an_engine_that_takes_all_memory_costs_the_server_that_page() {
    through_a_server(Fault::OutOfMemory).await;
}

#[tokio::test]
async fn an_engine_that_floods_its_log_costs_the_server_that_page() {
    through_a_server(Fault::Flood).await;
}

#[tokio::test]
async fn an_engine_that_answers_garbage_costs_the_server_that_page() {
    through_a_server(Fault::Garbage).await;
}

#[tokio::test]
async fn an_engine_that_gives_up_costs_the_server_that_page() {
    through_a_server(Fault::GivesUp).await;
}
