//! The sessions of a person and a new password.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::app::{OWNER, PASSWORD, TestApp};

const NEW_PASSWORD: &str = "another password of length";

async fn change(app: &TestApp, cookie: &str, current: &str, new: &str) -> super::app::Answer {
    app.send_json("PUT", cookie, "/api/v1/me/password", &json!({"current_password": current, "new_password": new})).await
}

#[tokio::test]
async fn a_person_sees_and_ends_sessions_of_their_own_and_of_nobody_else() {
    let app = TestApp::set_up().await;
    let (here, there) = (app.sign_in(OWNER).await, app.sign_in(OWNER).await);
    let stranger = app.stranger().await;
    let list = app.get(&here, "/api/v1/sessions").await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), items.iter().filter(|item| item["is_current"] == true).count()), (2, 1));
    assert_eq!(items[0]["address"], "192.0.2.1");
    let other = items.iter().find(|item| item["is_current"] == false).unwrap()["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{other}");
    assert_eq!(app.send_empty("DELETE", &stranger, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get(&there, "/api/v1/me").await.status, StatusCode::OK);
    assert_eq!(app.send_empty("DELETE", &here, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&there, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.send_empty("DELETE", &here, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.send_empty("DELETE", &here, &format!("/api/v1/sessions/{}", Uuid::nil())).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get(&here, "/api/v1/sessions").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_password_keeps_this_session_and_ends_the_others() {
    let app = TestApp::set_up().await;
    let (here, there) = (app.sign_in(OWNER).await, app.sign_in(OWNER).await);
    let short = change(&app, &here, PASSWORD, "short").await;
    assert_eq!((short.status, short.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"));
    let done = change(&app, &here, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text());
    assert_eq!(app.get(&here, "/api/v1/me").await.status, StatusCode::OK);
    assert_eq!(app.get(&there, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.try_sign_in(OWNER, NEW_PASSWORD).await.status, StatusCode::OK);
    let log = app.get(&here, "/api/v1/audit").await.json();
    let line = log["items"].as_array().unwrap().iter().find(|line| line["action"] == "user.password_changed").unwrap().clone();
    assert_eq!(line["actor_email"], OWNER);
}

#[tokio::test]
async fn a_wrong_present_password_counts_like_a_refused_sign_in() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    for _ in 0..9 {
        let wrong = change(&app, &cookie, "wrong", NEW_PASSWORD).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::FORBIDDEN, "wrong_password"));
    }
    let tenth = change(&app, &cookie, PASSWORD, NEW_PASSWORD).await;
    assert_eq!((tenth.status, tenth.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30"));
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    app.advance(31);
    assert_eq!(change(&app, &cookie, PASSWORD, NEW_PASSWORD).await.status, StatusCode::NO_CONTENT);
}
