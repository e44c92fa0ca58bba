//! A document that crashes the engine each time: given up after three attempts, and nobody beside it waits for it.

use std::time::Duration;

use crp_testkit::{
    Api, Upload, faulty_engine,
    poll::{PATIENCE, until},
    samples,
};
use futures_util::future::join_all;
use serde_json::Value;

use super::{
    installation::{Installation, SetUp},
    run::Run,
};

/// Attempts that a task has by default.
const ATTEMPTS: u64 = 3;
/// Most that the middle wait of other jobs may grow.
const MOST_ADDED_SECONDS: f64 = 0.5;

/// Runs it.
pub(crate) async fn run() {
    let mut run = Run::named("poison_document");
    let Some(mut installation) = Installation::new(SetUp::OneProcess, 0).await else { return };
    // The engine crashes on pages that are higher than broad, and reads all others.
    installation.set("TESSDATA_PREFIX", faulty_engine::Fault::Crash.as_str());
    let server = installation.start(installation.server_plan()).await;
    let api = installation.admin().await;
    let (others, poisoned) = (run.size(10, 100), run.size(2, 20));
    let mut before = beside(&api, others).await;
    let poison = samples::slips_around_a_tall_page(3);
    let mut jobs = Vec::new();
    for _ in 0..poisoned {
        jobs.push(api.accepted(&Upload::of("poison.pdf", &poison)).await.job);
    }
    let mut meanwhile = beside(&api, others).await;
    run.did("other jobs", others);
    run.did("poison documents", poisoned);
    for job in &jobs {
        let complaints = given_up(&api, job).await;
        run.complain(complaints);
    }
    before.sort();
    meanwhile.sort();
    let added = meanwhile[meanwhile.len() / 2].as_secs_f64() - before[before.len() / 2].as_secs_f64();
    run.spread("another job from upload to end, without poison", before, None);
    run.spread("another job from upload to end, beside poison", meanwhile, None);
    run.figure("what poison adds to the other jobs, p50", added, "s", Some(MOST_ADDED_SECONDS));
    server.terminate().await;

    // Control: a server that tries once more than it should.
    let server = installation.start(installation.server_plan().env("CRPIPELINE_MAX_ATTEMPTS", (ATTEMPTS + 1).to_string())).await;
    let api = installation.admin().await;
    let job = api.accepted(&Upload::of("poison.pdf", &poison)).await.job;
    run.control("the document was tried once more", &given_up(&api, &job).await);
    server.terminate().await;
    run.end();
}

/// How long honest jobs take, four at a time.
async fn beside(api: &Api, jobs: u64) -> Vec<Duration> {
    let slip = samples::slips(1);
    let mut took = Vec::new();
    for _ in 0..jobs.div_ceil(4) {
        let four = join_all((0..4).map(|_| async {
            let job = api.accepted(&Upload::of("slip.pdf", &slip)).await.job;
            lifetime(&api.succeeded_job(&job).await)
        }));
        took.extend(four.await);
    }
    took
}

fn lifetime(job: &Value) -> Duration {
    let at = |key: &str| job[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time");
    Duration::try_from(at("finished_at").duration_since(at("created_at"))).unwrap_or_default()
}

/// What is wrong with how a poison document ended.
async fn given_up(api: &Api, job: &str) -> Vec<String> {
    let ended =
        until("the poison document to be given up", PATIENCE, async || Some(api.job(job).await).filter(|job| job["status"] == "failed"))
            .await;
    let tasks = api.get(&format!("/api/v1/jobs/{job}/tasks")).await.expect(200).json();
    let most = tasks["items"].as_array().into_iter().flatten().filter_map(|task| task["attempt"].as_u64()).max();
    let mut wrong = Vec::new();
    if ended["failure"]["code"] != "engine_crashed" {
        wrong.push(format!("it failed with {}", ended["failure"]["code"]));
    }
    if most != Some(ATTEMPTS) {
        wrong.push(format!("it was tried {most:?} times instead of {ATTEMPTS}"));
    }
    wrong
}
