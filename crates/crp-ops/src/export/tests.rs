//! An export holds every byte under a name that people know, and says what is missing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use crp_model::{Code, Failure, Sha256Hash};
use crp_store::{
    audit,
    documents::{self, DocumentChange},
    pipelines,
};

use super::{Export, Manifest, manifest::ExportedDocument, run};
use crate::fixtures::{Installed, flip, unwatched};

async fn export(installed: &Installed, target: &Path) -> Result<Manifest, Failure> {
    let export = Export { store: &installed.store, objects: &installed.objects, scope: installed.scope, crpipeline: "1.2.3" };
    run(&export, target, &unwatched).await
}

/// The files of an archive.
fn read(target: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(File::open(target).unwrap()).unwrap();
    (0..zip.len())
        .map(|at| {
            let mut file = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().to_string(), bytes)
        })
        .collect()
}

fn lines(files: &BTreeMap<String, Vec<u8>>) -> Vec<ExportedDocument> {
    let text = String::from_utf8(files["documents.jsonl"].clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every file that a line names has the bytes that the line tells.
fn compare(files: &BTreeMap<String, Vec<u8>>, manifest: &Manifest) -> u64 {
    let mut compared = 0;
    for line in lines(files) {
        let artifacts = line.jobs.iter().flat_map(|job| &job.artifacts).map(|artifact| (&artifact.file, artifact.sha256));
        for (file, sha256) in artifacts.chain([(&line.file, line.sha256)]) {
            if let Some(file) = file {
                assert_eq!(Sha256Hash::of(&files[file]), sha256, "{file}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, manifest.files);
    assert_eq!(serde_json::from_slice::<Manifest>(&files["manifest.json"]).unwrap(), *manifest);
    for list in [&manifest.documents, &manifest.audit_log] {
        assert_eq!(Sha256Hash::of(&files[&list.file]), list.sha256);
        assert_eq!(files[&list.file].iter().filter(|byte| **byte == b'\n').count() as u64, list.lines);
    }
    compared
}

async fn everything_is_there(installed: Installed) {
    let store = &installed.store;
    let (first, second) = (installed.read("one").await, installed.read("two").await);
    let change =
        DocumentChange { title: Some(Some("Größe".to_owned())), tags: Some(vec!["tax".to_owned()]), ..DocumentChange::default() };
    documents::change(store, &installed.scope, first.document, &change).await.unwrap();
    documents::hold(store, &installed.scope, first.document, "lawsuit").await.unwrap();
    documents::trash(store, &installed.scope, second.document).await.unwrap();
    for _ in 0..2 {
        pipelines::save(store, &installed.scope, "own", "name: own\nstages: [{type: ocr}]\n").await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("all.zip");
    let manifest = export(&installed, &target).await.unwrap();
    assert_eq!((manifest.documents.lines, manifest.jobs, manifest.files, manifest.missing.len()), (2, 2, 4, 0));
    assert_eq!((manifest.organization.name.as_str(), manifest.users[0].email.as_str()), ("one", "first@example.org"));
    assert_eq!(manifest.pipelines.iter().map(|own| own.version).collect::<Vec<_>>(), [1, 2]);
    let files = read(&target);
    assert_eq!(compare(&files, &manifest), 4);
    assert_eq!(files["documents/000001 one/original/one.pdf"], b"one");
    assert_eq!(files["documents/000002 two/original/two.pdf"], b"two", "what is in the trash comes last");
    assert!(files.contains_key("documents/000001 one/results/1 searchable-pdf/text.txt"), "{:?}", files.keys());
    let documents = lines(&files);
    assert_eq!((documents[0].title.as_deref(), &documents[0].tags), (Some("Größe"), &vec!["tax".to_owned()]));
    assert_eq!(documents[0].hold.as_ref().map(|hold| hold.reason.as_str()), Some("lawsuit"));
    assert!(documents[1].trashed_at.is_some() && documents[0].trashed_at.is_none());
    assert!(!files.values().any(|bytes| bytes.windows(10).any(|some| some == b"$argon2id$")), "no hash of a password");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    assert_eq!(export(&installed, &target).await.unwrap_err().code, Code::TargetNotEmpty);
    let log = audit::list(store, &installed.scope, None, 200).await.unwrap().items;
    assert!(log.iter().any(|line| line.action == "organization.exported"));
}

#[tokio::test]
async fn everything_of_a_folder_is_in_the_export() {
    everything_is_there(Installed::on_folder().await).await;
}

#[tokio::test]
async fn everything_of_a_bucket_is_in_the_export() {
    everything_is_there(Installed::on_s3().await).await;
}

#[tokio::test]
async fn what_is_damaged_or_gone_is_named_and_not_taken_along() {
    let installed = Installed::on_folder().await;
    let (first, second, third) = (installed.read("one").await, installed.read("two").await, installed.read("three").await);
    flip(&installed.file(&installed.original_of(first.document).await));
    fs::remove_file(installed.file(&installed.text_key(second.job))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("all.zip");
    let manifest = export(&installed, &target).await.unwrap();
    let missing: Vec<_> = manifest.missing.iter().map(|one| (one.document, one.job, one.kind.as_str(), one.failure.code)).collect();
    let expected =
        [(first.document, None, "original", Code::ObjectDamaged), (second.document, Some(second.job), "text", Code::ObjectDamaged)];
    for one in expected {
        assert!(missing.contains(&one), "{missing:?}");
    }
    assert_eq!(missing.len(), 2);
    let files = read(&target);
    assert_eq!(compare(&files, &manifest), 4);
    let line = lines(&files).into_iter().find(|line| line.id == first.document).unwrap();
    assert_eq!((line.file, line.jobs[0].artifacts.len()), (None, 1), "its line is there");
    assert!(lines(&files).iter().any(|line| line.id == third.document));
}

#[tokio::test]
async fn a_storage_that_is_away_leaves_no_file() {
    let installed = Installed::on_s3().await;
    installed.read("one").await;
    installed.s3.as_ref().unwrap().fail_all(Some(crp_testkit::s3_server::Fault::Status(503)));
    let folder = tempfile::tempdir().unwrap();
    let refused = export(&installed, &folder.path().join("all.zip")).await.unwrap_err();
    assert_eq!(refused.code, Code::StorageUnavailable);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn documents_of_the_same_name_have_folders_of_their_own() {
    let installed = Installed::on_folder().await;
    for _ in 0..3 {
        installed.read("same").await;
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("all.zip");
    let manifest = export(&installed, &target).await.unwrap();
    assert_eq!(compare(&read(&target), &manifest), 6, "duplicates are whole, too");
}
