//! The plain pages: set up once, sign in, upload, look.

use axum::body::Body;
use http::{StatusCode, header};

use super::app::{OWNER, PASSWORD, PDF, TestApp, form, request};

fn setup_form(token: &str, password: &str) -> String {
    format!("token={token}&organization=Acme+%26+Co&languages=eng%2Bdeu&name=Ada&email=Ada%40Example.org&password={password}")
}

async fn token(app: &TestApp) -> String {
    let link = app.web.issue_setup_link("http://127.0.0.1:8080").await.unwrap();
    link.strip_prefix("http://127.0.0.1:8080/setup?token=").unwrap().to_owned()
}

#[tokio::test]
async fn the_set_up_page_works_once_and_only_with_its_link() {
    let app = TestApp::empty_with(|_| {}).await;
    assert!(app.get("", "/sign-in").await.text().contains("not set up yet"));
    let token = token(&app).await;
    for wrong in ["/setup", "/setup?token=abc", &format!("/setup?token={}", "0".repeat(64))] {
        assert_eq!(app.get("", wrong).await.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    let page = app.get("", &format!("/setup?token={token}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("<label for=\"organization\">"));
    let short = app.send_form("", "/setup", &setup_form(&token, "short")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.text().contains("12 or more are needed") && short.text().contains("Acme &amp; Co"), "nothing has to be typed again");
    let stolen = app.send_form("", "/setup", &setup_form(&"0".repeat(64), "a+password+of+length")).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);

    let done = app.send_form("", "/setup", &setup_form(&token, "a+password+of+length")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(app.get("", &format!("/setup?token={token}")).await.header("location"), "/sign-in");
    assert_eq!(app.send_form("", "/setup", &setup_form(&token, "a+password+of+length")).await.status, StatusCode::NOT_FOUND);

    let cookie = app.sign_in("ada@example.org").await;
    let organization = app.get(&cookie, "/api/v1/organizations").await.json()["items"][0].clone();
    assert_eq!((organization["name"].as_str(), &organization["languages"]), (Some("Acme & Co"), &serde_json::json!(["eng", "deu"])));
}

#[tokio::test]
async fn a_set_up_link_ends_after_a_day_and_with_the_next_one() {
    let app = TestApp::empty_with(|_| {}).await;
    let first = token(&app).await;
    let second = token(&app).await;
    assert_eq!(app.get("", &format!("/setup?token={first}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.get("", &format!("/setup?token={second}")).await.status, StatusCode::OK);
    app.advance(24 * 3600 + 1);
    assert_eq!(app.get("", &format!("/setup?token={second}")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_signs_in_uploads_looks_and_signs_out_without_any_script() {
    let app = TestApp::set_up().await;
    assert_eq!(app.get("", "/").await.header("location"), "/sign-in");
    let wrong = app.send_form("", "/sign-in", "email=owner%40example.org&password=wrong").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text().contains("role=\"alert\"") && wrong.text().contains("value=\"owner@example.org\""));
    let password = PASSWORD.replace(' ', "+");
    let signed_in = app.send_form("", "/sign-in", &format!("email=owner%40example.org&password={password}")).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = signed_in.cookie();
    assert!(app.get(&cookie, "/").await.text().contains("There are none yet"));

    let upload = request("POST", "/upload", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    let taken = app.send(upload.body(Body::from(form("letter.pdf", PDF, &[("pipeline", "searchable-pdf")]))).unwrap()).await;
    assert_eq!((taken.status, taken.header("location")), (StatusCode::SEE_OTHER, "/"), "{}", taken.text());
    let home = app.get(&cookie, "/").await.text();
    assert!(home.contains("letter.pdf") && home.contains("queued"));
    assert!(!home.contains("<script") && !home.contains("style="));

    let refused = request("POST", "/upload", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    let refused = app.send(refused.body(Body::from(form("a.txt", b"text", &[]))).unwrap()).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(refused.header("content-type").starts_with("text/html") && refused.text().contains("not a PDF"), "people get a page");

    let out = app.send_form(&cookie, "/sign-out", "").await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(app.get(&cookie, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_with_a_page() {
    let app = TestApp::set_up().await;
    let post = request("POST", "/sign-in", "")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(format!("email={OWNER}&password=x")))
        .unwrap();
    let answer = app.send(post).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("another site"));
}
