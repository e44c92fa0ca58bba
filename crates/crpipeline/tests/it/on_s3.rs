//! The same upload story with the objects in an S3 bucket that answers badly, or not at all for a while.

use std::time::Duration;

use crp_testkit::{
    Api, Server, ServerPlan, Upload, poll,
    s3_server::{Fault, S3Server},
    samples,
    words::score,
};
use http::Method;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

async fn on(s3: &S3Server) -> (Server, Api) {
    let server = ServerPlan::new(BINARY).on_s3(s3).start().await;
    let api = server.admin().await;
    (server, api)
}

async fn letter_is_read(api: &Api, job: &str) {
    api.succeeded_job(job).await;
    for (truth, text) in samples::letter_texts().iter().zip(api.texts(job).await) {
        assert!(score(truth, &text).recall > 0.97, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_becomes_searchable_with_every_object_in_the_bucket() {
    let s3 = S3Server::start().await;
    let (server, api) = on(&s3).await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    letter_is_read(&api, &ids.job).await;
    let content = api.get(&format!("/api/v1/documents/{}/content", ids.document)).await.expect(200);
    assert_eq!(content.body, samples::letter_pdf());
    assert!(server.files_in("objects").is_empty(), "the data directory keeps no objects");
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("letter.pdf");
    std::fs::write(&pdf, api.artifact(&ids.job, "searchable_pdf").await).unwrap();
    crate::pdf_tools::assert_sound(&pdf);
    let scrape = server.settled().await;
    assert_eq!(scrape.sum("s3_errors_total"), 0.0, "an expected absence is no error");
    assert_eq!(scrape.value("crpipeline_storage_up", &[]), 1.0);
    assert_eq!(scrape.value("crpipeline_config_info", &[("storage", "s3"), ("database", "sqlite"), ("role", "serve")]), 1.0);
    // The same bytes again: one object, as in a folder.
    let again = api.upload(&Upload::of("again.pdf", samples::letter_pdf())).await.expect(202).json();
    assert_eq!(again["document"]["duplicate_of"], ids.document.as_str());
    api.succeeded_job(again["job"]["id"].as_str().unwrap()).await;
    assert!(!server.log().contains(s3.secret_key()), "the key is never logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn single_refusals_resets_and_truncated_answers_are_tried_again_and_are_no_errors() {
    let s3 = S3Server::start().await;
    let (server, api) = on(&s3).await;
    s3.fail_next_of(Method::PUT, 2, Fault::Status(503));
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    s3.fail_next_of(Method::GET, 1, Fault::TruncateBody);
    s3.fail_next(2, Fault::Status(503));
    s3.fail_next(1, Fault::Reset);
    s3.fail_next_of(Method::PUT, 1, Fault::LoseAnswer);
    letter_is_read(&api, &ids.job).await;
    assert!(s3.injected() >= 5, "{} faults came to pass", s3.injected());
    let scrape = server.settled().await;
    assert_eq!(scrape.sum("s3_errors_total"), 0.0, "what went well in the end is no error");
    assert!(scrape.sum("crpipeline_s3_retries_total") >= 4.0);
    assert_eq!(scrape.sum("crpipeline_job_retries_total"), 0.0, "the work was not repeated, only the requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_during_a_job_fails_no_job_refuses_uploads_and_is_counted() {
    let s3 = S3Server::start().await;
    let (server, api) = on(&s3).await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(6))).await;
    api.job_when(&ids.job, "its pages", |job| job["progress"]["pages_total"] == 6).await;
    s3.fail_all(Some(Fault::Status(503)));

    let refused = api.upload(&Upload::of("slip.pdf", &samples::slips(1))).await.expect(503);
    assert_eq!(refused.problem_code(), "storage_unavailable");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let seen = poll::until("the errors to be counted", poll::PATIENCE, async || {
        let scrape = server.scrape().await;
        (scrape.value("s3_errors_total", &[("operation", "put")]) >= 1.0 && scrape.value("crpipeline_storage_up", &[]) == 0.0)
            .then_some(scrape)
    });
    assert_eq!(seen.await.sum("jobs_total"), 0.0, "the job waits");
    assert_eq!(server.anonymous().get("/readyz").await.status, 503);
    assert_eq!(server.anonymous().get("/livez").await.status, 200);

    s3.fail_all(None);
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"]["pages_done"], 6);
    let texts = api.texts(&ids.job).await;
    assert!(texts.iter().enumerate().all(|(at, text)| score(samples::letter_texts()[at % 2], text).recall > 0.97));
    let scrape = server.settled().await;
    assert_eq!((scrape.value("jobs_total", &[("status", "succeeded")]), scrape.sum("jobs_total")), (1.0, 1.0));
    assert_eq!(scrape.sum("crpipeline_job_retries_total"), 0.0, "waiting spends no attempt");
    poll::until("the gauge to rise", Duration::from_secs(60), async || {
        (server.scrape().await.value("crpipeline_storage_up", &[]) == 1.0).then_some(())
    })
    .await;
    let next = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&next.job).await;
    let documents = api.get("/api/v1/documents").await.expect(200).json();
    assert_eq!(documents["items"].as_array().unwrap().len(), 2, "the refused upload left no row");
    server.expect_no_leftovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_bytes_that_changed_are_told_and_never_become_a_result() {
    let s3 = S3Server::start().await;
    let plan = ServerPlan::new(BINARY).on_s3(&s3);
    let server = plan.env("CRPIPELINE_MAX_CACHE_MEBIBYTES", "1").start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    letter_is_read(&api, &ids.job).await;
    let server = {
        // A new process has no copy of the document.
        assert!(server.terminate().await.success());
        server.restart(|plan| plan).await
    };
    let api = server.admin().await;
    let originals = poll::until("the original in the bucket", poll::PATIENCE, async || original_file(&s3));
    let mut bytes = std::fs::read(originals.await).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(original_file(&s3).unwrap(), bytes).unwrap();
    let again = api.post(&format!("/api/v1/documents/{}/jobs", ids.document), &serde_json::json!({})).await.expect(202).json();
    let job = api.final_job(again["id"].as_str().unwrap()).await;
    assert_eq!((&job["status"], &job["failure"]["code"]), (&"failed".into(), &"object_damaged".into()), "{job:#}");
}

/// The only original in the bucket.
fn original_file(s3: &S3Server) -> Option<std::path::PathBuf> {
    fn find(folder: &std::path::Path) -> Option<std::path::PathBuf> {
        let entries: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
        let is_original = |path: &std::path::PathBuf| path.is_file() && path.parent().is_some_and(|parent| parent.ends_with("originals"));
        entries
            .iter()
            .find(|path| is_original(path))
            .cloned()
            .or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path)))
    }
    find(&s3.object_file(""))
}
