//! Set up once; the web app at every address of its own.

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::app::{Answer, OWNER, TestApp, request};

fn organization(token: &str, password: &str) -> Value {
    json!({
        "token": token, "organization": "Acme & Co", "languages": "eng+deu", "display_name": "Ada",
        "email": "Ada@Example.org", "password": password,
    })
}

async fn token(app: &TestApp) -> String {
    let link = app.web.issue_setup_link("http://127.0.0.1:8080").await.unwrap();
    link.strip_prefix("http://127.0.0.1:8080/setup?token=").unwrap().to_owned()
}

/// A browser that goes to an address.
async fn visit(app: &TestApp, path: &str) -> Answer {
    app.send(request("GET", path, "").header(header::ACCEPT, "text/html,*/*;q=0.8").body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn setting_up_works_once_and_only_with_its_link() {
    let app = TestApp::empty_with(|_| {}).await;
    let token = token(&app).await;
    let ask = async |token: &str| app.get("", &format!("/api/v1/setup?token={token}")).await;
    for wrong in ["", "abc", &"0".repeat(64)] {
        let answer = ask(wrong).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "setup_link_invalid"), "{wrong}");
    }
    assert_eq!(ask(&token).await.status, StatusCode::NO_CONTENT);
    let post = async |body: &Value| app.send_json("POST", "", "/api/v1/setup", body).await;
    let short = post(&organization(&token, "short")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.text().contains("12 or more are needed"));
    assert_eq!(post(&organization(&"0".repeat(64), "a password of length")).await.status, StatusCode::FORBIDDEN);

    let session = async |cookie: &str| app.get(cookie, "/api/v1/session").await.json();
    assert_eq!(session("").await, json!({"is_set_up": false, "me": null}));
    assert_eq!(post(&organization(&token, "a password of length")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(session("").await, json!({"is_set_up": true, "me": null}));
    assert_eq!(ask(&token).await.status, StatusCode::NOT_FOUND);
    assert_eq!(post(&organization(&token, "a password of length")).await.status, StatusCode::NOT_FOUND);

    let cookie = app.sign_in_with("ada@example.org", "a password of length").await;
    assert_eq!(session(&cookie).await["me"]["user"]["email"], "ada@example.org");
    let organization = app.get(&cookie, "/api/v1/organizations").await.json()["items"][0].clone();
    assert_eq!((organization["name"].as_str(), &organization["languages"]), (Some("Acme & Co"), &json!(["eng", "deu"])));
}

#[tokio::test]
async fn a_set_up_link_ends_after_a_day_and_with_the_next_one() {
    let app = TestApp::empty_with(|_| {}).await;
    let (first, second) = (token(&app).await, token(&app).await);
    let ask = async |token: &str| app.get("", &format!("/api/v1/setup?token={token}")).await.status;
    assert_eq!(ask(&first).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&second).await, StatusCode::NO_CONTENT);
    app.advance(24 * 3600 + 1);
    assert_eq!(ask(&second).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_browser_gets_the_app_wherever_it_goes_and_a_program_a_404() {
    let app = TestApp::set_up().await;
    for path in ["/", "/documents", "/jobs/0199", "/setup?token=x", "/nowhere/at/all"] {
        let answer = visit(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    }
    for path in ["/nowhere", "/assets/no-such-file.js", "/api/v1/nowhere"] {
        assert_eq!(app.get("", path).await.code(), "not_found", "{path}");
    }
    assert_eq!(visit(&app, "/api/v1/nowhere").await.code(), "not_found");
    assert_eq!(app.get("", "/assets/../../Cargo.toml").await.code(), "not_found");
    assert_eq!(app.get("", "/assets/..%2F..%2Fpackage.json").await.code(), "not_found");
    assert_eq!(app.send_empty("POST", "", "/nowhere").await.code(), "not_found");
}

#[tokio::test]
async fn a_request_of_another_site_is_refused() {
    let app = TestApp::set_up().await;
    let post = request("POST", "/api/v1/session", "")
        .header(header::CONTENT_TYPE, "application/json")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(json!({ "email": OWNER, "password": "x" }).to_string()))
        .unwrap();
    let answer = app.send(post).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("another site"));
}
