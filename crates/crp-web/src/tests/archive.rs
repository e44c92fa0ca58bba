//! Many documents as one ZIP.

use std::io::{Cursor, Read as _};

use crp_model::{ArtifactKind, ObjectKey, Role};
use futures_util::StreamExt as _;
use http::StatusCode;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::{
    app::{OWNER, PDF, TestApp},
    jobs::finish_with,
};
use crate::documents::zip_stream::{ZipEntry, zip};

fn files(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(body)).unwrap();
    let read = (0..archive.len()).map(|at| {
        let mut file = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    });
    read.collect()
}

#[tokio::test]
async fn originals_come_under_names_of_their_own_with_a_manifest() {
    let app = TestApp::set_up().await;
    let cookie = app.user(Role::Viewer).await;
    let owner = app.sign_in(OWNER).await;
    let large = [PDF, &vec![b'x'; 300_000]].concat();
    let (one, _) = app.uploaded(&owner, PDF).await;
    let (two, _) = app.uploaded(&owner, &large).await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let answer = app.get(&cookie, &format!("/api/v1/documents/archive?ids={one},{nobody},{two},{one}")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/zip"));
    assert!(answer.header("content-disposition").contains("documents.zip"));
    let files = files(&answer.body);
    assert_eq!((files[0].0.as_str(), files[0].1.as_slice()), ("scan.pdf", PDF));
    assert_eq!((files[1].0.as_str(), &files[1].1), ("scan (2).pdf", &large));
    assert_eq!((files.len(), files[2].0.as_str()), (3, "manifest.json"));
    let manifest: Value = serde_json::from_slice(&files[2].1).unwrap();
    assert_eq!(manifest["files"], json!([{"document": one, "file": "scan.pdf"}, {"document": two, "file": "scan (2).pdf"}]));
    assert_eq!((&manifest["missing"][0]["document"], &manifest["missing"][0]["code"]), (&json!(nobody), &json!("not_found")));
}

#[tokio::test]
async fn what_no_job_has_made_and_what_is_gone_is_told_in_the_manifest() {
    let app = TestApp::set_up().await;
    let cookie = app.sign_in(OWNER).await;
    let (done, job) = app.uploaded(&cookie, PDF).await;
    finish_with(&app, &job, ArtifactKind::Text, b"the words").await;
    let (queued, _) = app.uploaded(&cookie, b"%PDF-1.4 two").await;
    let answer = app.get(&cookie, &format!("/api/v1/documents/archive?ids={done},{queued}&content=text")).await;
    let found = files(&answer.body);
    assert_eq!(found[0], ("scan.txt".to_owned(), b"the words".to_vec()));
    let manifest: Value = serde_json::from_slice(&found[1].1).unwrap();
    assert_eq!((&manifest["missing"][0]["document"], manifest["missing"].as_array().unwrap().len()), (&json!(queued), 1));
    std::fs::remove_dir_all(app.directory.path().join("objects")).unwrap();
    std::fs::create_dir(app.directory.path().join("objects")).unwrap();
    let answer = app.get(&cookie, &format!("/api/v1/documents/archive?ids={done}")).await;
    let manifest: Value = serde_json::from_slice(&files(&answer.body)[0].1).unwrap();
    assert_eq!(manifest["missing"][0]["code"], "object_damaged");
    for bad in ["", "ids=", "ids=x", "ids=,,", &format!("ids={done}&content=soul")] {
        assert_eq!(app.get(&cookie, &format!("/api/v1/documents/archive?{bad}")).await.code(), "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn an_object_that_breaks_in_the_middle_breaks_the_archive_off() {
    let app = TestApp::set_up().await;
    let organization = crp_store::setup::organizations(&app.web.store).await.unwrap()[0].0;
    let good = ObjectKey::original(organization, app.web.ambient.new_uuid());
    app.web.objects.put_bytes(&good, vec![b'x'; 200_000].into()).await.unwrap();
    let gone = ObjectKey::original(organization, app.web.ambient.new_uuid());
    let entries = [good, gone].map(|key| ZipEntry::Object { name: key.as_str().replace('/', "-"), key, size_bytes: 200_000 });
    let pieces: Vec<_> = zip(app.web.objects.clone(), entries.into()).collect().await;
    let (last, before) = pieces.split_last().unwrap();
    assert!(last.is_err() && !before.is_empty() && before.iter().all(Result::is_ok));
    let sent: Vec<u8> = before.iter().flat_map(|piece| piece.as_ref().unwrap().to_vec()).collect();
    assert!(ZipArchive::new(Cursor::new(sent)).is_err(), "it does not end well");
}

#[tokio::test]
async fn large_entries_are_written_in_the_form_for_large_files() {
    let app = TestApp::set_up().await;
    let organization = crp_store::setup::organizations(&app.web.store).await.unwrap()[0].0;
    let key = ObjectKey::original(organization, app.web.ambient.new_uuid());
    app.web.objects.put_bytes(&key, vec![b'x'; 1_000].into()).await.unwrap();
    let entry = ZipEntry::Object { name: "large.pdf".to_owned(), key, size_bytes: 5 * 1024 * 1024 * 1024 };
    let pieces: Vec<_> = zip(app.web.objects.clone(), vec![entry]).collect().await;
    let sent: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
    assert_eq!(files(&sent), [("large.pdf".to_owned(), vec![b'x'; 1_000])]);
}
