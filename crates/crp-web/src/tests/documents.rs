//! Uploads: streamed, looked at, stored once; nothing refused leaves anything behind.

use std::{convert::Infallible, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use crp_model::{Role, labels::UploadResult};
use futures_util::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::app::{OWNER, PDF, TestApp, form, request};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n rest";

#[tokio::test]
async fn an_upload_is_taken_and_its_bytes_come_back_as_they_were() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let answer = app.upload(&cookie, "scan.pdf", PDF).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let body = answer.json();
    let (document, job) = (body["document"]["id"].as_str().unwrap(), body["job"]["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{job}"));
    assert_eq!(body["document"]["size_bytes"], PDF.len());
    let content = app.get(&cookie, &format!("/api/v1/documents/{document}/content")).await;
    assert_eq!((content.status, content.body.as_slice()), (StatusCode::OK, PDF));
    assert_eq!(content.header("content-type"), "application/pdf");
    assert_eq!(content.header("content-disposition"), "attachment; filename=\"scan.pdf\"; filename*=UTF-8''scan.pdf");
    assert!(content.header("content-security-policy").starts_with("sandbox"));
    assert_eq!(content.header("x-content-type-options"), "nosniff");
    let shown = app.get(&cookie, &format!("/api/v1/documents/{document}")).await.json();
    assert_eq!((shown["name"].as_str(), shown["latest_job"]["id"].as_str()), (Some("scan.pdf"), Some(job)));
    assert_eq!(app.metrics.documents_total.get(UploadResult::Accepted), 1);
    assert_eq!(app.metrics.upload_bytes_total.get(), PDF.len() as u64);
}

#[tokio::test]
async fn the_same_bytes_twice_are_linked_and_stored_once() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (first, _) = app.uploaded(&cookie, PDF).await;
    assert_eq!(app.stored_files(), 1);
    let second = app.upload(&cookie, "again.pdf", PDF).await.json();
    assert_eq!(second["document"]["duplicate_of"], first);
    assert_eq!(app.stored_files(), 1);
    assert_eq!(app.metrics.documents_total.get(UploadResult::Duplicate), 1);
    let id = second["document"]["id"].as_str().unwrap();
    assert_eq!(app.get(&cookie, &format!("/api/v1/documents/{id}/content")).await.body, PDF);
}

#[tokio::test]
async fn an_idempotency_key_gets_the_first_answer_again() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let first = app.upload_with(&cookie, "a.pdf", PDF, &[], Some("key-1")).await.json();
    let again = app.upload_with(&cookie, "a.pdf", PDF, &[], Some("key-1")).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    let again = again.json();
    assert_eq!((&again["document"]["id"], &again["job"]["id"]), (&first["document"]["id"], &first["job"]["id"]));
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    assert_eq!((app.stored_files(), app.metrics.documents_total.get(UploadResult::Accepted)), (1, 1));
    let other = app.upload_with(&cookie, "a.png", PNG, &[], Some("key-1")).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!(app.stored_files(), 1, "the refused bytes are gone");
    let bad = app.upload_with(&cookie, "a.pdf", PDF, &[], Some(&"x".repeat(256))).await;
    assert_eq!(bad.code(), "invalid_request");
}

