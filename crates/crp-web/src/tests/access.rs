//! Every route declares who may call it, and is held to that.

use std::collections::{BTreeMap, BTreeSet};

use crp_model::{Role, labels::DenialKind};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::{Answer, PDF, TestApp, request};
use crate::{
    ROUTES,
    frame::access::Access,
    openapi::openapi,
    router::{Declared, declared},
};

/// Something that belongs to an organization and can be named in a path.
struct Named {
    document: String,
    job: String,
    pipeline: String,
}

fn path_of(route: &Declared, named: &Named) -> String {
    let id = if route.path.starts_with("/api/v1/documents") { &named.document } else { &named.job };
    route.path.replace("{id}", id).replace("{kind}", "text").replace("{page}", "1").replace("{name}", &named.pipeline)
}

async fn call(app: &TestApp, cookie: &str, route: &Declared, named: &Named) -> Answer {
    let path = path_of(route, named);
    match (route.method, route.path.as_str()) {
        ("POST", "/api/v1/documents") => app.upload(cookie, "scan.pdf", PDF).await,
        ("POST" | "PUT", path_template) if path_template.starts_with("/api/v1/pipelines") => {
            let source = format!("name: {}\nstages: [{{type: ocr}}]\n", named.pipeline);
            app.send_json(route.method, cookie, &path, &json!({"source": source})).await
        }
        ("PATCH", "/api/v1/documents/{id}") => app.send_json("PATCH", cookie, &path, &json!({"title": "x"})).await,
        ("PUT", "/api/v1/documents/{id}/hold") => app.send_json("PUT", cookie, &path, &json!({"reason": "x"})).await,
        ("PUT", "/api/v1/organization/retention") => app.send_json("PUT", cookie, &path, &json!({"days": null})).await,
        ("POST", "/api/v1/documents/bulk") => {
            let body = json!({"ids": [named.document], "action": "tag", "add_tags": ["x"]});
            app.send_json("POST", cookie, &path, &body).await
        }
        ("GET", "/api/v1/documents/archive") => app.get(cookie, &format!("{path}?ids={}", named.document)).await,
        ("GET", "/api/v1/events") => {
            let opened = app.open(request("GET", &path, cookie).body(axum::body::Body::empty()).unwrap()).await;
            if opened.status() == StatusCode::OK {
                // It would not end.
                return Answer { status: opened.status(), headers: opened.headers().clone(), body: Vec::new() };
            }
            app.get(cookie, &path).await
        }
        ("POST", "/api/v1/documents/{id}/jobs") => app.send_json("POST", cookie, &path, &json!({})).await,
        (method, _) => app.send_empty(method, cookie, &path).await,
    }
}

#[test]
fn every_documented_operation_is_declared_and_every_declared_one_documented() {
    let (routes, _) = declared();
    let told: BTreeSet<(String, String)> =
        routes.iter().filter(|route| route.is_operation).map(|route| (route.method.to_owned(), route.path.clone())).collect();
    let api = serde_json::to_value(openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    assert_eq!(told, documented);
}

#[test]
fn the_list_of_routes_for_the_metrics_is_the_routers() {
    let (routes, _) = declared();
    let router: BTreeSet<(String, String)> = routes.iter().map(|route| (route.method.to_owned(), route.path.clone())).collect();
    let listed: BTreeSet<(String, String)> = ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(router, listed);
    assert_eq!(routes.len(), ROUTES.len(), "no route is listed twice");
}

#[test]
fn the_permission_matrix_is_the_one_that_was_reviewed() {
    let (routes, _) = declared();
    let mut matrix = String::new();
    for route in &routes {
        let who = match route.access {
            Access::Public => "everybody".to_owned(),
            Access::Setup => "holder of the set-up link".to_owned(),
            Access::SignedIn => "signed in".to_owned(),
            Access::May(permission) => {
                Role::ALL.iter().filter(|role| role.may(permission)).map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
            }
        };
        matrix.push_str(&format!("{:6} {:46} {who}\n", route.method, route.path));
    }
    insta::assert_snapshot!(matrix);
}

#[tokio::test]
async fn nobody_gets_past_a_declaration_without_signing_in() {
    let app = TestApp::set_up().await;
    let nothing = Named { document: Uuid::nil().to_string(), job: Uuid::nil().to_string(), pipeline: "x".into() };
    for route in declared().0.iter().filter(|route| route.is_operation) {
        let answer = call(&app, "", route, &nothing).await;
        match route.access {
            Access::Public => assert_ne!(answer.status, StatusCode::FORBIDDEN, "{} {}", route.method, route.path),
            // This installation is set up already.
            Access::Setup => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {}", route.method, route.path),
            _ => assert_eq!(
                (answer.status, answer.code().as_str()),
                (StatusCode::UNAUTHORIZED, "not_signed_in"),
                "{} {}",
                route.method,
                route.path
            ),
        }
    }
}

#[tokio::test]
async fn a_role_that_may_not_gets_a_403_and_is_counted() {
    let app = TestApp::set_up().await;
    let nothing = Named { document: Uuid::nil().to_string(), job: Uuid::nil().to_string(), pipeline: "x".into() };
    let mut denied = 0;
    for role in Role::ALL {
        let cookie = app.user(role).await;
        for route in declared().0.iter().filter(|route| route.is_operation) {
            let Access::May(permission) = route.access else { continue };
            let answer = call(&app, &cookie, route, &nothing).await;
            if role.may(permission) {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{role:?} {} {}", route.method, route.path);
            } else {
                denied += 1;
                assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "role_may_not"), "{role:?} {}", route.path);
            }
        }
    }
    assert!(denied > 0);
    assert_eq!(app.metrics.authorization_denied_total.get(DenialKind::Role), denied);
}

