//! Jobs: seen, watched, cancelled, retried, downloaded.

use std::time::Duration;

use crp_model::{ArtifactKind, Code, Failure, JobId, ObjectKey, OrganizationId, Sha256Hash, WorkerId, labels::FinalStatus};
use crp_store::{artifacts::NewArtifact, setup, tasks};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::app::{OWNER, PDF, TestApp, request};

/// Numbers and names of the events in an answer.
fn events(text: &str) -> Vec<(String, String)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().to_owned()
    };
    text.split("\n\n").filter(|block| block.contains("id:")).map(|block| (field(block, "id:"), field(block, "event:"))).collect()
}

async fn cancelled_job(app: &TestApp, cookie: &str) -> String {
    let (_, job) = app.uploaded(cookie, PDF).await;
    assert_eq!(app.send_empty("POST", cookie, &format!("/api/v1/jobs/{job}/cancel")).await.status, StatusCode::OK);
    job
}

#[tokio::test]
async fn a_new_job_is_queued_and_shows_its_stages() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, job) = app.uploaded(&cookie, PDF).await;
    let shown = app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json();
    assert_eq!(shown["status"], "queued");
    assert_eq!(shown["document"], json!({"id": document, "name": "scan.pdf"}));
    assert_eq!(shown["progress"], json!({"pages_done": 0, "pages_total": null}));
    assert_eq!(shown["stages"][0]["type"], "ocr");
    assert_eq!((&shown["warnings"], &shown["artifacts"]), (&json!([]), &json!([])));
    assert_eq!(shown.get("failure"), None);
    let list = app.get(&cookie, &format!("/api/v1/jobs?status=queued&document={document}")).await.json();
    assert_eq!(list["items"][0]["id"], job);
}

