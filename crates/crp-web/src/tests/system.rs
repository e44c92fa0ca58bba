//! How the installation is and was, as its administrators see it.

use std::time::Duration;

use crp_model::{Code, Failure, WorkerId, labels::WorkerState};
use crp_store::{tasks, workers};
use http::StatusCode;
use serde_json::{Value, json};

use super::app::{OWNER, PDF, TestApp};

fn check<'a>(system: &'a Value, name: &str) -> &'a Value {
    system["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

/// A job that fails with this code.
async fn failed_job(app: &TestApp, cookie: &str, code: Code) {
    app.uploaded(cookie, PDF).await;
    let worker = WorkerId::new(&app.web.ambient);
    let task = tasks::claim(&app.web.store, worker, Duration::from_secs(30)).await.unwrap().unwrap();
    tasks::fail(&app.web.store, &task, &Failure::new(code, "it failed"), None).await.unwrap();
}

#[tokio::test]
async fn an_administrator_sees_queue_workers_and_what_is_wrong() {
    let app = TestApp::set_up_with(|settings| settings.dashboards_url = Some("https://grafana.example.org".into())).await;
    let cookie = app.sign_in(OWNER).await;
    let quiet = app.get(&cookie, "/api/v1/system").await.json();
    assert_eq!((&quiet["database"]["kind"], &quiet["storage"]["kind"]), (&json!("sqlite"), &json!("folder")));
    assert_eq!(quiet["dashboards_url"], "https://grafana.example.org");
    assert_eq!(check(&quiet, "workers")["status"], "error");
    for name in ["database", "storage", "disk", "queue", "engine"] {
        assert_eq!(check(&quiet, name)["status"], "ok", "{quiet}");
    }

    let worker = WorkerId::new(&app.web.ambient);
    let about = workers::AboutWorker { name: "host-1, process 7".to_owned(), version: "1.2.3".to_owned(), slots: 4 };
    workers::heartbeat(&app.web.store, worker, WorkerState::Alive, &about).await.unwrap();
    failed_job(&app, &cookie, Code::TesseractMissing).await;
    app.uploaded(&cookie, PDF).await;
    let busy = app.get(&cookie, "/api/v1/system").await.json();
    assert_eq!((&busy["queue"]["queued"], &busy["queue"]["dead"]), (&json!(1), &json!(1)));
    assert_eq!((&busy["workers"][0]["id"], &busy["workers"][0]["state"]), (&json!(worker.0), &json!("alive")));
    assert_eq!((&busy["workers"][0]["name"], &busy["workers"][0]["slots"]), (&json!("host-1, process 7"), &json!(4)));
    assert_eq!(check(&busy, "workers")["status"], "ok");
    let engine = check(&busy, "engine");
    assert_eq!(engine["status"], "error");
    assert!(engine["message"].as_str().unwrap().contains("tesseract_missing") && engine["remedy"].as_str().unwrap().contains("Install"));

    app.advance(20 * 60);
    let late = app.get(&cookie, "/api/v1/system").await.json();
    assert_eq!((&late["workers"][0]["state"], &check(&late, "queue")["status"]), (&json!("silent"), &json!("warning")));
}

#[tokio::test]
async fn the_history_tells_what_ended_and_why_it_failed() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    failed_job(&app, &cookie, Code::EncryptedPdf).await;
    app.advance(120);
    app.uploaded(&cookie, PDF).await;
    for (window, count, seconds) in [("hour", 60, 60), ("day", 96, 900), ("month", 120, 21_600)] {
        let told = app.get(&cookie, &format!("/api/v1/system/history?window={window}")).await.json();
        let buckets = told["buckets"].as_array().unwrap();
        assert_eq!((buckets.len(), &told["bucket_seconds"]), (count, &json!(seconds)), "{window}");
        assert_eq!(buckets.iter().map(|bucket| bucket["jobs_failed"].as_u64().unwrap()).sum::<u64>(), 1);
        let last = buckets.last().unwrap();
        assert_eq!((&last["waiting"], &last["ocr_page_p50_seconds"]), (&json!(1), &Value::Null));
        assert_eq!(last["stages"], json!({"ocr": null, "parse": null}));
        assert_eq!(told["failures"], json!([{"code": "encrypted_pdf", "jobs": 1}]));
    }
    let stranger = app.stranger().await;
    let theirs = app.get(&stranger, "/api/v1/system/history").await.json();
    assert_eq!(theirs["failures"], json!([]));
    assert!(theirs["buckets"].as_array().unwrap().iter().all(|bucket| bucket["waiting"] == 0), "nobody else's jobs");
    assert_eq!(app.get(&cookie, "/api/v1/system/history?window=year").await.status, StatusCode::BAD_REQUEST);
}
