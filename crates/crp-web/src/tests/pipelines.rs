//! Pipelines: saved as YAML or JSON, checked with line numbers, built-in ones untouchable.

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::json;

use super::app::{Answer, OWNER, PDF, TestApp, request};

const LETTERS: &str = "name: letters\nstages:\n  - type: ocr\n    languages: [eng]\n";

async fn post_yaml(app: &TestApp, cookie: &str, source: &str) -> Answer {
    let post = request("POST", "/api/v1/pipelines", cookie).header(header::CONTENT_TYPE, "text/yaml; charset=utf-8");
    app.send(post.body(Body::from(source.to_owned())).unwrap()).await
}

#[tokio::test]
async fn the_built_in_pipelines_are_there_from_the_start_and_stay() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let list = app.get(&cookie, "/api/v1/pipelines").await.json();
    let names: Vec<&str> = list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["searchable-pdf", "fields"]);
    assert_eq!(app.get(&cookie, "/api/v1/pipelines/fields").await.json()["stages"], json!(["ocr", "parse"]));
    assert_eq!(app.send_empty("DELETE", &cookie, "/api/v1/pipelines/fields").await.status, StatusCode::CONFLICT);
    let taken = post_yaml(&app, &cookie, "name: fields\nstages: [{type: ocr}]\n").await;
    assert_eq!((taken.status, taken.code().as_str()), (StatusCode::CONFLICT, "conflict"));
}

