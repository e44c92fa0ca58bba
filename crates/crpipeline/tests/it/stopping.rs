//! Starting and stopping: work is handed back, one process serves a data directory, and a refusal to start names what to do.

use crp_testkit::{CommandLine, Server, ServerPlan, Upload, poll, programs, samples};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

#[tokio::test]
async fn asked_to_stop_it_hands_back_what_runs_and_the_next_start_finishes_it() {
    let server = ServerPlan::new(BINARY).env("CRPIPELINE_SHUTDOWN_GRACE_SECONDS", "1").start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(8))).await;
    api.job_when(&ids.job, "its pages", |job| job["progress"]["pages_total"] == 8).await;
    poll::until("work to run", poll::PATIENCE, async || (!server.children().is_empty()).then_some(())).await;
    let readers = server.children();
    let status = server.terminate().await;
    assert!(status.success(), "a clean stop: {status}\n{}", server.log());
    let ended = async || readers.iter().all(|pid| !crp_testkit::server::is_running(*pid)).then_some(());
    poll::until("the processes that read documents to end", poll::PATIENCE, ended).await;
    let server = server.restart(|plan| plan).await;
    let api = server.admin().await;
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"]["pages_done"], 8);
    assert_eq!(api.texts(&ids.job).await.len(), 8);
    // Handed back is not failed: no attempt is spent, nothing is a retry.
    assert_eq!(server.settled().await.sum("crpipeline_job_retries_total"), 0.0);
    assert_eq!(server.settled().await.value("crpipeline_job_lease_expired_total", &[]), 0.0);
}

#[tokio::test]
async fn asked_to_stop_while_idle_it_stops_at_once_and_its_database_is_whole() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    // A watcher of events must not hold the process back.
    let queued = api.accepted(&Upload::of("slips.pdf", &samples::slips(2))).await;
    let _stream = api.events(&queued.job, None).await;
    assert!(server.terminate().await.success(), "{}", server.log());
    assert!(server.log().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "one JSON object on each line");
    let server = server.restart(|plan| plan).await;
    assert_eq!(server.admin().await.job(&ids.job).await["status"], "succeeded");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_directory_is_refused_with_its_name() {
    let server = Server::start(BINARY).await;
    let (code, log) = ServerPlan::new(BINARY).start_in_vain(server.data_dir()).await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("data_directory_in_use") && log.contains(server.data_dir().to_str().unwrap()), "{log}");
    assert!(log.contains("CRPIPELINE_DATA_DIR"), "it says what to do: {log}");
    assert!(server.is_alive());
    let ids = server.admin().await.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    server.admin().await.succeeded_job(&ids.job).await;
}

#[tokio::test]
async fn a_taken_port_is_refused_with_its_number_and_its_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for setting in ["CRPIPELINE_LISTEN", "CRPIPELINE_METRICS_LISTEN"] {
        let folder = tempfile::tempdir().unwrap();
        let plan = ServerPlan::new(BINARY).env(setting, address.to_string()).env("CRPIPELINE_LOG_FORMAT", "human");
        let (code, log) = plan.start_in_vain(folder.path()).await;
        assert_eq!(code, Some(2), "{log}");
        assert!(["port_in_use", setting, &address.port().to_string()].iter().all(|part| log.contains(part)), "{log}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let Some(python) = programs::program("python3") else { return };
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("slip.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    assert!(server.terminate().await.success());
    let database = server.data_dir().join("crpipeline.db");
    let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nt=[r[0] for r in c.execute(\"select name from sqlite_master where name like '%migrations%'\")][0]\n\
                  cols=[r[1] for r in c.execute(f'pragma table_info({t})')]\nrow=list(c.execute(f'select * from {t} order by version desc limit 1').fetchone())\n\
                  row[cols.index('version')]+=1000\nc.execute(f'insert into {t} values ({\",\".join(\"?\"*len(row))})',row)\nc.commit()";
    programs::output_of(std::process::Command::new(python).args(["-c", script]).arg(&database));
    let before = std::fs::read(&database).unwrap();
    let (code, log) = ServerPlan::new(BINARY).start_in_vain(server.data_dir()).await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("newer_schema"), "{log}");
    assert!(std::fs::read(&database).unwrap() == before, "nothing in it was changed");
}

#[tokio::test]
async fn doctor_and_config_answer_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_DATA_DIR", folder.path().join("data").display().to_string());
    let ran = line.run(&["doctor", "--json"]).await;
    assert!(matches!(ran.code, Some(0 | 4)), "{} {}", ran.stdout, ran.stderr);
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok_and(|report| report["checks"].is_array()), "{}", ran.stdout);
    let missing = line.env("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so.5").run(&["doctor"]).await;
    assert_eq!(missing.code, Some(4), "{}", missing.stdout);
    assert!(missing.stdout.contains("apt-get install"), "{}", missing.stdout);
}
