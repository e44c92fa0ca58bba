//! Documents as people keep them: title, date, tags, search, trash, many at a time.

use std::time::Duration;

use crp_model::{ArtifactKind, Role};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    app::{OWNER, PDF, TestApp},
    jobs::finish_with,
};

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn title_date_and_tags_are_changed_one_by_one_and_cleared_with_null() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, _) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}");
    let fresh = app.get(&cookie, &path).await.json();
    for (field, value) in [
        ("title", json!(null)),
        ("document_date", json!(null)),
        ("tags", json!([])),
        ("trashed_at", json!(null)),
        ("hold", json!(null)),
        ("thumbnail", json!(null)),
        ("hit", json!(null)),
    ] {
        assert_eq!(fresh.get(field), Some(&value), "{field}");
    }
    assert_eq!((&fresh["latest_job"]["status"], &fresh["latest_job"]["pipeline"]), (&json!("queued"), &json!("searchable-pdf")));
    let all = json!({"title": " Letter ", "document_date": "2024-02-29", "tags": [" Tax", "home", "HOME"]});
    let changed = app.send_json("PATCH", &cookie, &path, &all).await.json();
    assert_eq!(
        (&changed["title"], &changed["document_date"], &changed["tags"]),
        (&json!("Letter"), &json!("2024-02-29"), &json!(["HOME", "Tax"]))
    );
    let changed = app.send_json("PATCH", &cookie, &path, &json!({"title": null})).await.json();
    assert_eq!((&changed["title"], &changed["document_date"]), (&json!(null), &json!("2024-02-29")));
    let long = "x".repeat(256);
    let refused = [
        json!({"title": long}),
        json!({"title": "a\u{7}b"}),
        json!({"document_date": "2023-02-29"}),
        json!({"tags": ["x".repeat(65)]}),
        json!({"tags": [" "]}),
        json!({"tags": ["a,b"]}),
        json!({"tags": vec!["x"; 51]}),
        json!({"colour": "red"}),
        json!({"name": "other.pdf"}),
    ];
    for body in refused {
        let answer = app.send_json("PATCH", &cookie, &path, &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"),
            "{body}: {}",
            answer.text()
        );
    }
    assert_eq!(
        app.get(&cookie, "/api/v1/tags").await.json(),
        json!({"items": [{"tag": "HOME", "documents": 1}, {"tag": "Tax", "documents": 1}]})
    );
}

