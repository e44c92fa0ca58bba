//! Jobs over real HTTP: the same bytes, the same key, events, cancelling and retrying.

use crp_testkit::{Server, ServerPlan, Upload, poll, samples};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

#[tokio::test]
async fn the_same_bytes_are_a_duplicate_and_stored_once() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let slip = samples::slips(1);
    let first = api.upload(&Upload::of("first.pdf", &slip)).await.expect(202).json();
    assert!(first["document"]["duplicate_of"].is_null());
    let originals = || server.files_in("objects").into_iter().filter(|file| file.to_string_lossy().contains("originals")).count();
    assert_eq!(originals(), 1);
    let second = api.upload(&Upload::of("second.pdf", &slip)).await.expect(202).json();
    assert_eq!(second["document"]["duplicate_of"], first["document"]["id"]);
    assert_ne!(second["document"]["id"], first["document"]["id"]);
    assert_eq!(second["document"]["name"], "second.pdf");
    api.succeeded_job(second["job"]["id"].as_str().unwrap()).await;
    api.succeeded_job(first["job"]["id"].as_str().unwrap()).await;
    assert_eq!(originals(), 1, "one object for the same bytes");
    assert_eq!(server.settled().await.value("crpipeline_documents_total", &[("result", "duplicate")]), 1.0);

    // Deleting one leaves the other's bytes, deleting both leaves none.
    let document = |answer: &serde_json::Value| format!("/api/v1/documents/{}", answer["document"]["id"].as_str().unwrap());
    api.delete(&format!("{}?forever=true", document(&first))).await.expect(204);
    assert_eq!(api.get(&format!("{}/content", document(&second))).await.expect(200).body, slip);
    api.delete(&format!("{}?forever=true", document(&second))).await.expect(204);
    poll::until("the bytes to go", poll::PATIENCE, async || (originals() == 0).then_some(())).await;
    api.get(&document(&second)).await.expect(404);
}

#[tokio::test]
async fn the_same_idempotency_key_gets_the_same_answer_and_no_second_job() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let (slip, other) = (samples::slips(1), samples::slips(2));
    let first = api.upload(&Upload::of("a.pdf", &slip).keyed("key-1")).await.expect(202).json();
    let again = api.upload(&Upload::of("a.pdf", &slip).keyed("key-1")).await.expect(202).json();
    assert_eq!((&again["document"]["id"], &again["job"]["id"]), (&first["document"]["id"], &first["job"]["id"]));
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    api.upload(&Upload::of("b.pdf", &other).keyed("key-1")).await.expect(409).problem_code();
    let third = api.upload(&Upload::of("a.pdf", &slip).keyed("key-2")).await.expect(202).json();
    assert_ne!(third["job"]["id"], first["job"]["id"]);
    assert_eq!(api.get("/api/v1/jobs").await.expect(200).json()["items"].as_array().unwrap().len(), 2);
    // At the same time, too: one of them is taken, all get its answer.
    let uploads = (0..4).map(|_| async { api.upload(&Upload::of("c.pdf", &other).keyed("key-3")).await });
    let answers = futures_util::future::join_all(uploads).await;
    let taken: std::collections::BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 202)
        .map(|answer| answer.json()["job"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [202, 409].contains(&answer.status)), "{answers:?}");
}

