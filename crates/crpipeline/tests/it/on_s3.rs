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
async fn in_an_outage_tasks_are_parked_uploads_told_to_come_back_and_all_goes_on_by_itself() {
    const JOBS: usize = 12;
    let calm = {
        let s3 = S3Server::start().await;
        let (_server, api) = on(&s3).await;
        let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
        api.succeeded_job(&ids.job).await;
        results(&api, &ids.job).await
    };

    let s3 = S3Server::start().await;
    let (server, api) = on(&s3).await;
    let mut jobs = Vec::new();
    let mut document = String::new();
    for _ in 0..JOBS {
        let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
        jobs.push(ids.job);
        document = ids.document;
    }
    s3.fail_all(Some(Fault::Status(503)));
    poll::until("the breaker", Duration::from_secs(120), async || {
        (server.scrape().await.value("crpipeline_storage_breaker_open", &[]) == 1.0).then_some(())
    })
    .await;

    // An upload is refused without a request to the storage, with when to come back and why.
    let refused = api.upload(&Upload::of("late.pdf", &samples::slips(1))).await.expect(503);
    assert_eq!(refused.problem_code(), "storage_unavailable");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("503 SlowDown") && detail.contains("away since"), "{detail}");
    // What could not be removed from the bucket keeps its row.
    let deleted = api.delete(&format!("/api/v1/documents/{document}?forever=true")).await.expect(503);
    assert_eq!(deleted.problem_code(), "storage_unavailable");
    let ready = server.anonymous().get("/readyz").await.expect(503).text();
    assert!(ready.contains("away since"), "{ready}");
    assert_eq!(server.anonymous().get("/livez").await.status, 200);

    // While nothing but trials is sent, nothing is claimed, and what the alerts watch stands still.
    let attempts = poll::until("running tasks to go back", poll::PATIENCE, async || {
        let tasks = tasks_of_all(&api, &jobs).await;
        (!tasks.iter().any(|task| task.contains("running"))).then_some(tasks)
    })
    .await;
    let begin = s3.recorded();
    poll::until("a few trials", Duration::from_secs(120), async || {
        let scrape = server.scrape().await;
        assert_eq!(scrape.value("crpipeline_storage_up", &[]), 0.0, "the alert must not resolve");
        assert_eq!(scrape.value("crpipeline_storage_breaker_open", &[]), 1.0);
        (s3.recorded() >= begin + 6).then_some(())
    })
    .await;
    let sent = s3.record().split_off(begin);
    assert!(sent.iter().all(|request| request.uri.path().ends_with(crp_model::ObjectKey::probe().as_str())), "{sent:#?}");
    assert_eq!(tasks_of_all(&api, &jobs).await, attempts, "nothing is claimed for nothing");
    let scrape = server.scrape().await;
    assert_eq!((scrape.sum("crpipeline_job_failures_total"), scrape.sum("crpipeline_job_retries_total")), (0.0, 0.0));

    s3.fail_all(None);
    for job in &jobs {
        api.succeeded_job(job).await;
        assert!(results(&api, job).await == calm, "the same bytes as on a calm day");
    }
    let attempts = tasks_of_all(&api, &jobs).await;
    assert!(attempts.iter().all(|task| task.contains("attempt 1 ")), "{attempts:#?}");
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "succeeded")]), JOBS as f64);
    assert_eq!(scrape.sum("jobs_total"), JOBS as f64, "no job failed");
    assert_eq!(scrape.sum("crpipeline_job_retries_total"), 0.0, "no attempt was spent");
    assert_eq!(scrape.value("crpipeline_storage_breaker_open", &[]), 0.0);
    let documents = api.get("/api/v1/documents").await.expect(200).json();
    assert_eq!(documents["items"].as_array().unwrap().len(), JOBS, "the refused upload left no row");
    server.anonymous().get("/readyz").await.expect(200);
    server.expect_no_leftovers().await;
}

/// State, attempt and begin of every task of these jobs.
async fn tasks_of_all(api: &Api, jobs: &[String]) -> Vec<String> {
    let mut tasks = Vec::new();
    for job in jobs {
        let found = api.get(&format!("/api/v1/jobs/{job}/tasks")).await.expect(200).json();
        let told =
            |task: &serde_json::Value| format!("{} attempt {} {} {}", task["kind"], task["attempt"], task["state"], task["started_at"]);
        tasks.extend(found["items"].as_array().unwrap().iter().map(told));
    }
    tasks
}