#[tokio::test]
async fn a_priority_comes_with_the_upload_or_later_and_a_wrong_one_is_refused() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, first) = app.uploaded(&cookie, PDF).await;
    let urgent = app.upload_with(&cookie, "urgent.pdf", PDF, &[("priority", "high")], None).await.json()["job"]["id"].clone();
    let urgent = format!("/api/v1/jobs/{}", urgent.as_str().unwrap());
    let shown = |answer: serde_json::Value| (answer["priority"].clone(), answer["queue_position"].clone());
    assert_eq!(shown(app.get(&cookie, &urgent).await.json()), (json!("high"), json!(0)));
    let first = format!("/api/v1/jobs/{first}");
    assert_eq!(shown(app.get(&cookie, &first).await.json()), (json!("normal"), json!(1)));

    let put = async |path: &str, priority: &str| {
        app.send_json("PUT", &cookie, &format!("{path}/priority"), &json!({ "priority": priority })).await
    };
    assert_eq!(shown(put(&urgent, "low").await.json()), (json!("low"), json!(1)));
    let listed = app.get(&cookie, "/api/v1/jobs").await.json();
    assert_eq!((&listed["items"][0]["priority"], &listed["items"][1]["priority"]), (&json!("low"), &json!("normal")));
    let again = app.send_json("POST", &cookie, &format!("/api/v1/documents/{document}/jobs"), &json!({ "priority": "high" })).await;
    assert_eq!((again.status, &again.json()["priority"]), (StatusCode::ACCEPTED, &json!("high")));

    let refused = put(&first, "urgent").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"), "{}", refused.text());
    assert!(refused.text().contains("low, normal, high"), "{}", refused.text());
    let stored = app.stored_files();
    let refused = app.upload_with(&cookie, "scan.pdf", PDF, &[("priority", "urgent")], None).await;
    assert_eq!((refused.code().as_str(), app.stored_files()), ("invalid_value", stored));
    assert_eq!(app.send_empty("POST", &cookie, &format!("{first}/cancel")).await.status, StatusCode::OK);
    assert_eq!(put(&first, "high").await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_counted_once() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let job = cancelled_job(&app, &cookie).await;
    assert_eq!(app.metrics.jobs_total.get(FinalStatus::Cancelled), 1);
    let again = app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{job}/cancel")).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "already_final"));
    assert_eq!(app.metrics.jobs_total.get(FinalStatus::Cancelled), 1);
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_cancelled_job_is_counted_also_when_its_client_hangs_up() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/jobs/{job}/cancel");
    // Hung up after more and more steps of the request, up to one that hears the answer.
    let (mut steps, mut is_answered) = (0, false);
    while !is_answered {
        steps += 1;
        let mut cancelling = std::pin::pin!(app.send_empty("POST", &cookie, &path));
        for _ in 0..steps {
            is_answered = futures_util::poll!(&mut cancelling).is_ready();
            if is_answered {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let status = async || app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["status"].clone();
    assert_eq!(status().await, "cancelled");
    while app.metrics.jobs_total.get(FinalStatus::Cancelled) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.metrics.jobs_total.get(FinalStatus::Cancelled), 1);
}

#[tokio::test]
async fn a_running_job_is_told_to_stop_and_counted_by_nobody_yet() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let worker = WorkerId::new(&app.web.ambient);
    tasks::claim(&app.web.store, worker, Duration::from_secs(30)).await.unwrap().unwrap();
    let answer = app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{job}/cancel")).await;
    assert_eq!((answer.status, &answer.json()["cancel_requested"]), (StatusCode::ACCEPTED, &json!(true)));
    assert_eq!(app.metrics.jobs_total.get(FinalStatus::Cancelled), 0);
}

#[tokio::test]
async fn a_retry_is_a_new_job_and_the_old_one_stays_as_it_ended() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, waiting) = app.uploaded(&cookie, PDF).await;
    let early = app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{waiting}/retry")).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.text());
    let job = cancelled_job(&app, &cookie).await;
    let retry = app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{job}/retry")).await;
    let new = retry.json();
    assert_eq!((retry.status, &new["retry_of"], &new["status"]), (StatusCode::ACCEPTED, &json!(job), &json!("queued")));
    assert_eq!(retry.header("location"), format!("/api/v1/jobs/{}", new["id"].as_str().unwrap()));
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_document_runs_again_with_another_pipeline() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, _) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}/jobs");
    let answer = app.send_json("POST", &cookie, &path, &json!({"pipeline": "fields"})).await;
    assert_eq!((answer.status, &answer.json()["pipeline"]["name"]), (StatusCode::ACCEPTED, &json!("fields")));
    assert_eq!(app.send_json("POST", &cookie, &path, &json!({"pipeline": "none"})).await.code(), "pipeline_not_found");
    let nowhere = format!("/api/v1/documents/{}/jobs", Uuid::nil());
    assert_eq!(app.send_json("POST", &cookie, &nowhere, &json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn events_come_with_numbers_end_with_the_final_one_and_go_on_where_the_reader_stopped() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let job = cancelled_job(&app, &cookie).await;
    let path = format!("/api/v1/jobs/{job}/events");
    let all = app.get(&cookie, &path).await;
    assert_eq!(all.header("content-type"), "text/event-stream");
    let all = events(&all.text());
    assert_eq!(all.first().unwrap(), &("1".to_owned(), "queued".to_owned()));
    assert_eq!(all.last().unwrap().1, "cancelled");
    let resumed = request("GET", &path, &cookie).header("last-event-id", "1").body(axum::body::Body::empty()).unwrap();
    assert_eq!(events(&app.send(resumed).await.text()), all[1..]);
    assert_eq!(events(&app.get(&cookie, &format!("{path}?last_event_id=1")).await.text()), all[1..]);
    let known = format!("{path}?last_event_id={}", all.last().unwrap().0);
    assert_eq!(app.get(&cookie, &known).await.status, StatusCode::NO_CONTENT, "a browser stops asking");
    for bad in ["-1", "x", "99999999999999999999"] {
        assert_eq!(app.get(&cookie, &format!("{path}?last_event_id={bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_watcher_hears_of_the_end_while_it_waits() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let (watch, cancel) = (format!("/api/v1/jobs/{job}/events"), format!("/api/v1/jobs/{job}/cancel"));
    let (watched, _) = tokio::join!(app.get(&cookie, &watch), app.send_empty("POST", &cookie, &cancel));
    let seen: Vec<String> = events(&watched.text()).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!((seen.first().unwrap().as_str(), seen.last().unwrap().as_str()), ("queued", "cancelled"));
}

#[tokio::test]
async fn a_failed_job_tells_what_to_do_and_keeps_what_it_left() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let worker = WorkerId::new(&app.web.ambient);
    let task = tasks::claim(&app.web.store, worker, Duration::from_secs(30)).await.unwrap().unwrap();
    let failure = Failure::new(Code::EncryptedPdf, "The PDF is protected by a password");
    tasks::fail(&app.web.store, &task, &failure, None).await.unwrap();
    let shown = app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json();
    assert_eq!((&shown["status"], &shown["failure"]["code"]), (&json!("failed"), &json!("encrypted_pdf")));
    assert_eq!(shown["failure"]["retryable"], false);
    assert!(shown["failure"]["remedy"].as_str().unwrap().contains("qpdf"));
    assert_eq!(shown["failure"]["message"], "The PDF is protected by a password");
}

/// Does what a worker would do with a job of no pages, and leaves a text.
pub(super) async fn finish(app: &TestApp, job: &str, text: &'static [u8]) {
    finish_with(app, job, ArtifactKind::Text, text).await;
}

/// The same with an artifact of any kind.
pub(super) async fn finish_with(app: &TestApp, job: &str, kind: ArtifactKind, bytes: &[u8]) {
    let store = &app.web.store;
    let worker = WorkerId::new(&app.web.ambient);
    let lease = Duration::from_secs(30);
    let inspect = tasks::claim(store, worker, lease).await.unwrap().unwrap();
    let ranges = crp_model::PageRange::split(1, 16);
    tasks::finish_inspect(store, &inspect, 1, &ranges, &[]).await.unwrap();
    let pages = tasks::claim(store, worker, lease).await.unwrap().unwrap();
    let page = tasks::SavedPage {
        page: ranges[0].first,
        object_key: None,
        thumbnail_key: None,
        source: crp_model::TextSource::None,
        mean_confidence: None,
        seconds: 0.1,
        warnings: Vec::new(),
        failure: None,
        identity: None,
        reused_from: None,
    };
    tasks::save_page(store, &pages, &page, "The words of a page.").await.unwrap();
    tasks::finish_pages(store, &pages).await.unwrap();
    let assemble = tasks::claim(store, worker, lease).await.unwrap().unwrap();
    let organization: OrganizationId = setup::organizations(store).await.unwrap()[0].0;
    let key = ObjectKey::artifact(organization, JobId(job.parse().unwrap()), kind);
    app.web.objects.put_bytes(&key, bytes::Bytes::copy_from_slice(bytes)).await.unwrap();
    let artifact = NewArtifact {
        kind,
        object_key: key,
        media_type: kind.mime().to_owned(),
        size_bytes: bytes.len() as u64,
        sha256: Sha256Hash::of(bytes),
    };
    tasks::finish_stage(store, &assemble, &[artifact], &[]).await.unwrap();
}

#[tokio::test]
async fn an_artifact_is_downloaded_under_the_documents_name() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    finish(&app, &job, b"the words").await;
    let shown = app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json();
    assert_eq!(shown["status"], "succeeded");
    let href = shown["artifacts"][0]["href"].as_str().unwrap();
    let artifact = app.get(&cookie, href).await;
    assert_eq!((artifact.status, artifact.text().as_str()), (StatusCode::OK, "the words"));
    assert_eq!(artifact.header("content-type"), "text/plain; charset=utf-8");
    assert!(artifact.header("content-disposition").contains("filename=\"scan.txt\""));
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}/pages/1/thumbnail")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}/pages/0/thumbnail")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_layout_is_downloaded_in_the_formats_of_other_programs() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let page = |number: u32| {
        json!({"page": number, "width": 100, "height": 200, "rotation": 0, "pixels": [200, 400], "source": "ocr",
            "words": [{"text": "<R&D>", "confidence": 0.9, "box": [10, 20, 30, 40]}],
            "lines": [{"first_word": 0, "word_count": 1, "block": 0, "paragraph": 0, "box": [10, 20, 30, 40], "baseline": [10, 38, 30, 38]}]})
    };
    let layout = format!("{{\"pages\":[{},\n{}]}}\n", page(1), page(2));
    finish_with(&app, &job, ArtifactKind::Layout, layout.as_bytes()).await;
    let href = format!("/api/v1/jobs/{job}/artifacts/layout");
    let cases = [
        (
            "hocr",
            "application/xhtml+xml; charset=utf-8",
            "scan.hocr",
            "<?xml",
            "title=\"bbox 20 40 60 80; x_wconf 90\">&lt;R&amp;D&gt;</span>",
            "</html>\n",
        ),
        ("alto", "application/alto+xml; charset=utf-8", "scan.alto.xml", "<?xml", "CONTENT=\"&lt;R&amp;D&gt;\"/>", "</alto>\n"),
        (
            "tsv",
            "text/tab-separated-values; charset=utf-8",
            "scan.tsv",
            "level\tpage_num",
            "5\t2\t1\t1\t1\t1\t20\t40\t40\t40\t90\t<R&D>",
            "\n",
        ),
    ];
    for (format, mime, name, begins, holds, ends) in cases {
        let answer = app.get(&cookie, &format!("{href}?format={format}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, mime));
        assert!(answer.header("content-disposition").contains(&format!("filename=\"{name}\"")), "{name}");
        assert!(answer.header("content-security-policy").contains("sandbox"));
        let text = answer.text();
        assert!(text.starts_with(begins) && text.contains(holds) && text.ends_with(ends), "{text}");
        assert!(!text.contains("<R&D>") || format == "tsv", "{text}");
    }
    assert_eq!(app.get(&cookie, &href).await.text(), layout, "without a format it is what is kept");
    let unknown = app.get(&cookie, &format!("{href}?format=docx")).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST, "{}", unknown.text());
    let other = app.get(&cookie, &format!("/api/v1/jobs/{job}/artifacts/text?format=hocr")).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"));
}

#[tokio::test]
async fn an_artifact_that_is_not_there_is_told_apart_from_a_job_that_is_not_there() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, done) = app.uploaded(&cookie, PDF).await;
    finish(&app, &done, b"the words").await;
    let (_, queued) = app.uploaded(&cookie, PDF).await;
    let cases = [
        (format!("{done}/artifacts/layout"), "This job made no layout"),
        (format!("{queued}/artifacts/text"), "This job has made no text yet"),
        (format!("{queued}/artifacts/fields"), "This job made no fields: its pipeline \"searchable-pdf\" has no stage of type \"parse\""),
        (format!("{done}/artifacts/secrets"), "There is no such kind of artifact; the kinds are searchable_pdf, text,"),
        (format!("{}/artifacts/text", Uuid::nil()), "There is no such job"),
    ];
    for (path, detail) in cases {
        let missing = app.get(&cookie, &format!("/api/v1/jobs/{path}")).await;
        assert_eq!((missing.status, missing.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        assert!(missing.json()["detail"].as_str().unwrap().starts_with(detail), "{}", missing.text());
    }
    let stranger = app.stranger().await;
    let other = app.get(&stranger, &format!("/api/v1/jobs/{done}/artifacts/layout")).await;
    assert_eq!(other.json()["detail"], "There is no such job");
}

#[tokio::test]
async fn a_thumbnail_is_shown_as_soon_as_it_is_there() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let organization = setup::organizations(&app.web.store).await.unwrap()[0].0;
    let key = ObjectKey::thumbnail(organization, JobId(job.parse().unwrap()), crp_model::PageNo::new(1).unwrap());
    app.web.objects.put_bytes(&key, bytes::Bytes::from_static(b"\xff\xd8\xff")).await.unwrap();
    let picture = app.get(&cookie, &format!("/api/v1/jobs/{job}/pages/1/thumbnail")).await;
    assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/jpeg"));
    let stranger = app.stranger().await;
    assert_eq!(app.get(&stranger, &format!("/api/v1/jobs/{job}/pages/1/thumbnail")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bytes_that_vanished_are_told_as_damage_not_as_success() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    finish(&app, &job, b"the words").await;
    let organization = setup::organizations(&app.web.store).await.unwrap()[0].0;
    app.web.objects.delete(&ObjectKey::artifact(organization, JobId(job.parse().unwrap()), ArtifactKind::Text)).await.unwrap();
    let answer = app.get(&cookie, &format!("/api/v1/jobs/{job}/artifacts/text")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "object_damaged"));
}