#[tokio::test]
async fn events_come_in_order_go_on_where_the_reader_stopped_and_end_with_the_job() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(6))).await;
    let mut stream = api.events(&ids.job, None).await;
    let mut seen = vec![stream.next(poll::PATIENCE).await.expect("there is a first event")];
    assert_eq!(seen[0].name, "queued");
    seen.extend(stream.next(poll::PATIENCE).await);
    drop(stream);
    // The line broke; a browser comes back with the last number that it knows.
    let last = seen.last().and_then(|event| event.id).expect("events are numbered");
    seen.extend(api.events(&ids.job, Some(last)).await.rest(poll::PATIENCE).await);
    let numbers: Vec<i64> = seen.iter().map(|event| event.id.unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "each event once, in order: {numbers:?}");
    assert_eq!(seen.last().map(|event| event.name.as_str()), Some("succeeded"));
    let done: Vec<u64> =
        seen.iter().filter(|event| event.name == "progress").map(|event| event.data["pages_done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted() && done.last() == Some(&6), "{done:?}");
    assert!(seen.iter().all(|event| event.data["kind"] == event.name.as_str() && event.data["at"].is_string()), "{seen:?}");

    let whole = api.events(&ids.job, None).await.rest(poll::PATIENCE).await;
    assert_eq!(whole, seen, "who comes late sees the same");
    let newest = seen.last().unwrap().id.unwrap();
    let path = format!("/api/v1/jobs/{}/events", ids.job);
    let known = api.request(http::Method::GET, &path).header("last-event-id", newest.to_string());
    api.send(known).await.expect(204);
    server.anonymous().get(&path).await.expect(401);
}

#[tokio::test]
async fn cancelling_ends_the_job_and_the_processes_that_read_its_document() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(60))).await;
    api.job_when(&ids.job, "its first page", |job| job["progress"]["pages_total"] == 60).await;
    let readers = poll::until("processes that read", poll::PATIENCE, async || Some(server.readers()).filter(|pids| !pids.is_empty())).await;
    let answer = api.post_empty(&format!("/api/v1/jobs/{}/cancel", ids.job)).await;
    assert!([200, 202].contains(&answer.status), "{}", answer.text());
    let job = api.final_job(&ids.job).await;
    assert_eq!(job["status"], "cancelled", "{job:#}");
    assert!(job["progress"]["pages_done"].as_u64().unwrap() < 60);
    let ended = async || readers.iter().all(|pid| !crp_testkit::server::is_running(*pid)).then_some(());
    poll::until("the processes to end", poll::PATIENCE, ended).await;
    server.expect_no_leftovers().await;
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "cancelled")]), 1.0);
    assert_eq!(scrape.sum("jobs_total"), 1.0);
    let again = api.post_empty(&format!("/api/v1/jobs/{}/cancel", ids.job)).await.expect(409);
    assert_eq!(again.problem_code(), "already_final");
    let queued = api.accepted(&Upload::of("next.pdf", &samples::slips(1))).await;
    api.succeeded_job(&queued.job).await;
}

#[tokio::test]
async fn a_retry_is_a_new_job_and_a_final_state_never_reverts() {
    let server = ServerPlan::new(BINARY).start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("locked.pdf", &crp_testkit::hostile::encrypted("secret"))).await;
    let failed = api.final_job(&ids.job).await;
    assert_eq!(failed["status"], "failed");
    let answer = api.post_empty(&format!("/api/v1/jobs/{}/retry", ids.job)).await.expect(202).json();
    assert_eq!(answer["retry_of"], ids.job.as_str());
    let retried = answer["id"].as_str().unwrap().to_owned();
    assert_ne!(retried, ids.job);
    assert_eq!(api.final_job(&retried).await["status"], "failed");
    assert_eq!(api.job(&ids.job).await, failed, "the first job is as it was");

    let slip = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    let first = api.succeeded_job(&slip.job).await;
    let again = api.post(&format!("/api/v1/documents/{}/jobs", slip.document), &json!({ "pipeline": "fields" })).await.expect(202).json();
    let again = api.succeeded_job(again["id"].as_str().unwrap()).await;
    assert_eq!(again["pipeline"]["name"], "fields");
    assert_eq!(api.job(&slip.job).await, first);
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), 2.0);
    assert_eq!(scrape.value("jobs_total", &[("status", "succeeded")]), 2.0);
    assert_eq!(scrape.value("crpipeline_job_failures_total", &[("stage", "ocr"), ("cause", "input")]), 2.0);
    let items = api.get("/api/v1/documents?limit=1").await.expect(200).json();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    let cursor = items["next_cursor"].as_str().expect("there is another page");
    let rest = api.get(&format!("/api/v1/documents?limit=1&cursor={cursor}")).await.expect(200).json();
    assert_ne!(rest["items"][0]["id"], items["items"][0]["id"]);
}
