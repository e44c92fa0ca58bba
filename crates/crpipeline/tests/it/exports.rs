//! Everything of an organization as a file, and failed jobs tried again, from the command line beside a running server.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use crp_model::Sha256Hash;
use crp_testkit::{
    CommandLine, Server, ServerPlan, Upload, poll,
    postgres::FreshDatabase,
    s3_server::{Fault, S3Server},
    samples,
};
use http::Method;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

fn on(folder: &Path, server: &Server) -> CommandLine {
    CommandLine::new(BINARY, folder).env("CRPIPELINE_DATA_DIR", server.data_dir().display().to_string())
}

fn with_s3(line: CommandLine, s3: &S3Server) -> CommandLine {
    line.env("S3_BUCKET", s3.bucket())
        .env("AWS_ENDPOINT_URL", s3.endpoint())
        .env("AWS_REGION", s3.region())
        .env("AWS_ACCESS_KEY_ID", s3.access_key())
        .env("AWS_SECRET_ACCESS_KEY", s3.secret_key())
}

fn read(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(File::open(file).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.name().unwrap().to_string(), bytes);
    }
    files
}

/// Exports beside the server, and finds every byte of the document in the file.
async fn everything_is_exported(server: &Server, line: &CommandLine, folder: &Path) {
    let api = server.admin().await;
    let slips = samples::slips(2);
    let ids = api.accepted(&Upload::of("Größe: 3/4.pdf", &slips).through("fields")).await;
    api.succeeded_job(&ids.job).await;
    let ran = line.run(&["export", "--to", "all.zip", "--json"]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let told = ran.json_lines().remove(0);
    assert_eq!((told["documents"].as_u64(), told["missing"].as_array().map(Vec::len)), (Some(1), Some(0)), "{told}");
    let files = read(&folder.join("all.zip"));
    let text = String::from_utf8(files["documents.jsonl"].clone()).unwrap();
    let document: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(document["id"], ids.document.as_str());
    assert!(files[document["file"].as_str().unwrap()] == slips, "the original, byte for byte");
    let artifacts = document["jobs"][0]["artifacts"].as_array().unwrap();
    assert!(artifacts.len() >= 5, "{artifacts:?}");
    for artifact in artifacts {
        let file = &files[artifact["file"].as_str().unwrap()];
        assert_eq!(artifact["sha256"], Sha256Hash::of(file).to_string());
        assert!(*file == api.artifact(&ids.job, artifact["kind"].as_str().unwrap()).await, "{artifact}");
    }
    let twice = line.run(&["export", "--to", "all.zip"]).await;
    assert!(twice.code == Some(2) && twice.stderr.contains("target_not_empty"), "{}", twice.stderr);
    let log = api.get("/api/v1/audit").await.expect(200).json();
    assert!(log.to_string().contains("organization.exported"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_exported_from_sqlite_and_a_folder_and_what_is_damaged_is_named() {
    let server = Server::start(BINARY).await;
    let folder = tempfile::tempdir().unwrap();
    let line = on(folder.path(), &server);
    everything_is_exported(&server, &line, folder.path()).await;

    let original = server.files_in("objects").into_iter().find(|path| path.to_string_lossy().contains("/originals/")).unwrap();
    let mut bytes = std::fs::read(&original).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&original, bytes).unwrap();
    let damaged = line.run(&["export", "--to", "damaged.zip"]).await;
    assert_eq!(damaged.code, Some(4), "{}{}", damaged.stdout, damaged.stderr);
    assert!(damaged.stderr.contains("1 files are missing") && damaged.stderr.contains("original"), "{}", damaged.stderr);
    let manifest: Value = serde_json::from_slice(&read(&folder.path().join("damaged.zip"))["manifest.json"]).unwrap();
    assert_eq!(manifest["missing"][0]["failure"]["code"], "object_damaged", "{manifest}");
    let unknown = line.run(&["export", "--organization", "Nobody", "--to", "nobody.zip"]).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("--organization"), "{}", unknown.stderr);
    assert!(!folder.path().join("nobody.zip").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_exported_from_postgresql_and_a_bucket_and_a_killed_export_is_no_export() {
    let Some(database) = FreshDatabase::make() else { return };
    let s3 = S3Server::start().await;
    let server = ServerPlan::new(BINARY).on_postgres(&database.url()).on_s3(&s3).start().await;
    let folder = tempfile::tempdir().unwrap();
    let line = with_s3(on(folder.path(), &server).env("DATABASE_URL", database.url()), &s3);
    everything_is_exported(&server, &line, folder.path()).await;

    s3.fail_where(None, Fault::Hang, |method, _| *method == Method::GET);
    let mut export = line.command(&["export", "--to", "killed.zip"]).spawn().unwrap();
    poll::until("the export to ask for an object", poll::PATIENCE, async || (s3.injected() > 0).then_some(())).await;
    export.kill().await.unwrap();
    s3.fail_all(None);
    assert!(!folder.path().join("killed.zip").exists() && folder.path().join("killed.zip.partial").exists());
    let whole = line.run(&["export", "--to", "killed.zip"]).await;
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert!(folder.path().join("killed.zip").exists() && !folder.path().join("killed.zip.partial").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_jobs_are_listed_and_tried_again_by_the_server_that_runs() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let folder = tempfile::tempdir().unwrap();
    let line = on(folder.path(), &server);
    let none = line.run(&["jobs", "list", "--failed"]).await;
    assert!(none.code == Some(0) && none.stdout.contains("No failed job"), "{}{}", none.stdout, none.stderr);

    let ids = api.accepted(&Upload::of("broken.pdf", b"%PDF-1.7\nnothing that could be read\n%%EOF\n")).await;
    api.job_when(&ids.job, "its failure", |job| job["status"] == "failed").await;
    let listed = line.run(&["jobs", "list", "--failed", "--json"]).await.json_lines();
    assert_eq!((listed.len(), &listed[0]["id"], &listed[0]["name"]), (1, &Value::from(ids.job.as_str()), &Value::from("broken.pdf")));
    assert!(listed[0]["failure"]["remedy"].is_string(), "{listed:?}");

    let dry = line.run(&["jobs", "retry", "--all", "--dry-run"]).await;
    assert!(dry.code == Some(0) && dry.stdout.contains("1 jobs would be tried again"), "{}{}", dry.stdout, dry.stderr);
    let jobs = async || api.get(&format!("/api/v1/jobs?document={}", ids.document)).await.expect(200).json();
    assert_eq!(jobs().await["items"].as_array().unwrap().len(), 1, "nothing was changed");

    let retried = line.run(&["jobs", "retry", "--all", "--json"]).await;
    assert_eq!(retried.code, Some(0), "{}{}", retried.stdout, retried.stderr);
    let new = retried.json_lines().remove(0)["new_job"].as_str().unwrap().to_owned();
    let job = api.job_when(&new, "the server to take it", |job| job["status"] == "failed").await;
    assert_eq!(job["retry_of"], ids.job.as_str());
    let by_id = line.run(&["jobs", "retry", &new]).await;
    assert!(by_id.code == Some(0) && by_id.stdout.contains("1 jobs are tried again"), "{}{}", by_id.stdout, by_id.stderr);
    let unknown = line.run(&["jobs", "retry", "019ac0de-0000-7000-8000-000000000001"]).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("There is no job"), "{}", unknown.stderr);
}
