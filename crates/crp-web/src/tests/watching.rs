//! What people watch: groups of jobs, pages, tasks, the story of a job, dismissing.

use std::time::Duration;

use crp_model::{Code, Failure, PageRange, TextSource, WorkerId};
use crp_store::tasks::{self, SavedPage};
use http::StatusCode;
use serde_json::{Value, json};

use super::app::{OWNER, PDF, TestApp};

const LEASE: Duration = Duration::from_secs(30);

async fn claim(app: &TestApp) -> tasks::ClaimedTask {
    tasks::claim(&app.web.store, WorkerId::new(&app.web.ambient), LEASE).await.unwrap().unwrap()
}

/// A job that fails on its second page.
async fn failed_job(app: &TestApp, cookie: &str) -> String {
    let (_, job) = app.uploaded(cookie, PDF).await;
    let store = &app.web.store;
    let ranges = PageRange::split(3, 16);
    tasks::finish_inspect(store, &claim(app).await, 3, &ranges, &[]).await.unwrap();
    let task = claim(app).await;
    let failure = Failure::new(Code::PageTimeout, "Page 2 took too long");
    for (page, failure) in ranges[0].pages().zip([None, Some(failure.clone())]) {
        app.advance(5);
        let saved = SavedPage {
            page,
            object_key: None,
            thumbnail_key: Some(crp_model::ObjectKey::thumbnail(task.scope.organization, task.job, page)).filter(|_| failure.is_none()),
            source: TextSource::Ocr,
            mean_confidence: Some(0.5),
            seconds: 5.0,
            warnings: Vec::new(),
            failure,
            identity: None,
            reused_from: None,
        };
        tasks::save_page(store, &task, &saved, "").await.unwrap();
    }
    let running = app.get(cookie, "/api/v1/jobs?group=active").await.json()["items"][0].clone();
    assert_eq!((&running["stage"], &running["eta_seconds"], &running["queue_position"]), (&json!("ocr"), &json!(5), &Value::Null));
    tasks::fail(store, &task, &failure, None).await.unwrap();
    job
}

#[tokio::test]
async fn a_failed_job_asks_for_attention_until_it_is_dismissed() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let job = failed_job(&app, &cookie).await;
    let ids = async |query: &str| {
        let list = app.get(&cookie, &format!("/api/v1/jobs?{query}")).await.json();
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("group=attention").await, std::slice::from_ref(&job));
    assert_eq!(app.get(&cookie, "/api/v1/overview").await.json()["needs_attention"], 1);
    let path = format!("/api/v1/jobs/{job}/dismiss");
    for _ in 0..2 {
        assert_eq!(app.send_empty("POST", &cookie, &path).await.status, StatusCode::NO_CONTENT);
    }
    assert!(ids("group=attention").await.is_empty());
    assert_eq!(ids("group=done&q=SCAN").await, std::slice::from_ref(&job));
    assert!(ids("q=nothing").await.is_empty());
    assert!(app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["dismissed_at"].is_string());
    assert_eq!(app.get(&cookie, "/api/v1/overview").await.json()["needs_attention"], 0);
    let (_, queued) = app.uploaded(&cookie, PDF).await;
    let refused = app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{queued}/dismiss")).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!(app.get(&cookie, "/api/v1/jobs?group=lost").await.status, StatusCode::BAD_REQUEST);
    let shown = app.get(&cookie, "/api/v1/jobs?group=active").await.json()["items"][0].clone();
    assert_eq!((&shown["queue_position"], &shown["eta_seconds"], &shown["warnings"]), (&json!(0), &Value::Null, &json!(0)));
}

#[tokio::test]
async fn pages_tasks_and_story_of_a_job_are_read_in_parts() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let job = failed_job(&app, &cookie).await;
    let first = app.get(&cookie, &format!("/api/v1/jobs/{job}/pages?limit=1")).await.json();
    let page = &first["items"][0];
    assert_eq!((&page["page"], &page["state"], &page["source"], &page["seconds"]), (&json!(1), &json!("done"), &json!("ocr"), &json!(5.0)));
    assert_eq!(page["thumbnail"], format!("/api/v1/jobs/{job}/pages/1/thumbnail"));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&cookie, &format!("/api/v1/jobs/{job}/pages?limit=1&cursor={cursor}")).await.json();
    assert_eq!((&second["items"][0]["state"], &second["items"][0]["failure"]["code"]), (&json!("failed"), &json!("page_timeout")));
    assert_eq!((&second["items"][0]["thumbnail"], &second["next_cursor"]), (&Value::Null, &Value::Null));
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}/pages?cursor=x")).await.status, StatusCode::BAD_REQUEST);

    let tasks = app.get(&cookie, &format!("/api/v1/jobs/{job}/tasks")).await.json();
    let told: Vec<_> = tasks["items"].as_array().unwrap().iter().map(|task| (&task["kind"], &task["state"])).collect();
    assert_eq!(told, [(&json!("inspect"), &json!("done")), (&json!("pages"), &json!("failed"))]);
    let pages = &tasks["items"][1];
    assert_eq!((&pages["first_page"], &pages["last_page"], &pages["stage"]), (&json!(1), &json!(3), &json!("ocr")));
    assert!(pages["worker"].is_string() && pages["failure"]["code"] == "page_timeout" && tasks["items"][0]["first_page"].is_null());

    let story = app.get(&cookie, &format!("/api/v1/jobs/{job}/history?limit=2")).await.json();
    assert_eq!((&story["items"][0]["kind"], &story["items"][0]["id"], &story["next_cursor"]), (&json!("queued"), &json!(1), &json!("2")));
    assert!(story["items"][0]["facts"]["pipeline"].is_string() && story["items"][0]["at"].is_string());
}
