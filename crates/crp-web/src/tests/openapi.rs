//! The OpenAPI document: complete, and the same as last time.

use http::StatusCode;
use serde_json::Value;

use super::app::TestApp;
use crate::openapi::openapi;

fn operations(api: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    operations
}

#[test]
fn the_operations_and_their_answers_are_the_ones_that_were_reviewed() {
    let api = serde_json::to_value(openapi()).unwrap();
    let mut told = String::new();
    for (name, operation) in operations(&api) {
        let answers: Vec<&str> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        told.push_str(&format!("{name}: {}\n", answers.join(" ")));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_operation_has_a_name_a_summary_and_described_answers() {
    let api = serde_json::to_value(openapi()).unwrap();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"), "{}", api["openapi"]);
    let mut names = Vec::new();
    for (name, operation) in operations(&api) {
        assert!(operation["summary"].is_string(), "{name}");
        names.push(operation["operationId"].as_str().unwrap().to_owned());
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{name} {status}");
            let is_refusal = status.starts_with(['4', '5']) && name != "GET /readyz";
            assert!(!is_refusal || answer["content"]["application/problem+json"].is_object(), "{name} {status}");
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "operation ids are unique");
}

#[test]
fn every_reference_leads_to_a_schema() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(link)) = members.get("$ref") {
                    found.push(link.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let api = serde_json::to_value(openapi()).unwrap();
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(found.len() > 50);
    for link in found {
        assert!(api.pointer(link.trim_start_matches('#')).is_some(), "{link}");
    }
}

#[tokio::test]
async fn the_document_and_the_reference_are_served_without_script_and_network() {
    let app = TestApp::set_up().await;
    let document = app.get("", "/api/openapi.json").await;
    assert_eq!((document.status, document.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(document.json()["info"]["title"], "crPipeline");
    let page = app.get("", "/api/reference").await.text();
    for (name, operation) in operations(&document.json()) {
        assert!(page.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())), "{name}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
}
