//! What is missing or away on the machine itself: Tesseract, its language, the database, the disk.

use std::process::Stdio;

use crp_testkit::{CommandLine, Server, ServerPlan, Upload, poll, programs, samples};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const NOWHERE: &str = "/nonexistent/libtesseract.so.5";

#[tokio::test]
async fn without_tesseract_the_server_runs_and_the_failure_says_what_to_install() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_TESSERACT_LIBRARY", NOWHERE).start().await;
    let api = server.admin().await;
    let scan = api.accepted(&Upload::of("scan.pdf", &samples::slips(1))).await;
    let born =
        api.accepted(&Upload::of("born.pdf", &samples::born_digital(&["This page carries its words already, no engine is needed."]))).await;
    let job = api.final_job(&scan.job).await;
    assert_eq!((&job["status"], &job["failure"]["code"]), (&"failed".into(), &"tesseract_missing".into()), "{job:#}");
    assert!(job["failure"]["remedy"].as_str().unwrap().contains("apt-get install tesseract-ocr"));
    api.succeeded_job(&born.job).await;
    assert!(server.is_alive());
    server.expect_no_leftovers().await;

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scan.pdf"), samples::slips(1)).unwrap();
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_TESSERACT_LIBRARY", NOWHERE);
    let ran = line.run(&["run", "--json", "scan.pdf"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert_eq!(ran.json_lines()[0]["failure"]["code"], "tesseract_missing");
}

#[tokio::test]
async fn a_language_that_is_not_installed_is_named() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    api.save_pipeline("name: klingon\nstages:\n  - type: ocr\n    languages: [tlh]\n").await;
    api.save_pipeline("name: both\nstages:\n  - type: ocr\n    languages: [eng, tlh]\n").await;
    let alone = api.accepted(&Upload::of("scan.pdf", &samples::slips(1)).through("klingon")).await;
    let both = api.accepted(&Upload::of("scan.pdf", &samples::slips(1)).through("both")).await;
    let job = api.final_job(&alone.job).await;
    assert_eq!((&job["status"], &job["failure"]["code"]), (&"failed".into(), &"language_missing".into()), "{job:#}");
    assert!(job["failure"]["message"].as_str().unwrap().contains("tlh"), "{job:#}");
    let job = api.succeeded_job(&both.job).await;
    assert_eq!(job["warnings"][0]["code"], "language_missing", "one of two is a warning: {job:#}");
    assert_eq!(server.settled().await.value("crpipeline_job_warnings_total", &[("kind", "language_missing")]), 1.0);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scan.pdf"), samples::slips(1)).unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "--json", "-l", "tlh", "scan.pdf"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert_eq!(ran.json_lines()[0]["failure"]["code"], "language_missing");
}

/// Holds SQLite's only writer's place until it is dropped, as a hanging disk or a foolish tool would.
struct HeldDatabase(tokio::process::Child);

impl HeldDatabase {
    async fn of(file: &std::path::Path) -> Option<Self> {
        let python = programs::program("python3")?;
        let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],isolation_level=None,timeout=60)\nc.execute('BEGIN EXCLUSIVE')\n\
                      print('held',flush=True)\nsys.stdin.read()";
        let mut command = tokio::process::Command::new(python);
        command.args(["-c", script]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("python can be started");
        let mut first = [0; 5];
        tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut first).await.expect("the lock is taken");
        Some(Self(child))
    }

    async fn release(mut self) {
        self.0.kill().await.expect("our own process can be ended");
    }
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_acknowledged_and_no_login_counts_as_refused() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let before = api.accepted(&Upload::of("before.pdf", &samples::slips(1))).await;
    api.succeeded_job(&before.job).await;
    let Some(held) = HeldDatabase::of(&server.data_dir().join("crpipeline.db")).await else { return };
    let (login, upload) = (server.anonymous(), samples::slips(3));
    let upload = Upload::of("during.pdf", &upload);
    let (login, upload) = tokio::join!(login.sign_in("admin@example.org", "a wrong password"), api.upload(&upload));
    for answer in [login, upload] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.problem_code(), "database_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    }
    held.release().await;
    let scrape = server.settled().await;
    assert_eq!(scrape.sum("login_failures_total"), 0.0, "a failure of ours is no refusal");
    assert!(scrape.value("crpipeline_db_errors_total", &[("kind", "busy")]) > 0.0);
    assert!(server.is_alive());
    let documents = api.get("/api/v1/documents").await.expect(200).json();
    assert_eq!(documents["items"].as_array().unwrap().len(), 1, "what was refused is not there");
    let after = poll::until("the database to be back", poll::PATIENCE, async || {
        Some(api.upload(&Upload::of("after.pdf", &samples::slips(2))).await).filter(|answer| answer.status == 202)
    });
    let after = after.await.json();
    api.succeeded_job(after["job"]["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_full_disk_is_told_before_an_upload_is_taken_and_nothing_half_written_stays() {
    // A file system of our own in a namespace of our own: smaller than the reserve that the server keeps.
    let folder = tempfile::tempdir().unwrap();
    let Some(unshare) = programs::program("unshare") else { return };
    let mut probe = std::process::Command::new(&unshare);
    probe.args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"]).arg(folder.path());
    if !probe.output().is_ok_and(|output| output.status.success()) {
        return programs::skipped("this system gives no user namespaces, so no small disk can be made");
    }
    let server = ServerPlan::new(BINARY).on_small_disk(&unshare, 48).start().await;
    let api = server.admin().await;
    let refused = api.upload(&Upload::of("scan.pdf", &samples::slips(1))).await.expect(507);
    assert_eq!(refused.problem_code(), "disk_full");
    let ready = server.anonymous().get("/readyz").await.expect(503).json();
    let disk = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "disk").expect("the disk is checked");
    assert_eq!(disk["ok"], false);
    assert!(disk["reason"].as_str().is_some_and(|reason| reason.contains("reserve")), "{disk}");
    assert!(server.settled().await.value("crpipeline_data_dir_free_bytes", &[("volume", "data")]) < 48.0 * 1024.0 * 1024.0);

    // The command line meets the full disk while it writes.
    std::fs::write(folder.path().join("letter.pdf"), samples::letter_pdf()).unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs out && exec \"$0\" run --json -o out letter.pdf; exit 99";
    let line = CommandLine::new(unshare.to_str().unwrap(), folder.path());
    let ran = line.run(&["--user", "--map-root-user", "--mount", "sh", "-c", script, BINARY]).await;
    assert_eq!(ran.code, Some(4), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.json_lines()[0]["failure"]["code"], "disk_full");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
