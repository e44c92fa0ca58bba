//! What a real Prometheus sees of the running server: every series from the first moment, every event once.

use std::{io::Write as _, process::Stdio, time::Duration};

use crp_metrics::{Catalogue, Kind};
use crp_model::{
    StageType,
    labels::{EngineKind, FinalStatus, Label, LoginFailure, StorageOperation},
};
use crp_testkit::{Server, Upload, programs, prometheus::Prometheus, samples, scrape::Scrape, server::ADMIN_EMAIL};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const PATIENCE: Duration = Duration::from_secs(60);

fn target(server: &Server) -> String {
    server.metrics_url().trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
}

#[tokio::test]
async fn every_series_of_the_catalogue_is_there_at_zero_before_any_work() {
    let server = Server::start(BINARY).await;
    let scrape = server.settled().await;
    let declared: Vec<&str> = Catalogue::entries().iter().map(|entry| entry.name).collect();
    assert_eq!(scrape.families.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), declared.iter().copied().collect());
    for entry in Catalogue::entries() {
        assert!(!scrape.of_family(entry.name).is_empty(), "{} has no series", entry.name);
        // The probe of the storage, our own scrape and the start itself are work that is already done.
        let counts_the_start =
            ["crpipeline_s3_request_", "crpipeline_http_", "crpipeline_db_", "process_"].iter().any(|p| entry.name.starts_with(p));
        if matches!(entry.kind, Kind::Counter | Kind::Histogram) && !counts_the_start {
            assert_eq!(scrape.sum(entry.name), 0.0, "{} counts something", entry.name);
        }
    }
    five_of_the_page_with_their_labels(&scrape);
}

fn five_of_the_page_with_their_labels(scrape: &Scrape) {
    fn all<L: Label>(scrape: &Scrape, name: &str, label: &str) {
        L::VALUES.iter().for_each(|value| assert_eq!(scrape.value(name, &[(label, value.label())]), 0.0));
    }
    all::<FinalStatus>(scrape, "jobs_total", "status");
    all::<StageType>(scrape, "stage_duration_seconds_count", "stage");
    all::<StorageOperation>(scrape, "s3_errors_total", "operation");
    all::<EngineKind>(scrape, "ocr_duration_seconds_count", "engine");
    all::<LoginFailure>(scrape, "login_failures_total", "reason");
    // Long jobs keep their shape: hours, not ten seconds, are the last bucket.
    assert_eq!(scrape.value("stage_duration_seconds_bucket", &[("stage", "ocr"), ("le", "21600.0")]), 0.0);
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_the_served_page() {
    let Some(promtool) = programs::program("promtool") else { return };
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    let answer = api.get(server.metrics_url()).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let mut child = std::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool can be started");
    child.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));

    let request = api.request(http::Method::GET, server.metrics_url()).header("accept", "application/openmetrics-text; version=1.0.0");
    let answer = api.send(request).await.expect(200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{}", answer.header("content-type"));
    assert!(answer.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_real_prometheus_sees_zeroes_then_the_job_once_and_the_alert_after_six_wrong_passwords() {
    let server = Server::start(BINARY).await;
    let Some(prometheus) = Prometheus::start(&[&target(&server)]).await else { return };
    prometheus.result_of("up == 1", PATIENCE).await;
    for (name, series) in [
        ("jobs_total", FinalStatus::VALUES.len()),
        ("stage_duration_seconds_count", StageType::ALL.len()),
        ("s3_errors_total", StorageOperation::VALUES.len()),
        ("ocr_duration_seconds_count", EngineKind::VALUES.len()),
        ("login_failures_total", LoginFailure::VALUES.len()),
    ] {
        let result = prometheus.result_of(name, PATIENCE).await;
        assert_eq!(result.len(), series, "{name}: {result:?}");
        assert!(result.iter().all(|(_, value)| *value == 0.0), "{name}: {result:?}");
    }

    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf()).through("fields")).await;
    api.succeeded_job(&ids.job).await;
    for (query, wanted) in [
        ("jobs_total{status=\"succeeded\"} > 0", 1.0),
        ("sum(jobs_total) > 0", 1.0),
        ("stage_duration_seconds_count{stage=\"ocr\"} > 0", 1.0),
        ("stage_duration_seconds_count{stage=\"parse\"} > 0", 1.0),
        ("ocr_duration_seconds_count{engine=\"tesseract\"} > 0", 1.0),
        ("job_duration_seconds_count{status=\"succeeded\"} > 0", 1.0),
        ("crpipeline_pages_total{source=\"ocr\"} > 0", 2.0),
        ("crpipeline_ocr_page_duration_seconds_count{engine=\"tesseract\"} > 0", 2.0),
        ("crpipeline_stage_attempts_total{stage=\"ocr\",outcome=\"ok\"} > 0", 1.0),
        ("crpipeline_documents_total{result=\"accepted\"} > 0", 1.0),
        ("crpipeline_upload_bytes_total > 0", samples::letter_pdf().len() as f64),
        ("crpipeline_logins_total{method=\"password\"} > 0", 1.0),
        ("crpipeline_job_turnaround_seconds_count > 0", 1.0),
        ("crpipeline_job_queue_wait_seconds_count > 0", 1.0),
        ("crpipeline_storage_up", 1.0),
        ("crpipeline_worker_slots", 2.0),
    ] {
        let result = prometheus.result_of(query, PATIENCE).await;
        assert_eq!(result.len(), 1, "{query}: {result:?}");
        assert_eq!(result[0].1, wanted, "{query}");
    }
    assert!(prometheus.query("jobs_total{status!=\"succeeded\"} > 0").await.is_empty());

    let stranger = server.anonymous();
    for attempt in 1..=6 {
        let answer = stranger.sign_in(ADMIN_EMAIL, &format!("wrong password {attempt}")).await;
        assert_eq!((answer.status, answer.problem_code().as_str()), (401, "invalid_credentials"));
    }
    let result = prometheus.result_of("login_failures_total{reason=\"invalid_password\"} == 6", PATIENCE).await;
    assert_eq!(result.len(), 1);
    let firing = prometheus.result_of("increase(login_failures_total[5m]) > 5", PATIENCE).await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(firing[0].0["reason"], "invalid_password");
}

#[tokio::test]
async fn no_path_name_or_id_ever_becomes_a_label() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let warm = |scrape: &Scrape| scrape.series.len();
    api.get("/api/v1/jobs/0197a000-0000-7000-8000-000000000000").await.expect(404);
    let before = warm(&server.settled().await);
    for at in 0..50 {
        api.get(&format!("/nobody-{at}-knows/this")).await.expect(404);
        api.get(&format!("/api/v1/jobs/0197a000-0000-7000-8000-0000000000{at:02}")).await.expect(404);
        api.send(api.request(http::Method::from_bytes(format!("VERB{at}").as_bytes()).unwrap(), "/api/v1/me")).await;
        server.anonymous().sign_in(&format!("nobody-{at}@example.org"), "some long password").await;
    }
    let scrape = server.settled().await;
    assert_eq!(warm(&scrape), before, "the number of series stays");
    assert!(before < 2500, "{before} series are too many");
    for secret in ["nobody-1", "VERB1", "0197a000", ADMIN_EMAIL] {
        assert!(!scrape.text.contains(secret), "{secret} is in the metrics");
    }
}
