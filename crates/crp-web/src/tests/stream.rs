//! The stream of the organization: every change once, also after a lost line, and no longer than the session.

use axum::body::Body;
use futures_util::FutureExt as _;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::app::{OWNER, PDF, TestApp, request};

/// A stream that is being read.
struct Reader(Body);

impl Reader {
    async fn open(app: &TestApp, cookie: &str, last: Option<&str>) -> Self {
        let mut asked = request("GET", "/api/v1/events", cookie);
        if let Some(last) = last {
            asked = asked.header("last-event-id", last);
        }
        let answer = app.open(asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(answer.into_body())
    }

    /// The text of the next block; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        let frame = self.0.frame().await?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    }

    /// Id and job of the next block.
    async fn job(&mut self) -> (String, Value) {
        let block = self.next().await.expect("the stream goes on");
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        assert_eq!(field("event:"), "job", "{block}");
        (field("id:"), serde_json::from_str(&field("data:")).unwrap())
    }
}

#[tokio::test]
async fn who_begins_hears_of_what_happens_from_now_on() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, PDF).await;
    let mut reader = Reader::open(&app, &cookie, None).await;
    let first = reader.next().await.unwrap();
    assert!(first.trim_end().starts_with("id:") && first.trim_end().lines().count() == 1, "an id that nobody is shown: {first}");
    assert!(reader.next().now_or_never().is_none(), "the upload is known already");
    assert_eq!(app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{job}/cancel")).await.status, StatusCode::OK);
    let (id, told) = reader.job().await;
    assert_eq!((told["id"].as_str().unwrap(), &told["status"]), (job.as_str(), &serde_json::json!("cancelled")));
    assert_eq!(id, app.web.ambient.now().0.to_string());
    assert!(told["last_event_id"].as_i64().unwrap() > 1 && told.get("stage").is_some() && told.get("warnings").is_some());
}

#[tokio::test]
async fn who_lost_the_line_gets_every_job_that_changed_since_once() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    app.uploaded(&cookie, PDF).await;
    app.advance(60);
    let last = app.web.ambient.now().0.to_string();
    app.advance(1);
    let (_, first) = app.uploaded(&cookie, PDF).await;
    app.advance(1);
    let (_, second) = app.uploaded(&cookie, PDF).await;
    app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{first}/cancel")).await;
    let mut reader = Reader::open(&app, &cookie, Some(&last)).await;
    reader.next().await.unwrap();
    let mut told = [reader.job().await.1["id"].clone(), reader.job().await.1["id"].clone()];
    told.sort_by_key(ToString::to_string);
    let mut expected = [Value::from(first), Value::from(second)];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(told, expected);
    assert!(reader.next().now_or_never().is_none(), "each once");
}

#[tokio::test]
async fn a_stranger_hears_nothing_and_a_bad_number_is_refused() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let stranger = app.stranger().await;
    let mut reader = Reader::open(&app, &stranger, Some("0")).await;
    reader.next().await.unwrap();
    app.uploaded(&cookie, PDF).await;
    let (_, own) = app.uploaded(&stranger, PDF).await;
    assert_eq!(reader.job().await.1["id"], own);
    assert_eq!(app.get(&cookie, "/api/v1/events?last_event_id=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_session_that_is_ended_elsewhere_ends_the_stream() {
    let app = TestApp::set_up().await;
    let (here, there) = (app.sign_in(OWNER).await, app.sign_in(OWNER).await);
    let mut reader = Reader::open(&app, &there, None).await;
    reader.next().await.unwrap();
    app.send_empty("DELETE", &there, "/api/v1/session").await;
    app.advance(61);
    app.uploaded(&here, PDF).await;
    assert_eq!(reader.next().await, None);
}
