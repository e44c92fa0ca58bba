//! Signing in: refusals are counted once, each under its reason, and backoff begins with the tenth.

use crp_model::labels::{DenialKind, Label, LoginFailure, LoginMethod};
use crp_store::login;
use http::{StatusCode, header};
use serde_json::json;

use super::app::{OWNER, PASSWORD, TestApp, request};

fn failures(app: &TestApp) -> Vec<(&'static str, u64)> {
    let counted = LoginFailure::VALUES.iter().map(|reason| (reason.label(), app.metrics.login_failures_total.get(*reason)));
    counted.filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn six_wrong_passwords_are_six_failures_of_one_reason() {
    let app = TestApp::set_up().await;
    for _ in 0..6 {
        let answer = app.try_sign_in(OWNER, "wrong").await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "invalid_credentials"));
    }
    assert_eq!(failures(&app), [("invalid_password", 6)]);
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::OK);
    assert_eq!(app.metrics.logins_total.get(LoginMethod::Password), 1);
}

#[tokio::test]
async fn the_tenth_refusal_is_a_429_and_the_wait_ends() {
    let app = TestApp::set_up().await;
    for _ in 0..9 {
        assert_eq!(app.try_sign_in(OWNER, "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let tenth = app.try_sign_in(OWNER, PASSWORD).await;
    assert_eq!((tenth.status, tenth.code().as_str(), tenth.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "30"));
    assert_eq!(failures(&app), [("invalid_password", 9), ("rate_limited", 1)]);
    app.advance(31);
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_right_password_clears_the_accounts_refusals() {
    let app = TestApp::set_up_with(|settings| settings.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()]).await;
    // Each from another address, so that only the account's count matters.
    for (at, password) in ["wrong"; 8].into_iter().chain([PASSWORD]).chain(["wrong"; 8]).enumerate() {
        let body = json!({"email": OWNER, "password": password}).to_string();
        let request = request("POST", "/api/v1/session", "")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", format!("198.51.100.{at}"));
        let status = app.send(request.body(body.into()).unwrap()).await.status;
        assert_eq!(status, if password == PASSWORD { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "attempt {at}");
    }
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_too() {
    let app = TestApp::set_up().await;
    for at in 0..9 {
        assert_eq!(app.try_sign_in(&format!("user{at}@example.org"), "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(failures(&app), [("user_not_found", 9), ("rate_limited", 1)]);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_answer() {
    let app = TestApp::set_up().await;
    let mut unknown = app.try_sign_in("nobody@example.org", "wrong").await.json();
    let mut wrong = app.try_sign_in(OWNER, "wrong").await.json();
    for body in [&mut unknown, &mut wrong] {
        body["instance"] = "".into();
    }
    assert_eq!(unknown, wrong);
    assert_eq!(failures(&app), [("user_not_found", 1), ("invalid_password", 1)]);
}

#[tokio::test]
async fn a_locked_account_is_told_only_to_who_knows_its_password() {
    let app = TestApp::set_up().await;
    login::lock(&app.web.store, OWNER).await.unwrap();
    assert_eq!(app.try_sign_in(OWNER, "wrong").await.code(), "invalid_credentials");
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.code(), "account_not_usable");
    assert_eq!(failures(&app), [("invalid_password", 1), ("locked", 1)]);
    login::unlock(&app.web.store, OWNER).await.unwrap();
    assert_eq!(app.try_sign_in(OWNER, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_full_hashing_queue_is_no_refused_login() {
    let app = TestApp::set_up_with(|settings| settings.max_waiting_sign_ins = 1).await;
    let turns = app.web.passwords.take_all_turns().await;
    let mut waiting = std::pin::pin!(app.try_sign_in(OWNER, PASSWORD));
    // The first one takes the only place in the queue; the second finds it full.
    let second = tokio::select! {
        biased;
        _ = &mut waiting => panic!("nobody has a turn to give"),
        second = async {
            // The first request reads the database before it queues up; ask until it stands there.
            while !app.web.passwords.queue_is_full() {
                tokio::task::yield_now().await;
            }
            app.try_sign_in(OWNER, "wrong").await
        } => second,
    };
    assert_eq!((second.status, second.code().as_str(), second.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "busy", "5"));
    drop(turns);
    assert_eq!(waiting.await.status, StatusCode::OK);
    assert_eq!(failures(&app), []);
}

#[tokio::test]
async fn a_wrong_password_counts_also_when_its_client_hangs_up() {
    let app = std::sync::Arc::new(TestApp::set_up_with(|settings| settings.max_waiting_sign_ins = 1).await);
    let turns = app.web.passwords.take_all_turns().await;
    let client = tokio::spawn({
        let app = app.clone();
        async move { app.try_sign_in(OWNER, "wrong").await }
    });
    while !app.web.passwords.queue_is_full() {
        tokio::task::yield_now().await;
    }
    drop(turns);
    // Its turn has come when the place in the queue is free again.
    while app.web.passwords.queue_is_full() {
        tokio::task::yield_now().await;
    }
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    while failures(&app).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(failures(&app), [("invalid_password", 1)]);
}

#[tokio::test]
async fn a_database_that_is_away_is_no_refused_login() {
    let app = TestApp::set_up().await;
    app.web.store.close().await;
    let answer = app.try_sign_in(OWNER, "wrong").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(failures(&app), []);
}

#[tokio::test]
async fn a_session_ends_at_sign_out_and_with_its_time() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    assert_eq!(app.get(&cookie, "/api/v1/me").await.json()["user"]["email"], OWNER);
    let out = app.send_empty("DELETE", &cookie, "/api/v1/session").await;
    assert_eq!((out.status, out.header("set-cookie").contains("Max-Age=0")), (StatusCode::NO_CONTENT, true));
    assert_eq!(app.get(&cookie, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);

    let cookie = app.sign_in(OWNER).await;
    app.advance(24 * 3600 + 1);
    assert_eq!(app.get(&cookie, "/api/v1/me").await.code(), "not_signed_in");
}

#[tokio::test]
async fn every_sign_in_makes_a_new_token_and_ends_the_one_that_came_along() {
    let app = TestApp::set_up().await;
    let planted = app.sign_in(OWNER).await;
    let body = json!({"email": OWNER, "password": PASSWORD});
    let fresh = app.send_json("POST", &planted, "/api/v1/session", &body).await.cookie();
    assert_ne!(planted, fresh);
    assert_eq!(app.get(&planted, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get(&fresh, "/api/v1/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_database_never_sees_a_token_or_a_password() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let token = cookie.split_once('=').unwrap().1.to_owned();
    assert_eq!(token.len(), 64);
    app.web.store.close().await;
    for file in std::fs::read_dir(app.directory.path()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{:?}", file.path());
        }
    }
}

#[tokio::test]
async fn a_bearer_token_is_refused_clearly_until_there_are_tokens() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let request = request("GET", "/api/v1/me", &cookie).header(header::AUTHORIZATION, "Bearer crp_1_abc");
    let answer = app.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "tokens_not_available"));
}

#[tokio::test]
async fn another_site_can_neither_sign_in_nor_change_anything() {
    let app = TestApp::set_up_with(|settings| settings.public_url = Some("https://scans.example.org".into())).await;
    let body = json!({"email": OWNER, "password": PASSWORD}).to_string();
    let cases: [(&[(&str, &str)], bool); 8] = [
        (&[], true),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "https://scans.example.org")], true),
        (&[("origin", "null")], false),
    ];
    for (headers, passes) in cases {
        let mut post =
            request("POST", "/api/v1/session", "").header(header::CONTENT_TYPE, "application/json").header("host", "localhost:8080");
        for (name, value) in headers {
            post = post.header(*name, *value);
        }
        let answer = app.send(post.body(body.clone().into()).unwrap()).await;
        if passes {
            assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
            assert!(answer.header("set-cookie").starts_with("__Host-crp_session="));
        } else {
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "cross_site_request"), "{headers:?}");
        }
    }
    assert_eq!(app.metrics.authorization_denied_total.get(DenialKind::Csrf), 4);
    assert_eq!(failures(&app), []);
}

#[tokio::test]
async fn a_bad_body_is_told_and_judges_nobody() {
    let app = TestApp::set_up().await;
    let long = json!({"email": OWNER, "password": "x".repeat(2000)});
    assert_eq!(app.send_json("POST", "", "/api/v1/session", &long).await.code(), "invalid_value");
    assert_eq!(app.send_json("POST", "", "/api/v1/session", &json!({"email": OWNER})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nul = json!({"email": "a\0b@example.org", "password": "x"});
    assert_eq!(app.send_json("POST", "", "/api/v1/session", &nul).await.code(), "invalid_value");
    let unknown = json!({"email": OWNER, "password": "x", "role": "owner"});
    assert_eq!(app.send_json("POST", "", "/api/v1/session", &unknown).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = request("POST", "/api/v1/session", "").body("email=a".into()).unwrap();
    assert_eq!(app.send(text).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let broken = request("POST", "/api/v1/session", "").header(header::CONTENT_TYPE, "application/json").body("{".into()).unwrap();
    assert_eq!(app.send(broken).await.code(), "invalid_request");
    assert_eq!(failures(&app), []);
}
