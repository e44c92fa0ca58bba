//! The same binary on PostgreSQL and S3, in several processes: nothing is lost, nothing is done twice, and nobody waits for the dead.

use std::sync::Arc;

use crp_testkit::{Api, Ids, Server, ServerPlan, Upload, poll, postgres::FreshDatabase, s3_server::S3Server, samples, words::score};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// A database, a bucket, a server without a worker, and workers.
struct Installation {
    database: FreshDatabase,
    s3: S3Server,
    api: Server,
    workers: Vec<Server>,
}

impl Installation {
    async fn start(workers: usize) -> Option<Self> {
        let (database, s3) = (FreshDatabase::make()?, S3Server::start().await);
        let api = Self::plan(&database, &s3).without_worker().start().await;
        let mut installation = Self { database, s3, api, workers: Vec::new() };
        for _ in 0..workers {
            installation.add_worker(|plan| plan).await;
        }
        Some(installation)
    }

    fn plan(database: &FreshDatabase, s3: &S3Server) -> ServerPlan {
        ServerPlan::new(BINARY).on_postgres(&database.url()).on_s3(s3)
    }

    /// Every worker runs on the data directory of the server, as on one machine.
    async fn add_worker(&mut self, change: impl FnOnce(ServerPlan) -> ServerPlan) {
        let plan = change(Self::plan(&self.database, &self.s3).worker());
        self.workers.push(plan.start_on(self.api.shared_data_dir()).await);
    }
}

async fn is_whole(api: &Api, ids: &Ids, pages: usize) {
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"], serde_json::json!({ "pages_done": pages, "pages_total": pages }));
    let texts = api.texts(&ids.job).await;
    assert_eq!(texts.len(), pages);
    for (at, (truth, text)) in samples::slip_texts().iter().zip(&texts).enumerate() {
        assert_eq!(score(truth, text).recall, 1.0, "page {}: {text}", at + 1);
    }
    let finals = api.events(&ids.job, None).await.rest(poll::PATIENCE).await;
    assert_eq!(finals.iter().filter(|event| event.name == "succeeded").count(), 1, "{finals:?}");
}

/// What all processes together counted.
async fn counted(processes: impl IntoIterator<Item = &Server>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut sum = 0.0;
    for process in processes {
        sum += process.settled().await.value(name, labels);
    }
    sum
}

/// The figures of the database are some seconds old.
async fn knows_workers(process: &Server, alive: f64) {
    let is_so = async || (process.scrape().await.value("crpipeline_workers", &[("state", "alive")]) == alive).then_some(());
    poll::until("the workers that are there", poll::PATIENCE, is_so).await;
}

#[tokio::test]
async fn a_server_without_a_worker_and_two_workers_do_the_work_of_one_process() {
    let Some(installation) = Installation::start(2).await else { return };
    let api = installation.api.admin().await;
    let mut all = Vec::new();
    for pages in [1, 20, 3] {
        all.push((api.accepted(&Upload::of("slips.pdf", &samples::slips(pages))).await, pages));
    }
    for (ids, pages) in &all {
        is_whole(&api, ids, *pages).await;
    }
    assert_eq!(counted(&installation.workers, "jobs_total", &[("status", "succeeded")]).await, 3.0);
    assert_eq!(counted(&installation.workers, "crpipeline_pages_total", &[("source", "ocr")]).await, 24.0);
    for worker in &installation.workers {
        assert!(worker.settled().await.value("crpipeline_pages_total", &[("source", "ocr")]) > 0.0, "both had their share");
        knows_workers(worker, 2.0).await;
    }
    let system = api.get("/api/v1/system").await.expect(200).json();
    assert_eq!((&system["database"]["kind"], &system["storage"]["kind"]), (&"postgres".into(), &"s3".into()));
    let workers = system["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2, "{workers:?}");
    for (worker, process) in workers.iter().zip(&installation.workers) {
        assert_eq!((&worker["slots"], &worker["state"]), (&2.into(), &"alive".into()), "{worker}");
        assert!(installation.workers.iter().any(|process| worker["name"].as_str().unwrap().ends_with(&process.pid().to_string())));
        assert!(process.readers().is_empty());
    }
}

#[tokio::test]
async fn killed_workers_cost_ten_seconds_and_no_page() {
    let Some(mut installation) = Installation::start(1).await else { return };
    let api = installation.api.admin().await;
    let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(20))).await;
    api.job_when(&ids.job, "its first pages", |job| job["progress"]["pages_done"].as_u64() >= Some(2)).await;
    installation.workers[0].kill_9().await;
    let killed = installation.workers.remove(0);
    installation.add_worker(|plan| plan).await;
    is_whole(&api, &ids, 20).await;
    let rescuer = &installation.workers[0];
    let read = rescuer.settled().await.value("crpipeline_pages_total", &[("source", "ocr")]);
    assert!(read <= 18.0, "{read} pages were read again though two were saved");
    assert!(rescuer.scrape().await.value("crpipeline_job_lease_expired_total", &[]) >= 1.0);
    assert!(rescuer.scrape().await.value("jobs_total", &[("status", "succeeded")]) == 1.0);
    drop(killed);
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_hands_back_and_the_other_goes_on_at_once() {
    let Some(mut installation) = Installation::start(1).await else { return };
    installation.workers.clear();
    installation.add_worker(|plan| plan.env("CRPIPELINE_SHUTDOWN_GRACE_SECONDS", "1")).await;
    let api = installation.api.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(8))).await;
    api.job_when(&ids.job, "its pages", |job| job["progress"]["pages_total"] == 8).await;
    installation.add_worker(|plan| plan).await;
    let stopped = installation.workers.remove(0);
    assert!(stopped.terminate().await.success(), "{}", stopped.log());
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"]["pages_done"], 8);
    for stage in job["stages"].as_array().unwrap() {
        assert_eq!(stage["attempts"], 1, "handed back is not failed: {job:#}");
    }
    let scrape = installation.workers[0].settled().await;
    assert_eq!((scrape.value("crpipeline_job_lease_expired_total", &[]), scrape.sum("crpipeline_job_retries_total")), (0.0, 0.0));
    knows_workers(&installation.workers[0], 1.0).await;
}