#[tokio::test]
async fn a_pipeline_is_saved_in_versions_and_deleted_as_a_whole() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let first = post_yaml(&app, &cookie, LETTERS).await;
    assert_eq!((first.status, &first.json()["version"]), (StatusCode::CREATED, &json!(1)), "{}", first.text());
    let second = app.send_json("PUT", &cookie, "/api/v1/pipelines/letters", &json!({"source": LETTERS})).await;
    assert_eq!((second.status, &second.json()["version"]), (StatusCode::OK, &json!(2)));
    let by_id = app.get(&cookie, &format!("/api/v1/pipelines/{}", first.json()["id"].as_str().unwrap())).await.json();
    assert_eq!((&by_id["version"], &by_id["source"]), (&json!(1), &json!(LETTERS)));
    let other = app.send_json("PUT", &cookie, "/api/v1/pipelines/words", &json!({"source": LETTERS})).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"));
    assert_eq!(app.send_empty("DELETE", &cookie, "/api/v1/pipelines/letters").await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&cookie, "/api/v1/pipelines/letters").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_built_in_pipeline_is_found_by_its_constant_id_and_as_untouchable_by_it() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let list = app.get(&cookie, "/api/v1/pipelines").await.json();
    let ids: Vec<&str> = list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["019b76da-a800-7000-8000-000000000001", "019b76da-a800-7000-8000-000000000002"], "scripts keep them");
    assert!(ids.iter().all(|id| id.parse::<uuid::Uuid>().unwrap().get_version_num() == 7));
    let fields = ids[1];
    let path = format!("/api/v1/pipelines/{fields}");
    assert_eq!(app.get(&cookie, &path).await.json(), list["items"][1]);
    let put = app.send_json("PUT", &cookie, &path, &json!({"source": LETTERS})).await;
    assert_eq!((put.status, put.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!(app.send_empty("DELETE", &cookie, &path).await.status, StatusCode::CONFLICT);
    let disguised = post_yaml(&app, &cookie, &format!("name: {fields}\nstages: [{{type: ocr}}]\n")).await;
    assert_eq!((disguised.status, disguised.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_pipeline"));
    let uploaded = app.upload_with(&cookie, "a.pdf", PDF, &[("pipeline", fields)], None).await.json();
    let job = app.get(&cookie, &format!("/api/v1/jobs/{}", uploaded["job"]["id"].as_str().unwrap())).await.json();
    assert_eq!(job["pipeline"], json!({"name": "fields", "version": 0}));
    let again = format!("/api/v1/documents/{}/jobs", uploaded["document"]["id"].as_str().unwrap());
    let again = app.send_json("POST", &cookie, &again, &json!({"pipeline": fields})).await;
    assert_eq!((again.status, &again.json()["pipeline"]["name"]), (StatusCode::ACCEPTED, &json!("fields")));
}

#[tokio::test]
async fn a_document_is_run_again_without_a_body_and_a_body_still_needs_its_content_type() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, _) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}/jobs");
    let bare = app.send_empty("POST", &cookie, &path).await;
    assert_eq!((bare.status, &bare.json()["pipeline"]["name"]), (StatusCode::ACCEPTED, &json!("searchable-pdf")), "{}", bare.text());
    let typed = request("POST", &path, &cookie).header(header::CONTENT_TYPE, "application/json").body(Body::empty()).unwrap();
    assert_eq!(app.send(typed).await.status, StatusCode::ACCEPTED);
    assert_eq!(app.send_json("POST", &cookie, &path, &json!(null)).await.status, StatusCode::ACCEPTED, "the document allows it");
    let untyped = app.send(request("POST", &path, &cookie).body(Body::from("{\"pipeline\":\"fields\"}")).unwrap()).await;
    assert_eq!((untyped.status, untyped.code().as_str()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"));
    let unknown = app.send_json("POST", &cookie, &path, &json!({"pipelin": "fields"})).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_bad_pipeline_is_refused_with_its_line() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let cases = [
        ("name: x\nstages:\n  - type: ocr\n    langages: [eng]\n", "invalid_pipeline", "Line 4"),
        ("name: x\nstages:\n  - type: ocr\n    command: rm -rf /\n", "invalid_pipeline", "Line 4"),
        ("name: x\nstages:\n  - type: ocr\n  - type: ai\n    prompt: p\n    schema: {}\n", "stage_not_available", "ai"),
        (": : :", "invalid_pipeline", ""),
        ("name: x\nstages: [{type: ocr}]\n# \0", "invalid_pipeline", "NUL"),
    ];
    for (source, code, told) in cases {
        let answer = post_yaml(&app, &cookie, source).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{source}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(told), "{}", answer.text());
    }
    let long = post_yaml(&app, &cookie, &"x".repeat(300 * 1024)).await;
    assert_eq!((long.status, long.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
    let kind = request("POST", "/api/v1/pipelines", &cookie).header(header::CONTENT_TYPE, "text/plain").body(LETTERS.into()).unwrap();
    assert_eq!(app.send(kind).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let bytes =
        request("POST", "/api/v1/pipelines", &cookie).header(header::CONTENT_TYPE, "text/yaml").body(vec![0xff, 0xfe].into()).unwrap();
    assert_eq!(app.send(bytes).await.code(), "invalid_pipeline");
}

#[tokio::test]
async fn a_pipeline_is_checked_without_being_saved_and_its_mistake_has_a_place() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let check = async |source: &str| app.send_json("POST", &cookie, "/api/v1/pipelines/check", &json!({"source": source})).await;
    let good = check(LETTERS).await;
    assert_eq!((good.status, good.json()), (StatusCode::OK, json!({"problems": [], "name": "letters", "stages": ["ocr"]})));
    assert_eq!(app.get(&cookie, "/api/v1/pipelines/letters").await.status, StatusCode::NOT_FOUND, "nothing is saved");
    let bad = check("name: x\nstages:\n  - type: ocr\n    fields: []\n").await.json();
    let problem = &bad["problems"][0];
    assert_eq!((&problem["line"], &problem["column"], &bad["name"]), (&json!(4), &json!(13), &json!(null)));
    assert!(problem["message"].as_str().unwrap().starts_with("The key \"fields\" belongs"), "{bad}");
    assert!(!problem["remedy"].as_str().unwrap().is_empty());
    let future = check("name: x\nstages:\n  - type: ocr\n  - type: report\n    template: t\n").await.json();
    assert_eq!(future["problems"][0]["line"], 4);
    let taken = post_yaml(&app, &cookie, "name: check\nstages: [{type: ocr}]\n").await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "the address is taken");
}

#[tokio::test]
async fn a_pipeline_that_is_not_saved_is_tried_on_a_document() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (document, _) = app.uploaded(&cookie, PDF).await;
    let path = format!("/api/v1/documents/{document}/jobs");
    let tried = app.send_json("POST", &cookie, &path, &json!({"source": LETTERS})).await;
    assert_eq!((tried.status, &tried.json()["source"]), (StatusCode::ACCEPTED, &json!(LETTERS)), "{}", tried.text());
    assert_eq!(tried.json()["pipeline"], json!({"name": "letters", "version": 0}));
    assert_eq!(app.get(&cookie, "/api/v1/pipelines/letters").await.status, StatusCode::NOT_FOUND);
    let both = app.send_json("POST", &cookie, &path, &json!({"source": LETTERS, "pipeline": "fields"})).await;
    assert_eq!((both.status, both.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"));
    let bad = app.send_json("POST", &cookie, &path, &json!({"source": "name: x\nstages: []\n"})).await;
    assert_eq!((bad.status, bad.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_pipeline"));
}

#[tokio::test]
async fn the_schema_of_pipelines_is_there_for_everybody() {
    let app = TestApp::set_up().await;
    let schema = app.get("", "/api/pipeline.schema.json").await;
    assert_eq!((schema.status, schema.header("content-type")), (StatusCode::OK, "application/schema+json"));
    assert_eq!(schema.text(), crp_model::PipelineFile::json_schema_text());
}
