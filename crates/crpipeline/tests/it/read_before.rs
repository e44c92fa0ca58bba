//! A pipeline that changed after its OCR stage is run again: no page is recognised again, and the result says so.

use crp_testkit::{Server, ServerPlan, Upload, samples};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const PAGES: usize = 6;

async fn run(server: &Server, document: &str, pipeline: &str) -> Value {
    let api = server.admin().await;
    let job = api.post(&format!("/api/v1/documents/{document}/jobs"), &json!({ "pipeline": pipeline })).await.expect(202).json();
    api.succeeded_job(job["id"].as_str().unwrap()).await
}

async fn recognised(server: &Server) -> f64 {
    server.settled().await.value("crpipeline_pages_total", &[("source", "ocr")])
}

#[tokio::test]
async fn a_later_stage_that_changed_costs_no_recognition_and_the_same_words_come_out() {
    let server = ServerPlan::new(BINARY).start().await;
    let api = server.admin().await;
    api.save_pipeline("name: numbers\nstages:\n  - type: ocr\n  - type: parse\n    fields: [{name: a, pattern: '[0-9]+'}]\n").await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(PAGES))).await;
    let first = api.succeeded_job(&ids.job).await;
    assert_eq!((&first["pages_reused"], recognised(&server).await), (&json!(0), PAGES as f64));

    let again = run(&server, &ids.document, "numbers").await;
    assert_eq!((&again["pages_reused"], recognised(&server).await), (&json!(PAGES), PAGES as f64), "no page was read again");
    let reused = server.scrape().await.value("crpipeline_pages_reused_total", &[]);
    assert_eq!(reused, PAGES as f64);
    let job = again["id"].as_str().unwrap();
    assert_eq!(api.texts(job).await, api.texts(&ids.job).await);
    assert_eq!(api.artifact(job, "layout").await, api.artifact(&ids.job, "layout").await);
    assert!(again["artifacts"].as_array().unwrap().iter().any(|artifact| artifact["kind"] == "fields"), "{again:#}");

    // Its pages are its own: what it took over may be deleted.
    let duplicate = api.accepted(&Upload::of("copy.pdf", &samples::slips(PAGES))).await;
    assert_eq!(api.succeeded_job(&duplicate.job).await["pages_reused"], PAGES, "the same bytes under another name");
    assert_eq!(api.delete(&format!("/api/v1/documents/{}?forever=true", ids.document)).await.status, 204);
    assert_eq!(api.texts(&duplicate.job).await.len(), PAGES);
    let last = run(&server, &duplicate.document, "numbers").await;
    assert_eq!((&last["pages_reused"], recognised(&server).await), (&json!(PAGES), PAGES as f64));
}

#[tokio::test]
async fn another_way_to_read_reads_again() {
    let server = ServerPlan::new(BINARY).start().await;
    let api = server.admin().await;
    api.save_pipeline("name: forced\nstages:\n  - type: ocr\n    mode: force\n").await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(2))).await;
    api.succeeded_job(&ids.job).await;
    let forced = run(&server, &ids.document, "forced").await;
    assert_eq!((&forced["pages_reused"], recognised(&server).await), (&json!(0), 4.0));
}
