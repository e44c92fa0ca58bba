//! The n-th input or output behind an upload fails, for every n until a job needs no more of them: at the doors of storage and
//! database, before an operation and after it was done. Nothing accepted is lost or doubled, and nothing panics.

use std::time::Duration;

use crp_testkit::{
    Api, CommandLine, Server, Upload,
    poll::{PATIENCE, until, within},
};

use super::{
    checker::{self, Counted},
    installation::{BINARY, Installation, SetUp},
    load::{self, Accepted},
    run::Run,
    sabotage,
    storm::{look_at_all, open_jobs},
};

/// How long a job is awaited by the metrics, which take no input or output of those that are counted.
const BY_METRICS: Duration = Duration::from_secs(20);
/// How long the log is awaited.
const LOGGED: Duration = Duration::from_secs(5);
/// More than any job needs.
const MOST: u64 = 2000;

/// Runs it.
pub(crate) async fn run() {
    let mut run = Run::named("failing_io");
    let Some(mut installation) = Installation::new(SetUp::OneProcess, 0).await else { return };
    // What a run without faults makes of the document.
    let server = installation.start(installation.server_plan()).await;
    let known = load::without_faults(&installation.admin().await, load::documents(1)).await;
    server.terminate().await;
    // Every n in the long form, some of them in the short one.
    let step = 400 / run.size(25, 400);
    installation.set("CRPIPELINE_TEST_FAIL_IO", format!("1:{step}"));
    let server = installation.start(installation.server_plan()).await;
    let api = installation.admin().await;
    let (mut accepted, mut failed, mut refused) = (Vec::new(), 0, 0);
    let mut number = 1;
    while number < MOST {
        let key = format!("io-{}", accepted.len());
        let document = &known[0].document;
        let upload = Upload::of(&document.name, &document.bytes).through(document.pipeline).keyed(&key);
        let before = server.scrape().await.sum("jobs_total");
        let answer = api.upload(&upload).await;
        if answer.status == 202 {
            let ids = answer.ids();
            wait(&api, &server, &ids.job, before).await;
            accepted.push(Accepted { known: 0, ids });
        } else {
            refused += 1;
            if !(500..600).contains(&answer.status) {
                run.complain(vec![format!("n = {number}: an upload was answered with {}: {}", answer.status, answer.text())]);
            }
        }
        // The answer may be here before the line of the log.
        let line = format!("failed on purpose: {number} ");
        if within(LOGGED, async || server.log().contains(&line).then_some(())).await.is_none() {
            break;
        }
        failed += 1;
        number += step;
    }
    let ended = within(PATIENCE, async || open_jobs(&api).await.filter(|(open, _)| *open == 0)).await;
    if ended.is_none() {
        run.complain(vec!["jobs that never end".to_owned()]);
    }
    if server.log().contains("A defect in crPipeline") {
        run.complain(vec!["a panic".to_owned()]);
    }
    // The fault behind the last upload may still be due: who judges asks a process that has none.
    server.terminate().await;
    installation.set("CRPIPELINE_TEST_FAIL_IO", "");
    let server = installation.start(installation.server_plan()).await;
    let seen = look_at_all(&api, &accepted).await;
    run.complain(checker::complaints(&known, &accepted, &seen, Counted::default()));
    run.did("inputs and outputs that failed", failed);
    run.did("uploads that were refused and sent again", refused);
    run.did("jobs", accepted.len() as u64);
    run.figure("the first n that no job needs", number as f64, "inputs and outputs", None);
    if failed < 10 {
        run.complain(vec![format!("only {failed} inputs and outputs failed")]);
    }
    let data_dir = server.data_dir().to_owned();
    let line = CommandLine::new(BINARY, &data_dir).env("CRPIPELINE_DATA_DIR", data_dir.display().to_string());
    let checked = line.run(&["check", "--hashes", "--json"]).await;
    if checked.code != Some(0) {
        run.complain(vec![format!("check: {:?} {} {}", checked.code, checked.stdout, checked.stderr)]);
    }
    sabotage::without_a_document(&mut run, &api, &known, &accepted[0]).await;
    run.end();
}

/// Waits for the end of a job without asking the database; where an end was not counted, by asking.
async fn wait(api: &Api, server: &Server, job: &str, before: f64) {
    let counted = async || (server.scrape().await.sum("jobs_total") > before).then_some(());
    if within(BY_METRICS, counted).await.is_none() {
        let ended = async || {
            let answer = api.try_send(api.request(http::Method::GET, &format!("/api/v1/jobs/{job}"))).await.ok()?;
            (answer.status == 200 && ["succeeded", "failed", "cancelled"].iter().any(|status| answer.json()["status"] == **status))
                .then_some(())
        };
        until("the job to end", PATIENCE, ended).await;
    }
}