#[tokio::test]
async fn what_the_first_bytes_show_is_refused_and_leaves_nothing_behind() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let cases: [(&str, &[u8], StatusCode, &str); 7] = [
        ("empty", b"", StatusCode::UNPROCESSABLE_ENTITY, "empty_file"),
        ("text", b"hello", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type"),
        ("postscript named pdf", b"%!PS-Adobe-3.0", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type"),
        ("svg", b"<svg onload='x'/>", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type"),
        ("program", b"\x7fELF....", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type"),
        ("jpeg with a pdf inside", b"\xff\xd8\xff\xe0 %PDF-1.4", StatusCode::UNSUPPORTED_MEDIA_TYPE, "ambiguous_type"),
        ("zip with a pdf inside", b"PK\x03\x04 %PDF-1.4", StatusCode::UNSUPPORTED_MEDIA_TYPE, "ambiguous_type"),
    ];
    for (what, bytes, status, code) in cases {
        let answer = app.upload(&cookie, "scan.pdf", bytes).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}");
        assert!(!answer.json()["remedy"].as_str().unwrap().is_empty(), "{what}");
    }
    assert_eq!(app.metrics.documents_total.get(UploadResult::RejectedType), 7);
    assert_eq!((app.stored_files(), app.get(&cookie, "/api/v1/documents").await.json()["items"].clone()), (0, json!([])));
    assert_eq!(app.upload(&cookie, "scan.pdf", PDF).await.status, StatusCode::ACCEPTED, "the next good document works");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_announcement_and_by_counting() {
    let app = TestApp::set_up_with(|settings| settings.limits.max_upload_mebibytes = 1).await;
    let cookie = app.sign_in(OWNER).await;
    let large = [PDF, &vec![b'x'; 2 * 1024 * 1024]].concat();
    let body = form("large.pdf", &large, &[]);
    let announced = request("POST", "/api/v1/documents", &cookie)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .header(header::CONTENT_LENGTH, body.len());
    let chunks: Vec<Result<Bytes, Infallible>> = body.chunks(64 * 1024).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let counted = request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    for request in [announced.body(Body::from(body)).unwrap(), counted.body(Body::from_stream(stream::iter(chunks))).unwrap()] {
        let answer = app.send(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"), "{}", answer.text());
        assert!(answer.text().contains("1 MiB"));
    }
    assert_eq!(app.metrics.documents_total.get(UploadResult::RejectedSize), 2);
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let whole = form("scan.pdf", &[PDF, &vec![b'x'; 200_000]].concat(), &[]);
    let half = Bytes::copy_from_slice(&whole[..100_000]);
    let broken: [Result<Bytes, std::io::Error>; 2] = [Ok(half.clone()), Err(std::io::Error::other("connection reset"))];
    let ended: [Result<Bytes, std::io::Error>; 1] = [Ok(half)];
    for chunks in [Vec::from(broken), Vec::from(ended)] {
        let upload = request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        let answer = app.send(upload.body(Body::from_stream(stream::iter(chunks))).unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "incomplete_body"), "{}", answer.text());
    }
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn a_body_that_stands_still_ends_in_a_408() {
    let app = TestApp::set_up_with(|settings| settings.body_idle_timeout = Duration::from_millis(50)).await;
    let cookie = app.sign_in(OWNER).await;
    let half = Bytes::copy_from_slice(&form("scan.pdf", PDF, &[])[..100]);
    let stuck = futures_util::StreamExt::chain(stream::iter([Ok::<_, Infallible>(half)]), stream::pending());
    let upload = request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    let answer = app.send(upload.body(Body::from_stream(stuck)).unwrap()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::REQUEST_TIMEOUT, "request_timeout"), "{}", answer.text());
}

#[tokio::test]
async fn a_hostile_name_is_cleaned_or_refused_and_never_becomes_a_path() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let long = "x".repeat(4096);
    let cases: [(&str, Result<&str, &str>); 10] = [
        ("../../etc/passwd.pdf", Ok("passwd.pdf")),
        ("C:\\scans\\a b.pdf", Ok("a b.pdf")),
        ("inv\u{202e}fdp.exe", Ok("invfdp.exe")),
        ("%2e%2e%2fx.pdf", Ok("%2e%2e%2fx.pdf")),
        ("....//x.pdf", Ok("x.pdf")),
        ("<img src=x onerror=alert(1)>.pdf", Ok("<img src=x onerror=alert(1)>.pdf")),
        ("=cmd|' /C calc'!A0.pdf", Ok(" C calc'!A0.pdf")),
        ("", Ok("document")),
        ("a\0b.pdf", Err("bad_name")),
        (&long, Err("bad_name")),
    ];
    for (sent, expected) in cases {
        let answer = app.upload(&cookie, sent, PDF).await;
        match expected {
            Ok(name) => {
                assert_eq!(answer.status, StatusCode::ACCEPTED, "{sent:?}: {}", answer.text());
                assert_eq!(answer.json()["document"]["name"].as_str().unwrap().trim(), name.trim(), "{sent:?}");
            }
            Err(code) => assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{sent:?}"),
        }
    }
}

#[tokio::test]
async fn the_pipeline_may_stand_before_or_after_the_file() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let pipeline = async |job: &Value| {
        let id = job["job"]["id"].as_str().unwrap();
        app.get(&cookie, &format!("/api/v1/jobs/{id}")).await.json()["pipeline"]["name"].clone()
    };
    let before = app.upload_with(&cookie, "a.pdf", PDF, &[("pipeline", "fields")], None).await.json();
    assert_eq!(pipeline(&before).await, "fields");
    let mut after = form("a.pdf", PDF, &[]);
    after.truncate(after.len() - "--edge--\r\n".len());
    after.extend_from_slice(b"--edge\r\nContent-Disposition: form-data; name=\"pipeline\"\r\n\r\nfields\r\n--edge--\r\n");
    let post = request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    assert_eq!(pipeline(&app.send(post.body(after.into()).unwrap()).await.json()).await, "fields");
    let default = app.upload(&cookie, "a.pdf", PDF).await.json();
    assert_eq!(pipeline(&default).await, "searchable-pdf");
}

#[tokio::test]
async fn a_form_that_makes_no_sense_is_refused_and_its_file_removed() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("pipeline", "no-such-pipeline")], "pipeline_not_found"),
        (&[("colour", "red")], "invalid_value"),
        (&[("pipeline", "fields"), ("pipeline", "fields")], "invalid_value"),
        (&[("file", "%PDF-1.4 twice")], "invalid_value"),
    ];
    for (fields, code) in cases {
        let answer = app.upload_with(&cookie, "a.pdf", PDF, fields, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{fields:?}");
    }
    let empty = request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    assert_eq!(app.send(empty.body("--edge--\r\n".into()).unwrap()).await.code(), "invalid_value");
    let wrong_kind =
        request("POST", "/api/v1/documents", &cookie).header(header::CONTENT_TYPE, "application/pdf").body(PDF.into()).unwrap();
    assert_eq!(app.send(wrong_kind).await.code(), "unsupported_media_type");
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn without_room_on_the_disk_the_answer_is_507_before_a_byte_is_read() {
    let app = TestApp::set_up_with(|settings| settings.reserve.min_free_bytes = u64::MAX / 2).await;
    let cookie = app.sign_in(OWNER).await;
    let answer = app.upload(&cookie, "a.pdf", PDF).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn storage_that_is_away_is_a_503_with_retry_after_and_no_row() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let folder = app.directory.path().join("objects");
    std::fs::remove_dir_all(&folder).unwrap();
    // A file in the folder's place fails for every user, root included.
    std::fs::write(&folder, b"").unwrap();
    let answer = app.upload(&cookie, "a.pdf", PDF).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable"), "{}", answer.text());
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(app.get(&cookie, "/api/v1/documents").await.json()["items"], json!([]));
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
}

#[tokio::test]
async fn a_document_is_deleted_with_its_bytes_unless_another_shares_them() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (first, first_job) = app.uploaded(&cookie, PDF).await;
    let (second, second_job) = app.uploaded(&cookie, PDF).await;
    let running = app.send_empty("DELETE", &cookie, &format!("/api/v1/documents/{first}?forever=true")).await;
    assert_eq!((running.status, running.code().as_str()), (StatusCode::CONFLICT, "conflict"), "a job is not final");
    for job in [first_job, second_job] {
        assert_eq!(app.send_empty("POST", &cookie, &format!("/api/v1/jobs/{job}/cancel")).await.status, StatusCode::OK);
    }
    assert_eq!(app.send_empty("DELETE", &cookie, &format!("/api/v1/documents/{first}?forever=true")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&cookie, &format!("/api/v1/documents/{first}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get(&cookie, &format!("/api/v1/documents/{second}/content")).await.body, PDF);
    assert_eq!(app.send_empty("DELETE", &cookie, &format!("/api/v1/documents/{second}?forever=true")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn lists_come_in_pages_and_can_be_filtered() {
    let app = TestApp::set_up().await;
    let cookie = app.user(Role::Member).await;
    for at in 0..5 {
        app.advance(1);
        app.upload(&cookie, &format!("scan-{at}.pdf"), &[PDF, &[at]].concat()).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/documents?limit=2".to_owned();
    loop {
        let page = app.get(&cookie, &path).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/documents?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, ["scan-4.pdf", "scan-3.pdf", "scan-2.pdf", "scan-1.pdf", "scan-0.pdf"]);
    let found = app.get(&cookie, "/api/v1/documents?name=SCAN-3&status=queued").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    for bad in ["limit=0", "limit=201", "limit=x", "cursor=x", "status=lost", "colour=red", "sort=up", "from=1.1.2020", "trashed=maybe"] {
        let answer = app.get(&cookie, &format!("/api/v1/documents?{bad}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"), "{bad}");
    }
}
