//! One test for each way in which products of this kind have failed their users, named after what it protects.

use std::process::Stdio;

use crp_metrics::Catalogue;
use crp_testkit::{CommandLine, Server, ServerPlan, Upload, hostile, poll, samples, words::score};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

#[tokio::test]
async fn a_failure_never_shows_as_success() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("noise.pdf", &hostile::damaged_images())).await;
    let job = api.final_job(&ids.job).await;
    assert_eq!(job["status"], "failed", "{job:#}");
    assert!(job["failure"]["code"].is_string() && job["stages"][0]["status"] == "failed", "{job:#}");
    let scrape = server.settled().await;
    assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), 1.0);
    assert_eq!(scrape.value("jobs_total", &[("status", "succeeded")]), 0.0);
    assert_eq!(scrape.value("job_duration_seconds_count", &[("status", "failed")]), 1.0);
    // A failed attempt has a duration too, once.
    assert_eq!(scrape.value("stage_duration_seconds_count", &[("stage", "ocr")]), 1.0);
    let ended = api.events(&ids.job, None).await.rest(poll::PATIENCE).await;
    assert_eq!(ended.last().map(|event| event.name.as_str()), Some("failed"));
}

#[tokio::test]
async fn local_recognition_works_out_of_the_box_on_a_pdf() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(3))).await;
    api.succeeded_job(&ids.job).await;
    let text = api.texts(&ids.job).await.concat();
    assert_eq!(score(&samples::slip_texts()[..3].join("\n"), &text).recall, 1.0, "{text}");
}

#[tokio::test]
async fn the_parse_stage_sees_the_text_and_applies_the_patterns_of_its_pipeline() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    api.save_pipeline("name: slips\nstages:\n  - type: ocr\n  - type: parse\n    fields:\n      - { name: number, pattern: 'Slip (\\w+) of', all: true }\n      - { name: nothing, pattern: 'zebra' }\n").await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(4)).through("slips")).await;
    api.succeeded_job(&ids.job).await;
    let fields: Value = serde_json::from_slice(&api.artifact(&ids.job, "fields").await).unwrap();
    let fields = fields["fields"].as_array().or(fields.as_array()).unwrap();
    let found: Vec<(&str, u64)> = fields.iter().map(|field| (field["value"].as_str().unwrap(), field["page"].as_u64().unwrap())).collect();
    assert_eq!(found, [("one", 1), ("two", 2), ("three", 3), ("four", 4)]);
    assert!(fields.iter().all(|field| field["name"] == "number" && field["rule"] == "Slip (\\w+) of"));
}

#[tokio::test]
async fn whatever_is_offered_for_download_has_bytes() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(2)).through("fields")).await;
    let job = api.succeeded_job(&ids.job).await;
    for artifact in job["artifacts"].as_array().unwrap() {
        let answer = api.get(artifact["href"].as_str().unwrap()).await.expect(200);
        assert!(!answer.body.is_empty() && answer.body.len() as u64 == artifact["size_bytes"], "{artifact}");
        assert_eq!(answer.header("content-length").parse::<u64>().unwrap(), answer.body.len() as u64);
        assert!(answer.header("content-disposition").starts_with("attachment"), "{artifact}");
    }
}

#[tokio::test]
async fn documents_can_be_listed_run_again_cancelled_and_retried() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    let listed = api.get("/api/v1/documents").await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], ids.document.as_str());
    assert_eq!(api.get(&format!("/api/v1/documents/{}", ids.document)).await.expect(200).json()["name"], "slip.pdf");
    let again = api.post(&format!("/api/v1/documents/{}/jobs", ids.document), &json!({})).await.expect(202).json();
    let again = again["id"].as_str().unwrap().to_owned();
    let cancelled = api.post_empty(&format!("/api/v1/jobs/{again}/cancel")).await;
    assert!([200, 202, 409].contains(&cancelled.status), "{}", cancelled.text());
    api.final_job(&again).await;
    let retried = api.post_empty(&format!("/api/v1/jobs/{again}/retry")).await.expect(202).json();
    api.succeeded_job(retried["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn deleting_takes_rows_and_bytes_and_is_refused_while_a_job_runs() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(20))).await;
    api.job_when(&ids.job, "its run", |job| job["status"] == "running").await;
    let path = format!("/api/v1/documents/{}", ids.document);
    let forever = format!("{path}?forever=true");
    api.delete(&forever).await.expect(409).problem_code();
    api.get(&path).await.expect(200);
    api.post_empty(&format!("/api/v1/jobs/{}/cancel", ids.job)).await;
    api.final_job(&ids.job).await;
    api.delete(&forever).await.expect(204);
    api.get(&path).await.expect(404);
    api.get(&format!("/api/v1/jobs/{}", ids.job)).await.expect(404);
    let none = async || server.files_in("objects").iter().all(|file| !file.to_string_lossy().contains("organizations")).then_some(());
    poll::until("every object of it to go", poll::PATIENCE, none).await;
}

#[tokio::test]
async fn an_accepted_upload_survives_the_death_of_the_process_in_the_next_moment() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let mut accepted = Vec::new();
    for pages in 1..=5 {
        accepted.push(api.accepted(&Upload::of("slips.pdf", &samples::slips(pages))).await);
    }
    server.kill_9().await;
    let server = server.restart(|plan| plan).await;
    let api = server.admin().await;
    for (at, ids) in accepted.iter().enumerate() {
        let job = api.succeeded_job(&ids.job).await;
        assert_eq!(job["progress"]["pages_done"], at + 1);
    }
}