/// What a job made, byte for byte; the layout names the time it took, so that its text stands for it.
async fn results(api: &Api, job: &str) -> Vec<Vec<u8>> {
    let mut results = Vec::new();
    for kind in ["searchable_pdf", "text"] {
        results.push(api.artifact(job, kind).await.to_vec());
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_sent_on_to_the_bucket_only_where_the_operator_wants_it_and_the_link_stays_out_of_the_log() {
    let s3 = S3Server::start().await;
    let plan = ServerPlan::new(BINARY).on_s3(&s3).env("CRPIPELINE_PRESIGNED_DOWNLOADS", "on").env("CRPIPELINE_LOG_LEVEL", "debug");
    let server = plan.start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("Brief ü.pdf", samples::letter_pdf())).await;
    api.succeeded_job(&ids.job).await;
    let content = format!("/api/v1/documents/{}/content", ids.document);
    let text = format!("/api/v1/jobs/{}/artifacts/text", ids.job);
    for (path, mime, end) in [(&content, "application/pdf", "%C3%BC.pdf"), (&text, "text/plain", "%C3%BC.txt")] {
        let sent_on = api.get(path).await.expect(307);
        let link = sent_on.header("location").to_owned();
        assert!(link.starts_with(&s3.endpoint()) && link.contains("X-Amz-Expires=60&"), "{link}");
        assert_eq!(sent_on.header("cache-control"), "no-store");
        let from_bucket = Api::anonymous(&s3.endpoint()).get(&link).await.expect(200);
        assert!(from_bucket.header("content-type").starts_with(mime));
        let disposition = from_bucket.header("content-disposition");
        assert!(disposition.starts_with("attachment; ") && disposition.ends_with(end), "{disposition}");
        // Scripts of the web app ask for the bytes themselves, and a link would not hold for HEAD.
        let here = api.get(&format!("{path}?redirect=false")).await.expect(200);
        assert_eq!(here.body, from_bucket.body);
        api.send(api.request(Method::HEAD, path)).await.expect(200);
        let stranger = Api::anonymous(server.url()).get(path).await.expect(401);
        assert!(stranger.headers.get("location").is_none());
    }
    let layout = format!("/api/v1/jobs/{}/artifacts/layout?format=hocr", ids.job);
    api.get(&layout).await.expect(200);

    s3.fail_all(Some(Fault::Status(503)));
    let refused = api.get(&content).await.expect(503);
    assert!(refused.header("retry-after").parse::<u32>().is_ok() && refused.headers.get("location").is_none());
    assert!(server.terminate().await.success());
    let log = server.log();
    assert!(
        log.contains("storage_unavailable") && !log.contains("X-Amz-Signature") && !log.contains(s3.secret_key()),
        "a link is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_the_name_of_its_host_with_a_lent_key_and_encryption_works_as_any_other() {
    let s3 = S3Server::start().await;
    // No resolver knows the name: the test server is asked as the proxy that does.
    let plan = ServerPlan::new(BINARY).on_s3(&s3).env("AWS_ENDPOINT_URL", "http://s3.test").env("http_proxy", s3.endpoint());
    let plan = plan.env("CRPIPELINE_S3_ADDRESSING", "virtual_host").env("AWS_SESSION_TOKEN", "token-of-the-test");
    let server = plan.env("CRPIPELINE_S3_ENCRYPTION", "aws:kms").env("CRPIPELINE_S3_KMS_KEY_ID", "key-1").start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    letter_is_read(&api, &ids.job).await;
    let requests = s3.record();
    assert!(requests.len() > 10);
    for request in &requests {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("host"), "documents.s3.test", "{request:#?}");
        let in_address = request.uri.query().is_some_and(|query| query.contains("X-Amz-Security-Token=token-of-the-test"));
        assert!(in_address || header("x-amz-security-token") == "token-of-the-test", "{request:#?}");
        assert!(!request.uri.path().starts_with("/documents/"), "{request:#?}");
        let kms = if request.method == Method::PUT { "key-1" } else { "" };
        assert_eq!(header("x-amz-server-side-encryption-aws-kms-key-id"), kms, "{request:#?}");
    }
    assert!(server.terminate().await.success());
    assert!(!server.log().contains("token-of-the-test"));
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
