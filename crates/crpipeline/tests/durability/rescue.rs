//! How long a task waits after its worker was killed, and how long a job waits after its only process was started again.

use std::time::Duration;

use crp_model::Ambient;
use crp_testkit::{
    Api, Server,
    poll::{PATIENCE, until},
};
use futures_util::future::join_all;
use serde_json::Value;

use super::{
    checker::{self, Counted},
    installation::{Installation, SetUp, answers},
    load::{self, Accepted, Known},
    run::Run,
    storm::look_at_all,
};

/// Long enough that a task of seven pages is met in its middle.
const PAGE_MILLISECONDS: u32 = 400;
/// Workers that are killed at the same time, of twice as many.
const VICTIMS: usize = 4;

/// The document with the most pages, read without faults.
async fn longest(api: &Api) -> Vec<Known> {
    let all = load::documents(1).into_iter().filter(|document| document.name == "seven-slips.pdf").collect();
    load::without_faults(api, all).await
}

/// Workers are killed in the middle of a task while others are idle.
pub(crate) async fn of_workers() {
    let mut run = Run::named("rescue_of_killed_workers");
    let Some(mut installation) = Installation::new(SetUp::Distributed, PAGE_MILLISECONDS).await else { return };
    installation.set("CRPIPELINE_WORKER_SLOTS", "1");
    let (ambient, mut chance) = (Ambient::system(), run.chance(0));
    let _server = installation.start(installation.server_plan()).await;
    let mut workers = join_all((0..2 * VICTIMS).map(|_| installation.start(installation.worker_plan()))).await;
    let api = installation.admin().await;
    let known = longest(&api).await;
    let (mut accepted, mut waits, mut kills) = (Vec::new(), Vec::new(), 0);
    for round in 0..run.size(1, 25) {
        let mut batch = Vec::new();
        for number in 0..VICTIMS {
            let ids = load::upload(&api, &known[0].document, &format!("rescue-{round}-{number}")).await;
            batch.push(Accepted { known: 0, ids });
        }
        let progress = 1 + chance.below(4);
        for accepted in &batch {
            api.job_when(&accepted.ids.job, "some pages", |job| job["progress"]["pages_done"].as_u64() >= Some(progress)).await;
        }
        let killed_at = ambient.now();
        let (busy, idle): (Vec<Server>, Vec<Server>) = workers.into_iter().partition(|worker| !worker.readers().is_empty());
        join_all(busy.iter().map(Server::kill_9)).await;
        kills += busy.len() as u64;
        for accepted in &batch {
            api.succeeded_job(&accepted.ids.job).await;
            waits.extend(claimed_after(&api, &accepted.ids.job, &killed_at.rfc3339()).await);
        }
        workers = idle;
        workers.extend(join_all(busy.iter().map(|_| installation.start(installation.worker_plan()))).await);
        accepted.extend(batch);
    }
    let seen = look_at_all(&api, &accepted).await;
    run.complain(checker::complaints(&known, &accepted, &seen, Counted::default()));
    run.did("kills", kills);
    run.did("rescues", waits.len() as u64);
    if waits.is_empty() {
        run.complain(vec!["nothing was rescued, so nothing was measured".to_owned()]);
    }
    run.spread("from a worker's kill to the next claim of its task", waits, Some(15.0));
    nobody_took_it(&mut run, &api, &accepted[0]).await;
    run.end();
}

/// The only process is killed in the middle of a task and started again.
pub(crate) async fn of_one_process() {
    let mut run = Run::named("rescue_after_a_restart");
    let Some(installation) = Installation::new(SetUp::OneProcess, PAGE_MILLISECONDS).await else { return };
    let (ambient, mut chance) = (Ambient::system(), run.chance(0));
    let mut server = installation.start(installation.server_plan()).await;
    let api = installation.admin().await;
    let known = longest(&api).await;
    let (mut accepted, mut waits) = (Vec::new(), Vec::new());
    let rounds = run.size(2, 30);
    for round in 0..rounds {
        let ids = load::upload(&api, &known[0].document, &format!("restart-{round}")).await;
        let progress = 1 + chance.below(4);
        api.job_when(&ids.job, "some pages", |job| job["progress"]["pages_done"].as_u64() >= Some(progress)).await;
        server.kill_9().await;
        let started_at = ambient.now().rfc3339();
        server = installation.start(installation.server_plan()).await;
        answers(&api).await;
        let next = until("the next claim", PATIENCE, async || claimed_after(&api, &ids.job, &started_at).await).await;
        waits.push(next);
        api.succeeded_job(&ids.job).await;
        accepted.push(Accepted { known: 0, ids });
    }
    let seen = look_at_all(&api, &accepted).await;
    run.complain(checker::complaints(&known, &accepted, &seen, Counted::default()));
    run.did("restarts", rounds);
    run.spread("from the start of the only process to the next claim", waits, Some(2.0));
    nobody_took_it(&mut run, &api, &accepted[0]).await;
    run.end();
}

/// Control: no claim is taken for one that came before the kill.
async fn nobody_took_it(run: &mut Run, api: &Api, accepted: &Accepted) {
    let never = claimed_after(api, &accepted.ids.job, "9999-01-01T00:00:00Z").await;
    run.control("a task that nobody took again", &if never.is_none() { vec!["no claim is found".to_owned()] } else { Vec::new() });
}

/// How long after this time the first task of a job was claimed that was claimed after it.
async fn claimed_after(api: &Api, job: &str, time: &str) -> Option<Duration> {
    let tasks = api.get(&format!("/api/v1/jobs/{job}/tasks")).await.expect(200).json();
    let kinds = |task: &&Value| task["kind"] == "pages";
    let claims = tasks["items"].as_array().into_iter().flatten().filter(kinds).filter_map(|task| task["started_at"].as_str());
    let parsed = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    let waited = |claim: &str| Duration::try_from(parsed(claim).duration_since(parsed(time))).ok();
    claims.filter_map(waited).min()
}