#[tokio::test]
async fn one_bad_document_never_stops_the_worker() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_WORKER_SLOTS", "1").start().await;
    let api = server.admin().await;
    let bad = [hostile::damaged(), hostile::page_tree_loop(), hostile::deep_arrays(), hostile::encrypted("x")];
    let mut jobs = Vec::new();
    for bytes in &bad {
        jobs.push(api.accepted(&Upload::of("bad.pdf", bytes)).await.job);
    }
    let good = api.accepted(&Upload::of("good.pdf", &samples::slips(1))).await;
    for job in jobs {
        assert_eq!(api.final_job(&job).await["status"], "failed");
    }
    api.succeeded_job(&good.job).await;
}

#[tokio::test]
async fn a_running_job_says_running_and_its_events_end() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("scan.pdf", &samples::scan(2))).await;
    let running = api.job_when(&ids.job, "the state running", |job| job["status"] == "running").await;
    assert!(running["started_at"].is_string() && running["finished_at"].is_null(), "{running:#}");
    assert_eq!(
        api.events(&ids.job, None).await.rest(poll::PATIENCE).await.last().map(|event| event.name.clone()),
        Some("succeeded".into())
    );
    assert_eq!(server.settled().await.value("crpipeline_jobs_running", &[]), 0.0);
}

#[tokio::test]
async fn nobody_can_register_and_nobody_can_choose_a_role() {
    let server = Server::start(BINARY).await;
    let stranger = server.anonymous();
    let body = json!({ "email": "me@example.org", "password": "a long enough password", "role": "owner", "is_platform_admin": true });
    for path in ["/api/v1/register", "/register", "/api/v1/users", "/api/v1/organizations", "/setup"] {
        let answer = stranger.post(path, &body).await;
        assert!([401, 403, 404, 405].contains(&answer.status), "{path}: {}", answer.text());
    }
    stranger.sign_in("me@example.org", "a long enough password").await.expect(401);
    // Nor does a sign-in take what it does not know.
    let answer = stranger.post("/api/v1/session", &body).await;
    assert!([400, 422].contains(&answer.status), "{}", answer.text());
}

#[tokio::test]
async fn no_stage_ever_runs_a_command() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("proof");
    let sources = [
        format!("name: evil\nstages:\n  - type: ocr\n  - type: command\n    command: [touch, {}]\n", proof.display()),
        format!("name: evil\nstages:\n  - type: ocr\n    command: touch {}\n", proof.display()),
        format!("name: evil\nstages:\n  - type: ocr\n    languages: ['eng; touch {}']\n", proof.display()),
        "name: evil\nstages:\n  - type: ocr\n    languages: ['../../../../tmp/evil']\n".to_owned(),
        "name: $(id)\nstages:\n  - type: ocr\n".to_owned(),
    ];
    for source in sources {
        let answer = api.post("/api/v1/pipelines", &json!({ "source": source })).await.expect(422);
        assert_eq!(answer.problem_code(), "invalid_pipeline", "{source}");
    }
    let ids = api.accepted(&Upload::of("$(touch proof); .pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    assert!(!proof.exists() && !server.data_dir().join("proof").exists());
}

#[tokio::test]
async fn only_our_own_program_reads_documents() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("scan.pdf", &samples::scan(4))).await;
    let mut seen = std::collections::BTreeSet::new();
    let watch = async || {
        for pid in server.children() {
            seen.extend(std::fs::read_link(format!("/proc/{pid}/exe")).ok());
        }
        (!seen.is_empty() && api.job(&ids.job).await["status"] != "running" && api.job(&ids.job).await["status"] != "queued").then_some(())
    };
    poll::until("the end of the job", poll::PATIENCE, watch).await;
    let ours = std::path::Path::new(BINARY).canonicalize().unwrap();
    assert!(seen.iter().all(|program| *program == ours), "{seen:?}");
}

