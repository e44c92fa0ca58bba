//! The lists that are read as a whole come in the same pages as the long ones.

use crp_model::Role;
use http::StatusCode;
use serde_json::{Value, json};

use super::app::{OWNER, TestApp};

/// Every row of a list, two by two; checks that no page is larger.
async fn walk(app: &TestApp, cookie: &str, list: &str, column: &str) -> Vec<String> {
    let (mut rows, mut path) = (Vec::new(), format!("{list}?limit=2"));
    loop {
        let page = app.get(cookie, &path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()), "{page}");
        rows.extend(items.iter().map(|item| item[column].as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::String(cursor) => path = format!("{list}?limit=2&cursor={cursor}"),
            end => {
                assert!(page.as_object().unwrap().contains_key("next_cursor") && end.is_null(), "{page}");
                return rows;
            }
        }
    }
}

async fn save(app: &TestApp, cookie: &str, name: &str) {
    let source = format!("name: {name}\nstages: [{{type: ocr}}]\n");
    assert_eq!(app.send_json("POST", cookie, "/api/v1/pipelines", &json!({"source": source})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn every_row_of_pipelines_users_and_organizations_is_on_exactly_one_page() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    for name in ["b", "a"] {
        save(&app, &cookie, name).await;
    }
    assert_eq!(walk(&app, &cookie, "/api/v1/pipelines", "name").await, ["searchable-pdf", "fields", "a", "b"]);
    save(&app, &cookie, "c").await;
    assert_eq!(walk(&app, &cookie, "/api/v1/pipelines", "name").await, ["searchable-pdf", "fields", "a", "b", "c"]);
    for role in [Role::Viewer, Role::Member] {
        app.user(role).await;
    }
    let users = walk(&app, &cookie, "/api/v1/users", "email").await;
    assert!(users.len() == 3 && users.is_sorted(), "{users:?}");
    assert_eq!(walk(&app, &cookie, "/api/v1/organizations", "name").await, ["First"]);
}

#[tokio::test]
async fn a_pipeline_that_is_saved_between_two_pages_does_not_break_the_walk() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    save(&app, &cookie, "a").await;
    save(&app, &cookie, "b").await;
    let first = app.get(&cookie, "/api/v1/pipelines?limit=3").await.json();
    save(&app, &cookie, "a").await;
    let path = format!("/api/v1/pipelines?cursor={}", first["next_cursor"].as_str().unwrap());
    let second = app.get(&cookie, &path).await.json();
    assert_eq!((&second["items"][0]["name"], second["items"].as_array().unwrap().len()), (&json!("b"), 1));
    app.send_empty("DELETE", &cookie, "/api/v1/pipelines/a").await;
    assert_eq!(app.get(&cookie, &path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_no_page_is_refused_in_plain_words() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    for list in ["pipelines", "users", "organizations"] {
        for bad in ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=00000000000000000000000000000000", "colour=red"] {
            let answer = app.get(&cookie, &format!("/api/v1/{list}?{bad}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"), "{list} {bad}");
        }
    }
    let told = [
        ("/api/v1/users?colour=red", "There is no parameter \"colour\" here; known: \"cursor\" or \"limit\""),
        ("/api/v1/users?limit=x", "\"limit\" cannot be read: it is not a whole number in its range"),
        ("/api/v1/jobs/x", "\"id\" in the address is not an id; an id is a UUID as the lists show it"),
    ];
    for (path, detail) in told {
        assert_eq!(app.get(&cookie, path).await.json()["detail"], detail, "{path}");
    }
}
