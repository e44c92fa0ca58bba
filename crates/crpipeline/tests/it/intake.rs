//! The watched folder of a running server: what is put into it becomes documents, once, also when the server is killed.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crp_testkit::{Api, CommandLine, Server, ServerPlan, poll, postgres::FreshDatabase, s3_server::S3Server, samples};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// A folder that is watched, outside of the data directory, with that of the only organization.
struct Inbox(tempfile::TempDir);

impl Inbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("Default")).unwrap();
        Self(folder)
    }

    fn watched_by(&self, plan: ServerPlan) -> ServerPlan {
        plan.env("CRPIPELINE_INTAKE_DIR", self.0.path().to_str().unwrap()).env("CRPIPELINE_INTAKE_INTERVAL_SECONDS", "1")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join("Default").join(path)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.path(path), bytes).unwrap();
    }

    /// Files in a folder of the organization's.
    fn files(&self, path: &str) -> usize {
        fs::read_dir(self.path(path)).map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_file()).count())
    }
}

async fn there(path: &Path) {
    poll::until(&format!("{}", path.display()), poll::PATIENCE, async || path.exists().then_some(())).await;
}

async fn documents(api: &Api) -> Vec<Value> {
    api.get("/api/v1/documents?limit=100").await.expect(200).json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_put_into_the_folder_becomes_a_document_or_a_note() {
    let inbox = Inbox::new();
    let server = inbox.watched_by(ServerPlan::new(BINARY)).start().await;
    let api = server.admin().await;
    inbox.put("scan.pdf", &samples::slips(1));
    inbox.put("letter.docx", b"no document");
    there(&inbox.path("done/scan.pdf")).await;
    there(&inbox.path("failed/letter.docx")).await;
    let note = fs::read_to_string(inbox.path("failed/letter.docx.txt")).unwrap();
    assert!(note.contains("unsupported_type") && note.contains("What to do:"), "{note}");
    let documents = documents(&api).await;
    assert_eq!((documents.len(), &documents[0]["name"]), (1, &Value::from("scan.pdf")));
    api.succeeded_job(documents[0]["latest_job"]["id"].as_str().unwrap()).await;
    let scrape = server.settled().await;
    let counted = |result| scrape.value("crpipeline_intake_files_total", &[("result", result)]);
    assert_eq!((counted("taken"), counted("failed"), scrape.value("crpipeline_intake_files_waiting", &[])), (1.0, 1.0, 0.0));
    assert_eq!(scrape.value("crpipeline_documents_total", &[("result", "accepted")]), 1.0);
    let line = CommandLine::new(BINARY, inbox.0.path())
        .env("CRPIPELINE_DATA_DIR", server.data_dir().display().to_string())
        .env("CRPIPELINE_INTAKE_DIR", inbox.0.path().display().to_string());
    let doctor = line.run(&["doctor", "--json"]).await.json_lines()[0].clone();
    let check =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "watched_folder").expect("it is looked at").clone();
    assert_eq!(check["outcome"], "ok", "{check}");
    assert!(server.terminate().await.success(), "{}", server.log());
}

#[tokio::test]
async fn a_file_that_is_written_slowly_is_taken_when_it_is_whole() {
    let inbox = Inbox::new();
    let server = inbox.watched_by(ServerPlan::new(BINARY)).start().await;
    let api = server.admin().await;
    let bytes = samples::slips(3);
    let mut file = fs::File::create(inbox.path("slow.pdf")).unwrap();
    let (mut written, began) = (0, Instant::now());
    // A piece with each look of the test, for much longer than two looks of the server.
    let whole = async || {
        let share = began.elapsed().as_secs_f64() / 6.0;
        let until = ((bytes.len() as f64 * share) as usize).clamp(written, bytes.len());
        file.write_all(&bytes[written..until]).unwrap();
        written = until;
        (written == bytes.len()).then_some(())
    };
    poll::until("the file to be written", poll::PATIENCE, whole).await;
    assert_eq!(documents(&api).await.len(), 0);
    there(&inbox.path("done/slow.pdf")).await;
    let documents = documents(&api).await;
    assert_eq!((documents.len(), &documents[0]["size_bytes"]), (1, &Value::from(bytes.len())));
    api.succeeded_job(documents[0]["latest_job"]["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn killed_between_the_commit_and_the_move_it_only_moves_the_file() {
    let inbox = Inbox::new();
    // Nothing can be moved into a file: what was committed stays where it is.
    inbox.put("done", b"");
    let server = inbox.watched_by(ServerPlan::new(BINARY)).start().await;
    inbox.put("scan.pdf", &samples::slips(1));
    let api = server.admin().await;
    poll::until("the document", poll::PATIENCE, async || (documents(&api).await.len() == 1).then_some(())).await;
    server.kill_9().await;
    assert!(inbox.path("scan.pdf").exists());
    let server = server.restart(|plan| plan).await;
    let log = async || server.log().contains("taken before").then_some(());
    poll::until("it to be recognised", poll::PATIENCE, log).await;
    fs::remove_file(inbox.path("done")).unwrap();
    there(&inbox.path("done/scan.pdf")).await;
    assert_eq!((documents(&server.admin().await).await.len(), inbox.files("")), (1, 0));
}

#[tokio::test]
async fn killed_again_and_again_every_file_is_taken_once() {
    const FILES: usize = 24;
    let inbox = Inbox::new();
    let mut server = inbox.watched_by(ServerPlan::new(BINARY)).start().await;
    for at in 0..FILES {
        inbox.put(&format!("{at}.pdf"), format!("%PDF-1.4\nfile {at}").as_bytes());
    }
    let mut kills = 0;
    while inbox.files("") > 0 {
        let before = inbox.files("done");
        let moved = async || (inbox.files("done") > before || inbox.files("") == 0).then_some(());
        poll::until("a file to be moved", poll::PATIENCE, moved).await;
        server.kill_9().await;
        kills += 1;
        server = server.restart(|plan| plan).await;
    }
    poll::until("the last file", poll::PATIENCE, async || (inbox.files("done") == FILES).then_some(())).await;
    let documents = documents(&server.admin().await).await;
    let mut names: Vec<_> = documents.iter().map(|document| document["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((documents.len(), names.len()), (FILES, FILES), "after {kills} kills");
    eprintln!("{FILES} files, {kills} kills, {} documents", documents.len());
}

#[tokio::test]
async fn of_several_servers_one_watches_and_another_takes_over_when_it_is_killed() {
    let Some(database) = FreshDatabase::make() else { return };
    let s3 = S3Server::start().await;
    let inbox = Inbox::new();
    let plan = || inbox.watched_by(ServerPlan::new(BINARY).on_postgres(&database.url()).on_s3(&s3));
    let first = plan().start().await;
    let others: Vec<Server> = vec![plan().without_worker().start().await, plan().worker().start().await];
    for at in 0..20 {
        inbox.put(&format!("{at}.pdf"), format!("%PDF-1.4\nfile {at}").as_bytes());
    }
    poll::until("some files", poll::PATIENCE, async || (inbox.files("done") > 3).then_some(())).await;
    first.kill_9().await;
    for at in 20..40 {
        inbox.put(&format!("{at}.pdf"), format!("%PDF-1.4\nfile {at}").as_bytes());
    }
    let (began, all) = (Instant::now(), async || (inbox.files("done") == 40).then_some(()));
    poll::until("all files", poll::PATIENCE, all).await;
    assert_eq!(documents(&others[0].admin().await).await.len(), 40);
    eprintln!("taken over and done after {:.0} s", began.elapsed().as_secs_f64().max(Duration::ZERO.as_secs_f64()));
}
