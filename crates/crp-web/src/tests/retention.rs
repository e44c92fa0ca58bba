//! How long documents are kept, and holds, as the API tells them.

use std::time::Duration;

use crp_model::Role;
use http::StatusCode;
use serde_json::{Value, json};

use super::app::{OWNER, PDF, TestApp};

const DAY: u64 = 24 * 3600;
const RETENTION: &str = "/api/v1/organization/retention";

/// A document whose job has ended.
async fn at_rest(app: &TestApp, cookie: &str, bytes: &[u8]) -> String {
    let (document, job) = app.uploaded(cookie, bytes).await;
    assert!(app.send_empty("POST", cookie, &format!("/api/v1/jobs/{job}/cancel")).await.status.is_success());
    document
}

#[tokio::test]
async fn a_retention_is_thought_of_then_set_and_tells_each_time_what_it_means() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let document = at_rest(&app, &cookie, PDF).await;
    let nothing = json!({"days": null, "pipelines": [], "trash_days": 30, "documents_due": 0, "documents_on_hold": 0});
    assert_eq!(app.get(&cookie, RETENTION).await.json(), nothing);
    app.advance(10 * DAY);
    let cookie = app.sign_in(OWNER).await;
    let week = json!({"days": 7});
    let thought = app.send_json("PUT", &cookie, &format!("{RETENTION}?dry_run=true"), &week).await.json();
    assert_eq!((&thought["days"], &thought["documents_due"]), (&json!(7), &json!(1)));
    assert_eq!(app.get(&cookie, RETENTION).await.json(), nothing, "nothing was set");
    assert_eq!(app.web.expire_documents().await.unwrap(), 0);

    let with_own = json!({"days": 7, "pipelines": [{"pipeline": "searchable-pdf", "days": 30}, {"pipeline": "fields", "days": null}]});
    let set = app.send_json("PUT", &cookie, RETENTION, &with_own).await.json();
    assert_eq!((&set["documents_due"], &set["pipelines"][0]["pipeline"]), (&json!(0), &json!("fields")), "in the order of their names");
    assert_eq!(app.send_json("PUT", &cookie, RETENTION, &week).await.json()["documents_due"], 1);
    assert_eq!(app.web.expire_documents().await.unwrap(), 1);
    assert_eq!(app.web.expire_documents().await.unwrap(), 0);
    assert_eq!(app.metrics.documents_expired_total.get(), 1);
    let path = format!("/api/v1/documents/{document}");
    assert!(app.get(&cookie, &path).await.json()["trashed_at"].is_string(), "it is in the trash, not gone");
    assert_eq!(app.web.empty_trash(Duration::from_secs(30 * DAY)).await.unwrap(), 0, "the trash is its time of grace");
    assert_eq!(app.send_empty("POST", &cookie, &format!("{path}/restore")).await.json()["trashed_at"], json!(null));
    assert_eq!(app.web.expire_documents().await.unwrap(), 0, "what came back has its time anew");
}

#[tokio::test]
async fn a_retention_that_cannot_be_meant_is_refused_and_members_set_none() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let bad = [
        json!({"days": 0}),
        json!({"days": 36501}),
        json!({"days": -1}),
        json!({"days": 7, "pipelines": [{"pipeline": "", "days": 7}]}),
        json!({"days": 7, "pipelines": [{"pipeline": "fields", "days": 7}, {"pipeline": "fields", "days": 8}]}),
        json!({"days": 7, "colour": "red"}),
    ];
    for body in bad {
        let answer = app.send_json("PUT", &cookie, RETENTION, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text());
    }
    let own = json!({"days": null, "pipelines": [{"pipeline": "letters", "days": 7}]});
    let unknown = app.send_json("PUT", &cookie, RETENTION, &own).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "pipeline_not_found"));
    let source = json!({"source": "name: letters\nstages: [{type: ocr}]\n"});
    assert_eq!(app.send_json("POST", &cookie, "/api/v1/pipelines", &source).await.status, StatusCode::CREATED);
    assert_eq!(app.send_json("PUT", &cookie, RETENTION, &own).await.status, StatusCode::OK);
    assert_eq!(app.send_empty("DELETE", &cookie, "/api/v1/pipelines/letters").await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.send_json("PUT", &cookie, RETENTION, &own).await.status, StatusCode::OK, "it outlives its pipeline");
    let member = app.user(Role::Member).await;
    assert_eq!(app.send_json("PUT", &member, RETENTION, &own).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.get(&member, RETENTION).await.json()["pipelines"], own["pipelines"], "but everybody sees it");
}

