//! Login, sessions and the first start, over real HTTP.

use crp_testkit::{
    Api, CommandLine, Server, ServerPlan, Upload, samples,
    server::{ADMIN_EMAIL, ADMIN_PASSWORD},
};
use http::Method;
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

#[tokio::test]
async fn a_session_begins_with_a_strict_cookie_and_ends_on_the_server() {
    let server = Server::start(BINARY).await;
    let api = server.anonymous();
    assert_eq!(api.get("/api/v1/me").await.expect(401).problem_code(), "not_signed_in");
    let answer = api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(["HttpOnly", "SameSite=Lax", "Path=/"].iter().all(|part| cookie.contains(part)) && !cookie.contains("Secure"), "{cookie}");
    let me = api.get("/api/v1/me").await.expect(200).json();
    assert_eq!((&me["user"]["email"], &me["role"], &me["is_platform_admin"]), (&json!(ADMIN_EMAIL), &json!("owner"), &json!(true)), "{me}");

    // Another browser with a copy of the cookie is out as soon as the first one signs out.
    let thief = server.anonymous();
    let stolen = cookie.split(';').next().unwrap().to_owned();
    let with_copy = |path: &str| thief.request(Method::GET, path).header("cookie", stolen.clone());
    thief.send(with_copy("/api/v1/me")).await.expect(200);
    api.delete("/api/v1/session").await.expect(204);
    api.get("/api/v1/me").await.expect(401);
    assert_eq!(thief.send(with_copy("/api/v1/me")).await.expect(401).problem_code(), "not_signed_in");
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_bound_to_its_host() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_PUBLIC_URL", "https://scans.example.org").start().await;
    let answer = server.anonymous().sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-crp_session=") && cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_and_the_tenth_guess_waits() {
    let server = Server::start(BINARY).await;
    let api = server.anonymous();
    let without_id = |answer: &crp_testkit::Answer| {
        let mut problem = answer.json();
        problem.as_object_mut().unwrap().remove("instance");
        problem
    };
    let known = api.sign_in(ADMIN_EMAIL, "not this one").await.expect(401);
    let unknown = api.sign_in("nobody@example.org", "not this one").await.expect(401);
    assert_eq!(without_id(&known), without_id(&unknown));
    for _ in 0..7 {
        api.sign_in("nobody@example.org", "not this one").await.expect(401);
    }
    let waiting = api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(429);
    assert_eq!(waiting.problem_code(), "rate_limited");
    assert!(waiting.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{:?}", waiting.headers);
    let scrape = server.settled().await;
    let failures = |reason: &str| scrape.value("login_failures_total", &[("reason", reason)]);
    assert_eq!((failures("invalid_password"), failures("user_not_found"), failures("rate_limited")), (1.0, 8.0, 1.0));
    assert_eq!(scrape.sum("login_failures_total"), 10.0, "each refusal once");
    assert_eq!(scrape.value("crpipeline_rate_limited_total", &[("scope", "login")]), 1.0);
    // An operator finds the address in the log, and never whose account it was.
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("A sign-in was refused") && line.contains("\"address\":\"127.0.0.1\""));
    assert_eq!(told.count(), 9, "{log}");
    assert!(!log.contains("nobody@example.org"), "{log}");
}