#[tokio::test]
async fn a_search_tells_page_and_sentence_and_goes_on_with_its_cursor() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    for at in 0..3 {
        app.advance(1);
        let (_, job) = app.uploaded(&cookie, &[PDF, &[at]].concat()).await;
        finish_with(&app, &job, ArtifactKind::Text, b"text").await;
    }
    let first = app.get(&cookie, "/api/v1/documents?q=wor&limit=2").await.json();
    let parts =
        json!([{"text": "The ", "is_match": false}, {"text": "words", "is_match": true}, {"text": " of a page.", "is_match": false}]);
    assert_eq!(first["items"][0]["hit"], json!({"page": 1, "parts": parts}));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&cookie, &format!("/api/v1/documents?q=wor&limit=2&cursor={cursor}")).await.json();
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next_cursor"]), (1, &json!(null)));
    let by_name = app.get(&cookie, "/api/v1/documents?q=scan&sort=title").await.json();
    assert_eq!((by_name["items"].as_array().unwrap().len(), &by_name["items"][0]["hit"]), (3, &json!(null)));
    for bad in [
        format!("q=wor&sort=title&cursor={cursor}"),
        format!("cursor={cursor}"),
        format!("q={}", "a+".repeat(40)),
        "tag=".to_owned() + &"x".repeat(4000),
    ] {
        let answer = app.get(&cookie, &format!("/api/v1/documents?{bad}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"), "{bad}");
    }
    for hostile in ["%22", "%27", "*", "(", "NEAR(a+b)", "a%00b", "%22a%22*", "-", ":", "%5C"] {
        assert_eq!(app.get(&cookie, &format!("/api/v1/documents?q={hostile}")).await.status, StatusCode::OK, "{hostile}");
    }
    assert_eq!(app.get(&cookie, "/api/v1/documents?q=absent").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_deleted_document_lies_in_the_trash_and_its_job_is_stopped() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, job) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}");
    assert_eq!(app.send_empty("DELETE", &cookie, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.send_empty("DELETE", &cookie, &path).await.status, StatusCode::NO_CONTENT, "it lies there already");
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["status"], "cancelled");
    assert_eq!(app.get(&cookie, "/api/v1/documents").await.json()["items"], json!([]));
    assert_eq!(names(&app.get(&cookie, "/api/v1/documents?trashed=true").await.json()), ["scan.pdf"]);
    assert!(app.get(&cookie, &path).await.json()["trashed_at"].is_string());
    assert_eq!(app.get(&cookie, "/api/v1/overview").await.json()["documents"], 0);
    let run = app.send_json("POST", &cookie, &format!("{path}/jobs"), &json!({})).await;
    assert_eq!((run.status, run.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    let restored = app.send_empty("POST", &cookie, &format!("{path}/restore")).await;
    assert_eq!((restored.status, &restored.json()["trashed_at"]), (StatusCode::OK, &json!(null)));
    assert_eq!(app.stored_files(), 1);
    app.send_empty("DELETE", &cookie, &path).await;
    app.advance(29 * 24 * 3600);
    let kept = Duration::from_secs(30 * 24 * 3600);
    assert_eq!(app.web.empty_trash(kept).await.unwrap(), 0);
    app.advance(2 * 24 * 3600);
    assert_eq!(app.web.empty_trash(kept).await.unwrap(), 1);
    assert_eq!(app.stored_files(), 0);
    let cookie = app.sign_in(OWNER).await;
    assert_eq!(app.get(&cookie, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_action_on_many_tells_what_was_done_and_what_was_refused() {
    let app = TestApp::set_up().await;
    let cookie = app.user(Role::Member).await;
    let (one, _) = app.uploaded(&cookie, PDF).await;
    let (two, job) = app.uploaded(&cookie, b"%PDF-1.4 two").await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let act = async |body: Value| app.send_json("POST", &cookie, "/api/v1/documents/bulk", &body).await;
    let tagged = act(json!({"ids": [one, nobody, two, one], "action": "tag", "add_tags": ["a", "b"], "remove_tags": ["B"]})).await.json();
    assert_eq!(tagged["done"], json!([one, two]));
    assert_eq!((&tagged["refused"][0]["id"], &tagged["refused"][0]["problem"]["code"]), (&json!(nobody), &json!("not_found")));
    assert_eq!(app.get(&cookie, &format!("/api/v1/documents/{one}")).await.json()["tags"], json!(["a"]));
    assert_eq!(act(json!({"ids": [one], "action": "run", "pipeline": "fields"})).await.json()["done"], json!([one]));
    assert_eq!(app.get(&cookie, &format!("/api/v1/documents/{one}")).await.json()["latest_job"]["pipeline"], "fields");
    let deleted = act(json!({"ids": [one, two], "action": "delete"})).await.json();
    assert_eq!((deleted["done"].as_array().unwrap().len(), &deleted["refused"][1]["problem"]["code"]), (0, &json!("conflict")));
    assert_eq!(act(json!({"ids": [one, two], "action": "trash"})).await.json()["done"], json!([one, two]));
    assert_eq!(app.get(&cookie, &format!("/api/v1/jobs/{job}")).await.json()["status"], "cancelled");
    assert_eq!(act(json!({"ids": [two], "action": "restore"})).await.json()["done"], json!([two]));
    assert_eq!(act(json!({"ids": [one, two], "action": "delete"})).await.json()["done"], json!([one, two]));
    assert_eq!(app.stored_files(), 0);
    let refused = [
        json!({"ids": [], "action": "trash"}),
        json!({"ids": vec![nobody; 501], "action": "trash"}),
        json!({"ids": [one], "action": "tag"}),
        json!({"ids": [one], "action": "trash", "add_tags": ["x"]}),
        json!({"ids": [one], "action": "trash", "pipeline": "fields"}),
        json!({"ids": [one], "action": "shred"}),
        json!({"ids": [one], "action": "run", "pipeline": "no-such"}),
    ];
    for body in refused {
        assert_eq!(act(body.clone()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
}
