//! What operators run so that nothing is lost: backup beside a working server, restore elsewhere, the move to PostgreSQL, the check.

use std::{fs, path::Path, sync::Arc};

use crp_model::Sha256Hash;
use crp_testkit::{
    Api, CommandLine, Ids, Server, ServerPlan, Upload, poll,
    postgres::FreshDatabase,
    s3_server::{Fault, S3Server},
    samples,
};
use http::Method;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// Commands on a data directory; they run in `folder`.
fn on(folder: &Path, data_dir: &Path) -> CommandLine {
    CommandLine::new(BINARY, folder).env("CRPIPELINE_DATA_DIR", data_dir.display().to_string())
}

/// The same commands with the objects in a bucket.
fn with_s3(line: CommandLine, s3: &S3Server) -> CommandLine {
    line.env("S3_BUCKET", s3.bucket())
        .env("AWS_ENDPOINT_URL", s3.endpoint())
        .env("AWS_REGION", s3.region())
        .env("AWS_ACCESS_KEY_ID", s3.access_key())
        .env("AWS_SECRET_ACCESS_KEY", s3.secret_key())
}

/// Runs a command that must succeed, and gives its JSON.
async fn told(line: &CommandLine, arguments: &[&str]) -> Value {
    let ran = line.run(&[arguments, &["--json"]].concat()).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    ran.json_lines().remove(0)
}