#[tokio::test]
async fn a_name_cannot_put_a_header_into_a_download() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let slip = samples::slips(1);
    for name in ["a%0d%0aSet-Cookie: evil=1.pdf", "a\\\"; filename=\\\"evil.exe", "a;filename=evil.exe.pdf"] {
        let answer = api.upload(&Upload::of(name, &slip)).await;
        if answer.status != 202 {
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            continue;
        }
        let id = answer.json()["document"]["id"].as_str().unwrap().to_owned();
        let download = api.get(&format!("/api/v1/documents/{id}/content")).await.expect(200);
        let disposition = download.header("content-disposition");
        assert!(download.headers.get("set-cookie").is_none());
        // One quoted name and one encoded: nothing of the name stands outside of them.
        assert!(disposition.starts_with("attachment; filename=\"") && disposition.contains("\"; filename*=UTF-8''"), "{disposition}");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
        assert_eq!(download.header("x-content-type-options"), "nosniff");
        assert!(download.header("content-security-policy").contains("sandbox"));
    }
}

#[tokio::test]
async fn one_target_has_every_metric_that_the_dashboards_ask_for() {
    let server = Server::start(BINARY).await;
    let scrape = server.settled().await;
    for name in ["jobs_total", "stage_duration_seconds", "s3_errors_total", "ocr_duration_seconds", "login_failures_total"] {
        assert!(!scrape.of_family(name).is_empty(), "{name}");
    }
    let answer = server.anonymous().get("/metrics").await;
    assert_eq!(answer.status, 404, "the public listener has no metrics");
}

#[tokio::test]
async fn buckets_reach_hours_so_that_a_long_job_has_a_quantile() {
    let server = Server::start(BINARY).await;
    let scrape = server.settled().await;
    for name in ["stage_duration_seconds", "ocr_duration_seconds", "job_duration_seconds"] {
        let entry = Catalogue::entries().iter().find(|entry| entry.name == name).unwrap();
        assert!(entry.buckets.last().is_some_and(|last| *last >= 6.0 * 3600.0) && entry.buckets.contains(&0.1), "{name}");
        assert!(scrape.text.contains(&format!("{name}_bucket")) && scrape.text.contains("le=\"21600.0\""), "{name}");
    }
}

#[tokio::test]
async fn each_stage_and_each_job_is_observed_once() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    for pages in 1..=3 {
        let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(pages)).through("fields")).await;
        api.succeeded_job(&ids.job).await;
    }
    let scrape = server.settled().await;
    for (name, labels) in [
        ("stage_duration_seconds_count", ("stage", "ocr")),
        ("stage_duration_seconds_count", ("stage", "parse")),
        ("ocr_duration_seconds_count", ("engine", "tesseract")),
        ("job_duration_seconds_count", ("status", "succeeded")),
        ("jobs_total", ("status", "succeeded")),
    ] {
        assert_eq!(scrape.value(name, &[labels]), 3.0, "{name} {labels:?}");
    }
    assert_eq!(scrape.value("crpipeline_pages_total", &[("source", "ocr")]), 6.0);
    assert_eq!(scrape.value("crpipeline_ocr_page_duration_seconds_count", &[("engine", "tesseract")]), 6.0);
}

#[tokio::test]
async fn temporary_files_do_not_stay_after_a_kill_either() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(6))).await;
    api.job_when(&ids.job, "its first page", |job| job["progress"]["pages_done"].as_u64() > Some(0)).await;
    server.kill_9().await;
    let server = server.restart(|plan| plan).await;
    let api = server.admin().await;
    api.succeeded_job(&ids.job).await;
    server.expect_no_leftovers().await;

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("long.pdf"), samples::scan(6)).unwrap();
    let line = CommandLine::new(BINARY, folder.path());
    let mut command = line.command(&["run", "-o", "out", "long.pdf"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id().unwrap();
    poll::until("the run to read", poll::PATIENCE, async || (!crp_testkit::server::children_of(pid).is_empty()).then_some(())).await;
    let readers = crp_testkit::server::children_of(pid);
    let number = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    poll::until("its processes to end", poll::PATIENCE, async || {
        readers.iter().all(|pid| !crp_testkit::server::is_running(*pid)).then_some(())
    })
    .await;
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).filter(|name| name != "out").collect();
    assert_eq!(left, ["long.pdf"], "an interrupted run leaves its input alone and nothing else");
    assert_eq!(std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count), 0);
}
