//! `kill -9` at each step of a job, then a restart: nothing is lost, no page is there twice, nothing is counted twice.

use crp_testkit::{Api, Ids, Server, ServerPlan, Upload, poll, samples, server::is_running, words::score};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const PAGES: usize = 20;
const KILL_AT: &str = "CRPIPELINE_TEST_KILL_AT";

/// Uploads 20 pages to a server that dies at `step`, and gives it back dead.
async fn killed_at(step: &str) -> (Server, Ids) {
    let server = ServerPlan::new(BINARY).env(KILL_AT, step).start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(PAGES)).through("fields")).await;
    let status = server.wait_for_end(&format!("the server to die at {step}")).await;
    assert!(status.code().is_none(), "it was killed, it did not stop: {status}");
    assert!(server.log().contains("killed at step"), "{}", server.log());
    (server, ids)
}

/// Starts it again and checks the story's end.
async fn finishes_after_restart(server: Server, ids: &Ids) -> Server {
    let server = server.restart(|plan| plan.env(KILL_AT, "")).await;
    finishes(&server, ids).await;
    server
}

async fn finishes(server: &Server, ids: &Ids) {
    let api = server.admin().await;
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"], serde_json::json!({ "pages_done": PAGES, "pages_total": PAGES }));
    every_page_once(&api, ids).await;
    counted_at_most_once(server, &api, &job).await;
    server.expect_no_leftovers().await;
}

async fn every_page_once(api: &Api, ids: &Ids) {
    let texts = api.texts(&ids.job).await;
    assert_eq!(texts.len(), PAGES);
    for (at, (truth, text)) in samples::slip_texts().iter().zip(&texts).enumerate() {
        assert_eq!(score(truth, text).recall, 1.0, "page {}: {text}", at + 1);
    }
    let layout: Value = serde_json::from_slice(&api.artifact(&ids.job, "layout").await).unwrap();
    let numbers: Vec<u64> = layout["pages"].as_array().unwrap().iter().map(|page| page["page"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=PAGES as u64).collect::<Vec<_>>());
    let kinds: Vec<&str> = ["fields", "layout", "searchable_pdf", "text", "thumbnails"].to_vec();
    let job = api.job(&ids.job).await;
    let mut left: Vec<&str> = job["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["kind"].as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, kinds, "each artifact once");
    let finals = api.events(&ids.job, None).await.rest(poll::PATIENCE).await;
    assert_eq!(finals.iter().filter(|event| event.name == "succeeded").count(), 1, "{finals:?}");
}

/// A process may miss what it was killed over; it never counts what the database does not have.
async fn counted_at_most_once(server: &Server, api: &Api, job: &Value) {
    let scrape = server.settled().await;
    let jobs = api.get("/api/v1/jobs?status=succeeded").await.expect(200).json();
    let in_database = jobs["items"].as_array().unwrap().len() as f64;
    assert_eq!(in_database, 1.0);
    assert!(scrape.value("jobs_total", &[("status", "succeeded")]) <= in_database);
    assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), 0.0);
    for stage in job["stages"].as_array().unwrap() {
        let counted = scrape.value("stage_duration_seconds_count", &[("stage", stage["type"].as_str().unwrap())]);
        assert!(counted <= stage["attempts"].as_f64().unwrap(), "{counted} attempts were counted: {stage}");
    }
    assert_eq!(scrape.value("crpipeline_jobs_running", &[]), 0.0);
}

#[tokio::test]
async fn killed_after_the_first_claim_the_job_is_done_by_the_next_process() {
    let (server, ids) = killed_at("claimed").await;
    let server = finishes_after_restart(server, &ids).await;
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "succeeded")]), 1.0, "this process did all of it");
    assert_eq!(scrape.value("crpipeline_pages_total", &[("source", "ocr")]), PAGES as f64);
}

#[tokio::test]
async fn killed_in_the_middle_of_a_page_only_unsaved_pages_are_read_again() {
    let (server, ids) = killed_at("page_read:5").await;
    let server = finishes_after_restart(server, &ids).await;
    let read = server.settled().await.value("crpipeline_pages_total", &[("source", "ocr")]);
    // Two slots: the other may not have saved its page when the fifth was read.
    assert!(read < PAGES as f64 && read >= (PAGES - 5) as f64, "{read} pages were read again");
}

#[tokio::test]
async fn killed_between_a_pages_object_and_its_row_the_page_is_written_again_and_not_twice() {
    let (server, ids) = killed_at("page_object_written:6").await;
    finishes_after_restart(server, &ids).await;
}

#[tokio::test]
async fn killed_after_a_pages_row_that_page_is_not_read_again() {
    let (server, ids) = killed_at("page_row_written:7").await;
    let server = finishes_after_restart(server, &ids).await;
    let read = server.settled().await.value("crpipeline_pages_total", &[("source", "ocr")]);
    assert!(read <= (PAGES - 7) as f64, "{read} pages were read again although 7 of {PAGES} were saved");
}

#[tokio::test]
async fn killed_between_the_artifacts_and_their_rows_they_are_made_again_and_not_twice() {
    let (server, ids) = killed_at("artifacts_written").await;
    let server = finishes_after_restart(server, &ids).await;
    assert_eq!(server.settled().await.value("crpipeline_pages_total", &[("source", "ocr")]), 0.0, "every page was saved before");
}

#[tokio::test]
async fn killed_right_before_each_commit_the_job_goes_on_from_the_last_one() {
    // Inspect, the ranges of pages, assemble and the parse stage each end in one commit.
    for time in 1..=3 {
        let (server, ids) = killed_at(&format!("before_commit:{time}")).await;
        finishes_after_restart(server, &ids).await;
    }
}

#[tokio::test]
async fn killed_right_after_the_last_commit_the_result_is_there_and_counted_by_nobody_twice() {
    let (server, ids) = killed_at("after_commit:5").await;
    let server = finishes_after_restart(server, &ids).await;
    assert!(server.settled().await.value("jobs_total", &[("status", "succeeded")]) <= 1.0);
}

#[tokio::test]
async fn killed_more_often_than_a_task_has_attempts_a_job_that_progresses_still_ends() {
    let mut server = Server::start(BINARY).await;
    let ids = server.admin().await.accepted(&Upload::of("slips.pdf", &samples::slips(PAGES)).through("fields")).await;
    for pages in [2, 6, 10, 14, 18] {
        let api = server.admin().await;
        api.job_when(&ids.job, "some more pages", |job| job["progress"]["pages_done"].as_u64() >= Some(pages)).await;
        let readers = server.children();
        server.kill_9().await;
        let end = async || readers.iter().all(|pid| !is_running(*pid)).then_some(());
        poll::until("the processes that read documents to end with the server", poll::PATIENCE, end).await;
        server = server.restart(|plan| plan).await;
    }
    finishes(&server, &ids).await;
}