#[tokio::test]
async fn another_organizations_things_look_like_things_that_do_not_exist() {
    let app = TestApp::set_up().await;
    let mine = app.user(Role::Owner).await;
    let (document, job) = app.uploaded(&mine, PDF).await;
    let source = json!({"source": "name: private\nstages: [{type: ocr}]\n"});
    assert_eq!(app.send_json("POST", &mine, "/api/v1/pipelines", &source).await.status, StatusCode::CREATED);
    let theirs = Named { document, job, pipeline: "private".into() };
    let nothing = Named { document: Uuid::nil().to_string(), job: Uuid::nil().to_string(), pipeline: "nothing".into() };
    let stranger = app.stranger().await;
    let mut asked = BTreeMap::new();
    for route in declared().0.iter().filter(|route| route.is_operation && route.path.contains('{') && route.method != "PUT") {
        let (of_others, of_nobody) = (call(&app, &stranger, route, &theirs).await, call(&app, &stranger, route, &nothing).await);
        assert_eq!(of_others.status, StatusCode::NOT_FOUND, "{} {}: {}", route.method, route.path, of_others.text());
        assert_eq!(without_instance(&of_others), without_instance(&of_nobody), "{} {}", route.method, route.path);
        asked.insert((route.method, route.path.clone()), of_others.status);
    }
    assert!(asked.len() >= 12, "{asked:?}");
    // Everything is still there for its owner, untouched.
    assert_eq!(app.get(&mine, &format!("/api/v1/jobs/{}", theirs.job)).await.json()["status"], "queued");
    assert_eq!(app.get(&mine, "/api/v1/pipelines/private").await.status, StatusCode::OK);
}

#[tokio::test]
async fn lists_show_nothing_of_another_organization_and_its_pipelines_cannot_be_run() {
    let app = TestApp::set_up().await;
    let mine = app.user(Role::Owner).await;
    app.uploaded(&mine, PDF).await;
    let source = json!({"source": "name: private\nstages: [{type: ocr}]\n"});
    let saved = app.send_json("POST", &mine, "/api/v1/pipelines", &source).await.json();
    let stranger = app.stranger().await;
    for path in ["/api/v1/documents", "/api/v1/jobs"] {
        assert_eq!(app.get(&stranger, path).await.json()["items"], json!([]), "{path}");
    }
    assert_eq!(app.get(&stranger, "/api/v1/users").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&stranger, "/api/v1/overview").await.json()["documents"], 0);
    for pipeline in ["private", saved["id"].as_str().unwrap()] {
        let answer = app.upload_with(&stranger, "a.pdf", PDF, &[("pipeline", pipeline)], None).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "pipeline_not_found"));
    }
    // The same bytes of another organization are no duplicate.
    assert_eq!(app.upload(&stranger, "a.pdf", PDF).await.json()["document"]["duplicate_of"], Value::Null);
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(super::app::OWNER).await;
    crp_store::login::set_password(&app.web.store, super::app::OWNER, &app.hash("another password")).await.unwrap();
    assert_eq!(app.get(&cookie, "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
}

fn without_instance(answer: &Answer) -> Value {
    let mut body = answer.json();
    body["instance"] = Value::Null;
    body
}