async fn found(api: &Api, words: &str) -> Vec<String> {
    let page = api.get(&format!("/api/v1/documents?q={words}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The document's bytes are those of its hash, its results are there, and a search finds what was read in it.
async fn is_served(api: &Api, ids: &Ids, bytes: &[u8]) {
    api.succeeded_job(&ids.job).await;
    let document = api.get(&format!("/api/v1/documents/{}", ids.document)).await.expect(200).json();
    let content = api.get(&format!("/api/v1/documents/{}/content", ids.document)).await.expect(200).body;
    assert_eq!(document["sha256"], Sha256Hash::of(&content).to_string());
    assert!(content == bytes, "the bytes are those that were uploaded");
    for kind in ["searchable_pdf", "text", "layout", "thumbnails"] {
        assert!(!api.artifact(&ids.job, kind).await.is_empty(), "{kind}");
    }
    assert!(found(api, "harbour").await.contains(&ids.document), "it is found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_server_at_work_comes_back_elsewhere_and_work_goes_on() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let (slips, long) = (samples::slips(3), samples::slips(16));
    let done = api.accepted(&Upload::of("slips.pdf", &slips).through("fields")).await;
    api.succeeded_job(&done.job).await;
    let working = api.accepted(&Upload::of("long.pdf", &long)).await;
    api.job_when(&working.job, "its first pages", |job| job["progress"]["pages_done"].as_u64() >= Some(1)).await;

    let folder = tempfile::tempdir().unwrap();
    let line = on(folder.path(), server.data_dir());
    let backup = told(&line, &["backup", "saved"]).await;
    assert_eq!((backup["documents"].as_u64(), backup["missing"].as_array().map(Vec::len)), (Some(2), Some(0)), "{backup}");
    let again = told(&line, &["backup", "saved"]).await;
    assert_eq!(again["documents"], 2);
    let open_to_others = walk(&folder.path().join("saved")).into_iter().filter(|path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0
    });
    assert_eq!(open_to_others.count(), 0, "everything is for its owner alone");
    api.succeeded_job(&working.job).await;

    let elsewhere = Arc::new(tempfile::tempdir().unwrap());
    let there = on(folder.path(), elsewhere.path());
    let restored = told(&there, &["restore", "saved"]).await;
    assert_eq!(restored["documents"], 2, "{restored}");
    let twice = there.run(&["restore", "saved"]).await;
    assert!(twice.code == Some(2) && twice.stderr.contains("target_not_empty") && twice.stderr.contains("--data-dir"), "{}", twice.stderr);
    let restored = ServerPlan::new(BINARY).start_on(elsewhere).await;
    let api = restored.admin().await;
    is_served(&api, &done, &slips).await;
    is_served(&api, &working, &long).await;
    let sessions = api.get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "only the one of now: {sessions}");
    let checked = told(&there, &["check", "--hashes"]).await;
    assert_eq!((checked["found"].as_u64(), checked["foreign"].as_u64()), (Some(0), Some(0)), "{checked}");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_is_unfinished_and_the_next_one_completes_it() {
    let s3 = S3Server::start().await;
    let server = ServerPlan::new(BINARY).on_s3(&s3).start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(2))).await;
    api.succeeded_job(&ids.job).await;
    server.terminate().await;

    let folder = tempfile::tempdir().unwrap();
    let line = with_s3(on(folder.path(), server.data_dir()), &s3);
    s3.fail_where(None, Fault::Hang, |method, _| *method == Method::GET);
    let mut backup = line.command(&["backup", "saved"]).spawn().unwrap();
    poll::until("the backup to ask for an object", poll::PATIENCE, async || (s3.injected() > 0).then_some(())).await;
    backup.kill().await.unwrap();
    s3.fail_all(None);
    for arguments in [&["restore", "saved", "--check"][..], &["restore", "saved", "--data-dir", "new"]] {
        let refused = line.run(arguments).await;
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains("never finished") && refused.stderr.contains("backup_unusable"), "{}", refused.stderr);
    }
    assert!(!folder.path().join("new").exists(), "nothing was made");
    told(&line, &["backup", "saved"]).await;
    told(&line, &["restore", "saved", "--check"]).await;

    let manifest = folder.path().join("saved/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    let refused = line.run(&["restore", "saved", "--check"]).await;
    assert!(refused.code == Some(3) && refused.stderr.contains("manifest.json is damaged"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_moves_to_postgresql_and_a_bucket_and_back() {
    let Some(first) = FreshDatabase::make() else { return };
    let Some(second) = FreshDatabase::make() else { return };
    let (server, slips) = (Server::start(BINARY).await, samples::slips(2));
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &slips)).await;
    api.succeeded_job(&ids.job).await;
    let folder = tempfile::tempdir().unwrap();
    let line = on(folder.path(), server.data_dir());
    let refused = line.run(&["db", "copy", "--to", &first.url()]).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("data_directory_in_use"), "{}", refused.stderr);
    server.terminate().await;

    // The rows alone, objects stay.
    let copied = told(&line, &["db", "copy", "--to", &first.url()]).await;
    assert_eq!(copied["tables"]["documents"], 1, "{copied}");
    let twice = line.run(&["db", "copy", "--to", &first.url()]).await;
    assert!(twice.code == Some(2) && twice.stderr.contains("target_not_empty"), "{}", twice.stderr);
    let data_dir = server.shared_data_dir();
    let server = ServerPlan::new(BINARY).on_postgres(&first.url()).start_on(data_dir.clone()).await;
    let api = server.admin().await;
    is_served(&api, &ids, &slips).await;

    // Everything into another database and a bucket, beside the server.
    let s3 = S3Server::start().await;
    let on_first = line.clone().env("DATABASE_URL", first.url());
    told(&on_first, &["backup", "saved"]).await;
    server.terminate().await;
    let elsewhere = Arc::new(tempfile::tempdir().unwrap());
    let on_second = with_s3(on(folder.path(), elsewhere.path()).env("DATABASE_URL", second.url()), &s3);
    told(&on_second, &["restore", "saved"]).await;
    let server = ServerPlan::new(BINARY).on_postgres(&second.url()).on_s3(&s3).start_on(elsewhere.clone()).await;
    let api = server.admin().await;
    is_served(&api, &ids, &slips).await;
    let new = api.accepted(&Upload::of("more.pdf", &samples::slips(1))).await;
    api.succeeded_job(&new.job).await;
    assert_eq!(told(&on_second, &["check", "--hashes"]).await["found"], 0);
    server.terminate().await;

    // And the rows back into a file.
    let file = format!("sqlite:{}", folder.path().join("back.db").display());
    told(&on_second, &["db", "copy", "--to", &file]).await;
    let back = with_s3(on(folder.path(), elsewhere.path()).env("DATABASE_URL", file.clone()), &s3);
    assert_eq!(told(&back, &["check", "--hashes"]).await["found"], 0);
    let server = ServerPlan::new(BINARY).env("DATABASE_URL", file).on_s3(&s3).start().await;
    is_served(&server.admin().await, &ids, &slips).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_found_beside_the_server_and_made_again_where_that_is_possible() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let (slips, lost) = (samples::slips(2), samples::slips(1));
    let ids = api.accepted(&Upload::of("slips.pdf", &slips)).await;
    api.succeeded_job(&ids.job).await;
    let gone = api.accepted(&Upload::of("lost.pdf", &lost)).await;
    api.succeeded_job(&gone.job).await;
    let folder = tempfile::tempdir().unwrap();
    let line = on(folder.path(), server.data_dir());
    let healthy = line.run(&["check", "--hashes"]).await;
    assert!(healthy.code == Some(0) && healthy.stdout.contains(" 0 findings"), "{}{}", healthy.stdout, healthy.stderr);

    let files = server.files_in("objects");
    let file = |job: &str, name: &str| files.iter().find(|path| path.ends_with(format!("jobs/{job}/{name}"))).unwrap();
    fs::remove_file(file(&ids.job, "text.txt")).unwrap();
    let originals: Vec<_> = files.iter().filter(|path| path.to_string_lossy().contains("/originals/")).collect();
    let original = originals.iter().find(|path| fs::read(path).unwrap() == lost).unwrap();
    fs::remove_file(original).unwrap();
    let found = line.run(&["check"]).await;
    assert_eq!(found.code, Some(4), "{}{}", found.stdout, found.stderr);
    for words in ["missing_original", "lost.pdf", &gone.document, "missing_part", "slips.pdf", "--repair", "2 findings"] {
        assert!(found.stdout.contains(words), "{words}: {}", found.stdout);
    }
    let mended = line.run(&["check", "--repair", "--json"]).await;
    assert_eq!(mended.code, Some(4), "the original cannot be mended");
    assert_eq!(mended.json_lines()[0]["mended"], 1);
    poll::until("the document to be read again", poll::PATIENCE, async || {
        let jobs = api.get(&format!("/api/v1/jobs?document={}&status=succeeded", ids.document)).await.expect(200).json();
        (jobs["items"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    fs::write(original, &lost).unwrap();
    assert_eq!(line.run(&["check", "--hashes"]).await.code, Some(0), "a newer job made up for what is missing");
}
