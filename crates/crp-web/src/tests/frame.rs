//! What surrounds every handler: problems, headers, metrics, health, and the accept loop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::get};
use crp_model::labels::{CodeClass, PanicPlace};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use uuid::Uuid;

use super::app::{OWNER, TestApp, request};
use crate::{ServeOptions, frame, serve};

#[tokio::test]
async fn every_refusal_is_a_problem_with_the_requests_id() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let cases = [
        ("GET", "/nowhere", StatusCode::NOT_FOUND, "not_found"),
        ("GET", "/api/v1/nowhere", StatusCode::NOT_FOUND, "not_found"),
        ("PATCH", "/api/v1/documents", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        ("GET", "/api/v1/pipelines/%00", StatusCode::NOT_FOUND, "not_found"),
        ("GET", "/api/v1/documents?name=%00", StatusCode::BAD_REQUEST, "invalid_request"),
        ("GET", "/api/v1/documents/not-an-id", StatusCode::BAD_REQUEST, "invalid_request"),
    ];
    for (method, path, status, code) in cases {
        let answer = app.send_empty(method, &cookie, path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!(body["status"], status.as_u16());
        assert_eq!(body["type"], format!("urn:crpipeline:problem:{code}"));
        assert_eq!(body["instance"], format!("urn:uuid:{}", answer.header("x-request-id")));
        assert!(body["remedy"].as_str().unwrap().len() > 10);
    }
    assert_eq!(app.send_empty("PATCH", &cookie, "/api/v1/documents").await.header("allow"), "POST,GET,HEAD");
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{}", Uuid::nil())).await.code(), "not_found");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_browsers_harmless() {
    let app = TestApp::set_up().await;
    for path in ["/", "/style.css", "/api/reference", "/api/openapi.json", "/api/v1/me", "/livez", "/nowhere"] {
        let answer = app.get("", path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
    assert_eq!(app.get("", "/api/v1/me").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn requests_are_counted_by_template_and_what_is_nowhere_as_other() {
    let app = TestApp::set_up().await;
    for _ in 0..3 {
        app.get("", &format!("/api/v1/jobs/{}", Uuid::nil())).await;
    }
    app.get("", "/nowhere/at/all").await;
    app.send_empty("BREW", "", "/livez").await;
    let counted = |method, route| app.metrics.http_requests_total.get(method, route, CodeClass::Client);
    assert_eq!(counted("GET", "/api/v1/jobs/{id}"), 3);
    let (_, text) = app.metrics.render(crp_metrics::Exposition::for_accept(None));
    assert!(!text.contains("nowhere") && !text.contains("BREW"), "no path and no foreign word becomes a label");
    assert_eq!(app.metrics.http_requests_in_flight.get(), 0.0);
}

#[tokio::test]
async fn a_panic_is_a_500_and_a_count_and_the_server_goes_on() {
    async fn boom() -> &'static str {
        panic!("on purpose")
    }
    let app = TestApp::set_up().await;
    let router = frame::around(Router::new().route("/boom", get(boom)), &app.web);
    let app = TestApp { router, ..app };
    let answer = app.get("", "/boom").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    assert!(!answer.text().contains("on purpose"), "the message is for the log");
    assert_eq!(app.metrics.panics_total.get(PanicPlace::Http), 1);
    assert_eq!(app.metrics.http_requests_in_flight.get(), 0.0);
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let app = TestApp::set_up_with(|settings| settings.has_worker = true).await;
    assert_eq!(app.get("", "/livez").await.json()["status"], "alive");
    let answer = app.get("", "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "no worker was heard of");
    let told: Vec<(String, bool)> = answer.json()["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["name"].as_str().unwrap().to_owned(), check["ok"] == true))
        .collect();
    let expected = [("database", true), ("storage", true), ("disk", true), ("worker", false)];
    assert_eq!(told, expected.map(|(name, ok)| (name.to_owned(), ok)));
    let worker = crp_model::WorkerId::new(&app.web.ambient);
    crp_store::workers::heartbeat(
        &app.web.store,
        worker,
        crp_model::labels::WorkerState::Alive,
        &crp_store::workers::AboutWorker::default(),
    )
    .await
    .unwrap();
    assert_eq!(app.get("", "/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE, "within a second nothing is asked again");
    app.advance(2);
    assert_eq!(app.get("", "/readyz").await.status, StatusCode::OK);
    app.web.store.close().await;
    app.advance(2);
    let answer = app.get("", "/readyz").await;
    assert_eq!((answer.status, &answer.json()["checks"][0]["ok"]), (StatusCode::SERVICE_UNAVAILABLE, &false.into()));
}

#[tokio::test]
async fn the_ops_listener_has_metrics_and_health_and_nothing_else() {
    let app = TestApp::set_up().await;
    let ops = TestApp { router: app.web.ops_router(), ..app };
    let metrics = ops.get("", "/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text().contains("login_failures_total{reason=\"invalid_password\"} 0"));
    assert!(metrics.text().contains("route=\"/api/v1/jobs/{id}\""), "routes are born at zero");
    let open = request("GET", "/metrics", "").header("accept", "application/openmetrics-text; version=1.0.0").body(Body::empty()).unwrap();
    assert!(ops.send(open).await.text().ends_with("# EOF\n"));
    assert_eq!(ops.get("", "/livez").await.status, StatusCode::OK);
    assert_eq!(ops.get("", "/readyz").await.status, StatusCode::OK);
    assert_eq!(ops.get("", "/api/v1/me").await.status, StatusCode::NOT_FOUND);
}

/// The real accept loop on a port of its own.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn run(router: Router, options: ServeOptions) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));
    Running { address, stop, ended }
}

async fn talk(address: SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut heard = String::new();
    let _ = stream.read_to_string(&mut heard).await;
    heard
}

#[tokio::test]
async fn the_accept_loop_answers_and_knows_its_peer() {
    let app = TestApp::set_up().await;
    let running = run(app.router.clone(), ServeOptions::default()).await;
    let heard = talk(running.address, "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200 OK") && heard.contains("alive"), "{heard}");
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_cut_off() {
    let app = TestApp::set_up().await;
    let options = ServeOptions { header_timeout: Duration::from_millis(50), ..ServeOptions::default() };
    let running = run(app.router.clone(), options).await;
    // Returns only because the server closes the connection.
    let heard = talk(running.address, "GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(!heard.contains("200 OK"), "{heard}");
    drop(running.stop);
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_live_streams_and_lets_answers_finish() {
    let app = Arc::new(TestApp::set_up().await);
    let cookie = app.sign_in(OWNER).await;
    let (_, job) = app.uploaded(&cookie, super::app::PDF).await;
    let running = run(app.router.clone(), ServeOptions::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let sent = format!("GET /api/v1/jobs/{job}/events HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n");
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut first = vec![0; 4096];
    let read = stream.read(&mut first).await.unwrap();
    assert!(String::from_utf8_lossy(&first[..read]).starts_with("HTTP/1.1 200 OK"));
    running.stop.send(()).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_upload_is_told_to_a_client_that_is_still_sending() {
    let app = TestApp::set_up_with(|settings| settings.limits.max_upload_mebibytes = 1).await;
    let cookie = app.sign_in(OWNER).await;
    let running = run(app.router.clone(), ServeOptions::default()).await;
    let body = super::app::form("large.pdf", &[super::app::PDF, &vec![b'x'; 8 * 1024 * 1024]].concat(), &[]);
    let head = format!(
        "POST /api/v1/documents HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=edge\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 413") && heard.contains("too_large"), "{heard}");
    drop(running.stop);
    running.ended.await.unwrap().unwrap();
}
