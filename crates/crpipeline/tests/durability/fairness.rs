//! One organization queues many pages, another one page: how long that waits, in tasks of the first.

use std::time::Duration;

use crp_testkit::{
    Api, Upload,
    poll::{PATIENCE, until},
    samples,
    server::ADMIN_PASSWORD,
};
use serde_json::Value;

use super::{
    installation::{Database, Installation, SetUp},
    run::Run,
    storm::open_jobs,
};

const PAGE_MILLISECONDS: u32 = 100;
/// Documents of seven pages that stand before the one page.
const CROWD: usize = 6;
/// Most that the one page may wait.
const MOST_TASKS: f64 = 2.0;

/// Runs it.
pub(crate) async fn run() {
    let mut run = Run::named("fairness_between_organizations");
    let Some(mut installation) = Installation::new(SetUp::Distributed, PAGE_MILLISECONDS).await else { return };
    installation.set("CRPIPELINE_PAGES_PER_TASK", "3");
    // The hardest case: nothing runs when the only slot becomes free.
    installation.set("CRPIPELINE_WORKER_SLOTS", "1");
    let _server = installation.start(installation.server_plan()).await;
    let _worker = installation.start(installation.worker_plan()).await;
    let crowd = installation.admin().await;
    let single = second_organization(&installation).await;
    let rounds = run.size(1, 20);
    let mut waits = Vec::new();
    for _ in 0..rounds {
        waits.push(one_behind_many(&crowd, &single).await);
    }
    run.did("rounds", rounds);
    waits.sort_by(f64::total_cmp);
    run.figure("wait of the one page, in tasks of the other organization, p50", waits[waits.len() / 2], "tasks", None);
    run.figure("wait of the one page, in tasks of the other organization, longest", waits[waits.len() - 1], "tasks", Some(MOST_TASKS));
    // Control: one of the same organization stands in the same queue.
    let within = one_behind_many(&crowd, &crowd).await;
    let noticed = if within > MOST_TASKS { vec![format!("it waits {within:.1} tasks")] } else { Vec::new() };
    run.control("the one page belongs to the organization that queues many", &noticed);
    run.end();
}

/// How many lengths of a task of `crowd` one page of `single` waits behind many of `crowd`.
async fn one_behind_many(crowd: &Api, single: &Api) -> f64 {
    let (many, one) = (samples::slips(7), samples::slips(1));
    let mut jobs = Vec::new();
    for _ in 0..CROWD {
        jobs.push(crowd.accepted(&Upload::of("many.pdf", &many)).await.job);
    }
    crowd.job_when(&jobs[0], "its first page", |job| job["progress"]["pages_done"].as_u64() > Some(0)).await;
    let job = single.accepted(&Upload::of("one.pdf", &one)).await.job;
    let job = single.succeeded_job(&job).await;
    until("the queue to become empty", PATIENCE, async || open_jobs(crowd).await.filter(|(open, _)| *open == 0)).await;
    let mut lengths = Vec::new();
    for job in &jobs {
        let tasks = crowd.get(&format!("/api/v1/jobs/{job}/tasks")).await.expect(200).json();
        let pages = tasks["items"].as_array().into_iter().flatten().filter(|task| task["kind"] == "pages");
        lengths.extend(pages.map(|task| between(task, "started_at", "finished_at").as_secs_f64()));
    }
    let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
    between(&job, "created_at", "started_at").as_secs_f64() / mean
}

fn between(thing: &Value, begin: &str, end: &str) -> Duration {
    let at = |key: &str| thing[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time");
    Duration::try_from(at(end).duration_since(at(begin))).unwrap_or_default()
}

/// Another organization with a member, made past crPipeline, which has no way to make one yet.
async fn second_organization(installation: &Installation) -> Api {
    let Database::Shared(database) = &installation.database else { unreachable!("it shares the server of all tests") };
    let id = "00000000-0000-7000-8000-000000000002";
    database.run(&format!(
        "INSERT INTO organizations (id, name, languages, created_at) SELECT '{id}', 'Other', languages, created_at FROM organizations"
    ));
    database.run(&format!(
        "INSERT INTO users (id, email, display_name, password_hash, is_active, is_confirmed, is_platform_admin, locked_at, created_at)
         SELECT '{id}', 'other@example.org', display_name, password_hash, is_active, is_confirmed, false, NULL, created_at FROM users"
    ));
    database.run(&format!("INSERT INTO memberships (organization, user_id, role, created_at) VALUES ('{id}', '{id}', 'owner', 0)"));
    Api::signed_in(&installation.url, "other@example.org", ADMIN_PASSWORD).await
}
