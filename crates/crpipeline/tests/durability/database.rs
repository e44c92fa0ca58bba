//! PostgreSQL crashes under load: answers fail meanwhile, and that is all.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crp_testkit::{
    Api,
    poll::{PATIENCE, until, within},
};
use futures_util::future::join_all;
use http::Method;

use super::{
    checker::{self, Counted},
    installation::{Database, Installation},
    load::{self, Accepted},
    run::Run,
    sabotage,
    storm::{look_at_all, open_jobs},
};

const PAGE_MILLISECONDS: u32 = 50;
/// Uploads of each round.
const UPLOADS: usize = 4;
/// Longest that answers may fail after the database takes logins again.
const RECOVERY_SECONDS: f64 = 5.0;

/// Runs it.
pub(crate) async fn run() {
    let mut run = Run::named("crashed_database");
    let Some(mut installation) = Installation::on_own_postgres(PAGE_MILLISECONDS).await else { return };
    installation.set("CRPIPELINE_PAGES_PER_TASK", "3");
    let _server = installation.start(installation.server_plan()).await;
    let _workers = join_all((0..2).map(|_| installation.start(installation.worker_plan()))).await;
    let api = installation.admin().await;
    let known = load::without_faults(&api, load::documents(1)).await;
    let mut chance = run.chance(0);
    let (mut accepted, mut answers_after, mut works_after, mut failed) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let rounds = run.size(2, 30);
    for round in 0..rounds {
        let picks: Vec<usize> = (0..UPLOADS).map(|_| load::pick(&known, &mut chance)).collect();
        let keys: Vec<String> = (0..UPLOADS).map(|number| format!("database-{round}-{number}")).collect();
        // Half of the uploads are under way when it crashes.
        let early = UPLOADS / 2;
        for (at, key) in picks.iter().zip(&keys).take(early) {
            accepted.push(Accepted { known: *at, ids: load::upload(&api, &known[*at].document, key).await });
        }
        let job = accepted.last().expect("an upload").ids.job.clone();
        api.job_when(&job, "work", |job| job["status"] != "queued").await;
        let late = join_all(picks.iter().zip(&keys).skip(early).map(|(at, key)| load::upload(&api, &known[*at].document, key)));
        let watch = Watch::default();
        let crash = async {
            let Database::Own(postgres) = &mut installation.database else { unreachable!("it has a database of its own") };
            postgres.crash().await;
            postgres.start_again().await;
            let back = Instant::now();
            let ids = load::upload(&api, &known[0].document, &format!("database-{round}-after")).await;
            api.job_when_answered(&ids.job).await;
            let works = back.elapsed();
            // Whoever asks for a while after that is answered each time.
            watch.until_quiet().await;
            (back, works, ids)
        };
        let ((back, works, ids), late, ()) = tokio::join!(crash, late, watch.ask(&api));
        accepted.extend(picks.iter().skip(early).zip(late).map(|(at, ids)| Accepted { known: *at, ids }));
        accepted.push(Accepted { known: 0, ids });
        let (last, count) = watch.last_failure();
        failed += count;
        answers_after.push(last.map_or(std::time::Duration::ZERO, |last| last.saturating_duration_since(back)));
        works_after.push(works);
    }
    let ended = within(PATIENCE, async || open_jobs(&api).await.filter(|(open, _)| *open == 0)).await;
    if ended.is_none() {
        run.complain(vec!["jobs that never end".to_owned()]);
    }
    let seen = look_at_all(&api, &accepted).await;
    run.complain(checker::complaints(&known, &accepted, &seen, Counted::default()));
    run.did("crashes", rounds);
    run.did("jobs", accepted.len() as u64);
    run.did("requests that failed meanwhile", failed);
    run.spread("from the database's return to the last answer that failed", answers_after, Some(RECOVERY_SECONDS));
    run.spread("from the database's return to work on a new upload", works_after, None);
    sabotage::without_a_document(&mut run, &api, &known, &accepted[0]).await;
    run.end();
}

/// Asks all the time and notes what was not answered.
#[derive(Default)]
struct Watch {
    failures: Mutex<Vec<Instant>>,
    good: Mutex<u32>,
    over: AtomicBool,
}

impl Watch {
    async fn ask(&self, api: &Api) {
        let asked = async || {
            let answer = api.try_send(api.request(Method::GET, "/api/v1/overview")).await;
            let good = answer.is_ok_and(|answer| answer.status < 500);
            let mut in_a_row = self.good.lock().expect("no panic");
            *in_a_row = if good { *in_a_row + 1 } else { 0 };
            drop(in_a_row);
            if !good {
                self.failures.lock().expect("no panic").push(Instant::now());
            }
            self.over.load(Ordering::SeqCst).then_some(())
        };
        until("the round to end", PATIENCE, asked).await;
    }

    async fn until_quiet(&self) {
        let quiet = async || (*self.good.lock().expect("no panic") >= 20).then_some(());
        until("answers without a failure", PATIENCE, quiet).await;
        self.over.store(true, Ordering::SeqCst);
    }

    fn last_failure(&self) -> (Option<Instant>, u64) {
        let failures = self.failures.lock().expect("no panic");
        (failures.last().copied(), failures.len() as u64)
    }
}

trait Patient {
    /// Waits until a job has begun, whatever fails meanwhile.
    async fn job_when_answered(&self, job: &str);
}

impl Patient for Api {
    async fn job_when_answered(&self, job: &str) {
        let begun = async || {
            let answer = self.try_send(self.request(Method::GET, &format!("/api/v1/jobs/{job}"))).await.ok()?;
            (answer.status == 200 && answer.json()["status"] != "queued").then_some(())
        };
        until("a job to begin", PATIENCE, begun).await;
    }
}