#[tokio::test]
async fn a_cancel_reaches_the_child_of_a_worker_elsewhere_within_two_seconds() {
    let Some(installation) = Installation::start(1).await else { return };
    let api = installation.api.admin().await;
    let ids = api.accepted(&Upload::of("long.pdf", &samples::scan(24))).await;
    let worker = &installation.workers[0];
    poll::until("a process to read", poll::PATIENCE, async || (!worker.readers().is_empty()).then_some(())).await;
    api.post_empty(&format!("/api/v1/jobs/{}/cancel", ids.job)).await.expect(202);
    let asked = std::time::Instant::now();
    let gone = async || worker.readers().is_empty().then_some(());
    poll::until("the processes that read to end", poll::PATIENCE, gone).await;
    // Of a machine that does much else; by itself it takes some milliseconds. Without word from process to process: a third of a lease.
    assert!(asked.elapsed().as_secs_f64() < 3.3, "{:?}", asked.elapsed());
    assert_eq!(api.final_job(&ids.job).await["status"], "cancelled");
}

#[tokio::test]
async fn two_servers_answer_for_one_installation_and_the_stream_of_one_tells_what_the_other_took() {
    let Some(installation) = Installation::start(1).await else { return };
    let other = Installation::plan(&installation.database, &installation.s3).without_worker();
    let other = other.start_on(installation.api.shared_data_dir()).await;
    let (one, second) = (installation.api.admin().await, other.admin().await);
    let ids = one.accepted(&Upload::of("slips.pdf", &samples::slips(2))).await;
    let told = second.events(&ids.job, None).await.rest(poll::PATIENCE).await;
    assert_eq!(told.last().map(|event| event.name.as_str()), Some("succeeded"), "{told:?}");
    let bytes = second.get(&format!("/api/v1/documents/{}/content", ids.document)).await.expect(200);
    assert!(bytes.body == samples::slips(2));
    assert_eq!(other.scrape().await.value("jobs_total", &[("status", "succeeded")]), 0.0, "the worker counts it");
}

#[tokio::test]
async fn what_one_file_cannot_do_is_refused_in_words() {
    for plan in [ServerPlan::new(BINARY).worker(), ServerPlan::new(BINARY).without_worker()] {
        let folder = tempfile::tempdir().unwrap();
        let (code, log) = plan.start_in_vain(folder.path()).await;
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("invalid_configuration") && log.contains("DATABASE_URL=postgres://"), "{log}");
    }
}

#[tokio::test]
async fn a_server_starts_before_its_database_and_says_what_it_waits_for() {
    let Some(mut postgres) = crp_testkit::postgres::OwnPostgres::start().await else { return };
    let url = postgres.url();
    postgres.crash().await;
    let data_dir = Arc::new(tempfile::tempdir().unwrap());
    let folder = data_dir.path().join("workers/1");
    let database_later = async {
        poll::until("the server to have begun", poll::PATIENCE, async || folder.exists().then_some(())).await;
        postgres.start_again().await;
    };
    let (server, ()) = tokio::join!(ServerPlan::new(BINARY).on_postgres(&url).start_on(data_dir.clone()), database_later);
    assert!(server.terminate().await.success());
    postgres.crash().await;
    let impatient = ServerPlan::new(BINARY).on_postgres(&url).env("CRPIPELINE_DATABASE_START_TIMEOUT_SECONDS", "0");
    let (code, log) = impatient.start_in_vain(data_dir.path()).await;
    assert_eq!(code, Some(4), "{log}");
    assert!(log.contains("database_unavailable"), "{log}");
}

#[tokio::test]
async fn a_crashed_database_costs_answers_meanwhile_and_nothing_else() {
    let Some(mut postgres) = crp_testkit::postgres::OwnPostgres::start().await else { return };
    let server = ServerPlan::new(BINARY).on_postgres(&postgres.url()).start().await;
    let api = server.admin().await;
    let mut all = Vec::new();
    for round in 0..3 {
        let ids = api.accepted(&Upload::of("slips.pdf", &samples::slips(20))).await;
        api.job_when(&ids.job, "a page", |job| job["progress"]["pages_done"].as_u64() > Some(round)).await;
        all.push(ids);
        postgres.crash().await;
        postgres.start_again().await;
        // Connections that were cut are noticed when they are used; who asks again is answered.
        poll::until("answers", poll::PATIENCE, async || (api.get("/api/v1/me").await.status == 200).then_some(())).await;
    }
    for ids in &all {
        is_whole(&api, ids, 20).await;
    }
    assert!(server.is_alive());
    assert!(server.settled().await.value("jobs_total", &[("status", "succeeded")]) <= 3.0);
    assert_eq!(server.scrape().await.sum("crpipeline_panics_total"), 0.0);
    server.terminate().await;
}
