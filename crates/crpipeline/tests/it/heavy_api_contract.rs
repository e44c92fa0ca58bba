//! The OpenAPI document against the running server, by a tool that has read the one and attacks the other.

use std::process::Command;

use crp_testkit::{
    Server, Upload, programs, samples,
    server::{ADMIN_EMAIL, ADMIN_PASSWORD},
};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// No server error and no undocumented answer, in status, type, headers and body.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth";

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_server_error_and_no_undocumented_answer() {
    let Some(schemathesis) = programs::program("schemathesis") else { return };
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    let cookie = api.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200).header("set-cookie").split(';').next().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(schemathesis);
    command.arg("run").arg(format!("{}/api/openapi.json", server.url())).current_dir(folder.path());
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing,stateful", "--seed", "1", "--max-examples", "6"]);
    command.args(["--workers", "2", "--request-timeout", "30", "--no-color", "--continue-on-failure"]);
    command.args(["--suppress-health-check", "all", "--header", &format!("Cookie: {cookie}")]);
    // Signing out and ending sessions would end the one of everything that follows; the stream of all changes has no end.
    for operation in ["sign_out", "revoke_session", "watch_jobs"] {
        command.args(["--exclude-operation-id", operation]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("schemathesis can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(server.is_alive());
    let scrape = server.settled().await;
    assert_eq!(scrape.sum("crpipeline_panics_total"), 0.0);
    let errors: f64 = scrape
        .series
        .iter()
        .filter(|(series, _)| series.starts_with("crpipeline_http_requests_total") && series.contains("5xx"))
        .map(|(_, v)| v)
        .sum();
    assert_eq!(errors, 0.0, "no answer was a server error");
    assert!(scrape.sum("crpipeline_http_requests_total") > 300.0, "it has really asked");
    // After all of it the server still does its work.
    let next = api.accepted(&Upload::of("next.pdf", &samples::slips(2))).await;
    api.succeeded_job(&next.job).await;
}

#[tokio::test]
async fn every_documented_operation_answers_and_every_private_one_asks_who_calls() {
    let server = Server::start(BINARY).await;
    let stranger = server.anonymous();
    let document = stranger.get("/api/openapi.json").await.expect(200).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    let public = [
        ("get", "/api/v1/session"),
        ("post", "/api/v1/session"),
        ("get", "/api/v1/setup"),
        ("post", "/api/v1/setup"),
        ("get", "/livez"),
        ("get", "/readyz"),
    ];
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            operations += 1;
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path} says what it does");
            let concrete = path
                .replace("{id}", "0197a000-0000-7000-8000-000000000000")
                .replace("{kind}", "text")
                .replace("{page}", "1")
                .replace("{name}", "searchable-pdf");
            let verb = http::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = stranger.send(stranger.request(verb, &concrete)).await;
            if public.contains(&(method.as_str(), path.as_str())) {
                assert_ne!(answer.status, 401, "{method} {path}");
            } else {
                assert_eq!((answer.status, answer.problem_code().as_str()), (401, "not_signed_in"), "{method} {path}");
                assert!(operation["responses"]["401"].is_object() && operation["security"].is_array(), "{method} {path}");
            }
        }
    }
    assert!(operations >= 24, "{operations} operations");
    assert!(stranger.get("/api/reference").await.expect(200).text().contains("openapi.json"));
}