#[tokio::test]
async fn an_address_is_believed_only_from_a_trusted_proxy() {
    let guess = async |server: &Server, from: u32| {
        let api = server.anonymous();
        let body = json!({ "email": format!("guest-{from}@example.org"), "password": "a guess of mine" });
        let request = api.request(Method::POST, "/api/v1/session").json(&body).header("x-forwarded-for", format!("203.0.113.{from}"));
        api.send(request).await.status
    };
    // Each guess claims another origin. Believed, no address ever has ten; not believed, they are all one.
    let trusting = ServerPlan::new(BINARY).env("CRPIPELINE_TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let doubting = Server::start(BINARY).await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for from in 1..=11 {
        with.push(guess(&trusting, from).await);
        without.push(guess(&doubting, from).await);
    }
    assert_eq!(with, [401; 11]);
    assert_eq!(without[..9], [401; 9]);
    assert_eq!(without[9..], [429; 2]);
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_act() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let slip = samples::slips(1);
    let upload = Upload::of("a.pdf", &slip);
    for (header, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example.org"), ("origin", "null")]
    {
        let answer = api.send(api.upload_request(&upload).header(header, value)).await;
        assert_eq!((answer.status, answer.problem_code().as_str()), (403, "cross_site_request"), "{header}: {value}");
        let answer = api.send(api.request(Method::DELETE, "/api/v1/session").header(header, value)).await;
        assert_eq!(answer.status, 403, "{header}: {value}");
    }
    api.send(api.upload_request(&upload).header("sec-fetch-site", "same-origin")).await.expect(202);
    api.send(api.upload_request(&upload).header("origin", server.url())).await.expect(202);
    assert_eq!(server.settled().await.value("crpipeline_authorization_denied_total", &[("kind", "csrf")]), 8.0);
}

#[tokio::test]
async fn the_one_time_link_of_the_log_makes_the_first_administrator_and_works_once() {
    let server = ServerPlan::new(BINARY).without_admin().start().await;
    let log = server.log();
    let link = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|line| line["link"].as_str().map(str::to_owned));
    let link = link.unwrap_or_else(|| panic!("no link in the log:\n{log}"));
    assert!(link.starts_with(server.url()), "{link}");
    let path = link.strip_prefix(server.url()).unwrap();
    let token = path.split("token=").nth(1).unwrap();
    let api = server.anonymous();
    assert!(path.starts_with("/setup?"));
    assert_eq!(api.get("/api/v1/setup?token=0000").await.status, 403);
    api.get(&format!("/api/v1/setup?token={token}")).await.expect(204);
    let password = "thistle and wood and glue";
    let organization = json!({
        "token": token, "organization": "Harbour Lane", "languages": "eng", "display_name": "Margaret",
        "email": "margaret@example.org", "password": password,
    });
    api.post("/api/v1/setup", &organization).await.expect(204);
    assert_eq!(api.post("/api/v1/setup", &organization).await.status, 404, "the link has worked once");
    let api = Api::signed_in(server.url(), "margaret@example.org", "thistle and wood and glue").await;
    assert_eq!(api.get("/api/v1/me").await.expect(200).json()["organization"]["name"], "Harbour Lane");
    assert!(!server.log().contains("thistle and wood"), "no password is ever logged");
}

#[tokio::test]
async fn an_operator_resets_a_password_while_the_server_is_down_and_old_sessions_end() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let cookie = api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200).header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(server.terminate().await.success());
    let line = CommandLine::new(BINARY, server.data_dir()).env("CRPIPELINE_DATA_DIR", server.data_dir().display().to_string());
    let ran = line.run(&["admin", "reset-password", ADMIN_EMAIL]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let unlocked = line.run(&["admin", "unlock", ADMIN_EMAIL]).await;
    assert_eq!(unlocked.code, Some(0), "{}", unlocked.stderr);
    let server = server.restart(|plan| plan).await;
    let api = server.anonymous();
    api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(401);
    api.send(api.request(Method::GET, "/api/v1/me").header("cookie", cookie)).await.expect(401);
    let passwords = ran.stdout.split_whitespace().filter(|word| word.len() >= 12 && !word.contains('@'));
    let mut works = false;
    for password in passwords.take(5) {
        works |= api.sign_in(ADMIN_EMAIL, password).await.status == 200;
    }
    assert!(works, "the new password stands in: {}", ran.stdout);
}

#[tokio::test]
async fn no_secret_is_in_the_log_the_metrics_or_the_database() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_LOG_LEVEL", "trace").start().await;
    let api = server.anonymous();
    let cookie = api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200).header("set-cookie").to_owned();
    api.sign_in(ADMIN_EMAIL, "canary-of-a-wrong-password").await.expect(401);
    api.get("/api/v1/me").await.expect(200);
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    assert!(token.len() >= 32);
    let metrics = server.settled().await.text;
    assert!(server.terminate().await.success());
    for secret in [ADMIN_PASSWORD, "canary-of-a-wrong-password", &token] {
        assert!(!server.log().contains(secret), "the log holds {secret}");
        assert!(!metrics.contains(secret));
        for file in ["crpipeline.db", "crpipeline.db-wal"] {
            let bytes = std::fs::read(server.data_dir().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file} holds {secret}");
        }
    }
}