#[tokio::test]
async fn a_document_on_hold_is_refused_with_its_reason_by_every_way_out() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let document = at_rest(&app, &cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}");
    for reason in [json!({"reason": " "}), json!({"reason": "x".repeat(501)}), json!({"reason": "a\u{7}b"}), json!({})] {
        let answer = app.send_json("PUT", &cookie, &format!("{path}/hold"), &reason).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"), "{reason}");
    }
    let held = app.send_json("PUT", &cookie, &format!("{path}/hold"), &json!({"reason": " Lawsuit 17 "})).await.json();
    assert_eq!((&held["hold"]["reason"], &held["hold"]["by_email"]), (&json!("Lawsuit 17"), &json!(OWNER)));

    let member = app.user(Role::Member).await;
    for who in [&cookie, &member] {
        for way in [path.clone(), format!("{path}?forever=true")] {
            let refused = app.send_empty("DELETE", who, &way).await;
            let problem = refused.json();
            assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "document_on_hold"), "{way}");
            assert!(problem["detail"].as_str().unwrap().ends_with(": Lawsuit 17"), "{problem}");
            assert!(problem["remedy"].as_str().unwrap().contains("lifts the hold"), "{problem}");
        }
        for action in ["trash", "delete"] {
            let answer = app.send_json("POST", who, "/api/v1/documents/bulk", &json!({"ids": [document], "action": action})).await.json();
            let problem = &answer["refused"][0]["problem"];
            assert_eq!((&answer["done"], &problem["code"], &problem["status"]), (&json!([]), &json!("document_on_hold"), &json!(409)));
        }
    }
    assert_eq!(app.send_empty("DELETE", &member, &format!("{path}/hold")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.get(&cookie, "/api/v1/documents?held=true").await.json()["items"].as_array().unwrap().len(), 1);

    app.send_json("PUT", &cookie, RETENTION, &json!({"days": 1})).await;
    app.advance(100 * DAY);
    let cookie = app.sign_in(OWNER).await;
    assert_eq!(app.get(&cookie, RETENTION).await.json()["documents_on_hold"], 1);
    assert_eq!(app.web.expire_documents().await.unwrap(), 0);
    assert_eq!(app.send_empty("DELETE", &cookie, &format!("{path}/hold")).await.json()["hold"], Value::Null);
    assert_eq!(app.get(&cookie, "/api/v1/documents?held=true").await.json()["items"], json!([]));
    assert_eq!(app.web.expire_documents().await.unwrap(), 1);
    // In the trash it can be held, too, and the emptying of the trash goes past it.
    app.send_json("PUT", &cookie, &format!("{path}/hold"), &json!({"reason": "Audit"})).await;
    app.advance(100 * DAY);
    assert_eq!(app.web.empty_trash(Duration::from_secs(30 * DAY)).await.unwrap(), 0);
    let cookie = app.sign_in(OWNER).await;
    assert_eq!(app.send_empty("DELETE", &cookie, &format!("{path}?forever=true")).await.code(), "document_on_hold");
    assert_eq!(app.stored_files(), 1);
    let log = app.get(&cookie, "/api/v1/audit").await.json();
    let told: Vec<&str> = log["items"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    for action in ["document.held", "document.hold_lifted", "document.expired", "organization.retention_set"] {
        assert!(told.contains(&action), "{action}: {told:?}");
    }
}
