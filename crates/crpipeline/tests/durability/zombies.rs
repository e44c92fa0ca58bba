//! Workers that are stopped for longer than their lease and then go on: what they still write must be refused.

use crp_testkit::{
    Api, Server,
    poll::{PATIENCE, until, within},
    server::is_stopped,
};
use futures_util::future::join_all;
use rustix::process::Signal;

use super::{
    account,
    checker::{self, Counted},
    installation::{Database, Installation, STOP_AT, SetUp},
    load::{self, Accepted, Known},
    run::{Chance, Run},
    storm::{look_at_all, open_jobs},
};

const PAGE_MILLISECONDS: u32 = 50;
/// Workers that are stopped at the same time.
const BATCH: u64 = 4;
const STEPS: [&str; 6] = ["claimed", "page_read", "page_object_written", "page_row_written", "artifacts_written", "before_commit"];

/// Runs it.
pub(crate) async fn run() {
    let mut run = Run::named("stopped_for_longer_than_the_lease");
    let Some(mut installation) = Installation::new(SetUp::Distributed, PAGE_MILLISECONDS).await else { return };
    for (name, value) in [("CRPIPELINE_LEASE_SECONDS", "5"), ("CRPIPELINE_WORKER_SLOTS", "1"), ("CRPIPELINE_PAGES_PER_TASK", "3")] {
        installation.set(name, value);
    }
    let _server = installation.start(installation.server_plan()).await;
    let api = installation.admin().await;
    let worker = installation.start(installation.worker_plan()).await;
    let known = load::without_faults(&api, load::documents(1)).await;
    worker.terminate().await;
    let mut chance = run.chance(0);
    let (mut accepted, mut stops, mut refusals) = (Vec::new(), 0, 0);
    let wanted = run.size(2, 200);
    while stops < wanted {
        let round = Round { installation: &installation, api: &api, known: &known, size: BATCH.min(wanted - stops).max(1) };
        let (uploaded, stopped, refused) = round.play(&mut run, &mut chance, stops).await;
        if stopped == 0 {
            run.complain(vec!["no worker reached the step at which it was to stop".to_owned()]);
            break;
        }
        accepted.extend(uploaded);
        stops += stopped;
        refusals += refused;
    }
    let seen = look_at_all(&api, &accepted).await;
    let complaints = checker::complaints(&known, &accepted, &seen, Counted::default());
    run.did("stops", stops);
    run.did("jobs", accepted.len() as u64);
    run.figure("jobs that were completed twice or wrongly", complaints.len() as f64, "", Some(0.0));
    run.figure("stopped workers whose late work was refused or dropped", refusals as f64, &format!("of {stops}"), None);
    run.complain(complaints);
    without_fence(&mut run, &installation, &api, &known).await;
    run.end();
}

struct Round<'a> {
    installation: &'a Installation,
    api: &'a Api,
    known: &'a [Known],
    size: u64,
}

impl Round<'_> {
    /// Stops some workers, lets others do their work, and lets them go on; gives the uploads, how many stopped, how many were refused.
    async fn play(&self, run: &mut Run, chance: &mut Chance, number: u64) -> (Vec<Accepted>, u64, u64) {
        let plan = |chance: &mut Chance| {
            let at = format!("{}:{}", chance.pick(&STEPS), 1 + chance.below(2));
            self.installation.worker_plan().env(STOP_AT, at)
        };
        let plans: Vec<_> = (0..self.size).map(|_| plan(chance)).collect();
        let zombies = join_all(plans.into_iter().map(|plan| self.installation.start(plan))).await;
        let mut accepted = Vec::new();
        for at in 0..self.size * 2 {
            let known = load::pick(self.known, chance);
            let ids = load::upload(self.api, &self.known[known].document, &format!("zombies-{number}-{at}")).await;
            accepted.push(Accepted { known, ids });
        }
        let all_stopped = || zombies.iter().filter(|zombie| is_stopped(zombie.pid())).count();
        let settled = async || {
            let idle = open_jobs(self.api).await.is_some_and(|(open, _)| open == 0);
            (idle || all_stopped() == zombies.len()).then_some(())
        };
        until("the workers to stop", PATIENCE, settled).await;
        let stopped: Vec<&Server> = zombies.iter().filter(|zombie| is_stopped(zombie.pid())).collect();
        let rescuers = join_all((0..2).map(|_| self.installation.start(self.installation.worker_plan()))).await;
        // Half of the time all is over when the stopped ones go on, half of the time others are in the middle of their work.
        if chance.below(2) == 0 {
            until("the jobs to end", PATIENCE, async || open_jobs(self.api).await.filter(|(open, _)| *open == 0)).await;
        } else {
            let rescued = async || {
                let counts = join_all(rescuers.iter().map(Server::scrape)).await;
                let sum: f64 = counts.iter().map(|scrape| scrape.value("crpipeline_job_lease_expired_total", &[])).sum();
                // A worker that never reached its step may have rescued them before.
                let is_over = open_jobs(self.api).await.is_some_and(|(open, _)| open == 0);
                (sum >= stopped.len() as f64 || is_over).then_some(())
            };
            until("the rescue of what the stopped workers had", PATIENCE, rescued).await;
        }
        zombies.iter().for_each(|zombie| zombie.signal(Signal::CONT));
        let refused = join_all(stopped.iter().map(|zombie| within(PATIENCE, async || was_refused(zombie).then_some(())))).await;
        let refused = refused.iter().flatten().count() as u64;
        if refused < stopped.len() as u64 {
            run.complain(vec![format!("{} stopped workers did not hear that their lease was lost", stopped.len() as u64 - refused)]);
        }
        until("the jobs to end", PATIENCE, async || open_jobs(self.api).await.filter(|(open, _)| *open == 0)).await;
        join_all(zombies.iter().chain(&rescuers).map(Server::terminate)).await;
        (accepted, stopped.len() as u64, refused)
    }
}

fn was_refused(worker: &Server) -> bool {
    let log = worker.log();
    ["Another worker has this task now", "The lease was lost; the work is dropped"].iter().any(|line| log.contains(line))
}

/// Control: the database forgets that the lease went to another worker and that the job is over, so that the late commit of the first
/// one is let through. (With the lease alone it would be refused all the same: a final job takes no second end.)
async fn without_fence(run: &mut Run, installation: &Installation, api: &Api, known: &[Known]) {
    let Database::Shared(database) = &installation.database else { return };
    let zombie = installation.start(installation.worker_plan().env(STOP_AT, "before_commit:3")).await;
    let ids = load::upload(api, &known[0].document, "without-fence").await;
    until("the worker to stop", PATIENCE, async || is_stopped(zombie.pid()).then_some(())).await;
    database.run("CREATE TABLE kept AS SELECT id, job, worker, fence FROM tasks WHERE state = 'running'");
    let rescuer = installation.start(installation.worker_plan()).await;
    api.succeeded_job(&ids.job).await;
    rescuer.terminate().await;
    let forget = [
        "UPDATE tasks SET state = 'running', worker = kept.worker, fence = kept.fence, lease_until = 9000000000000000000
         FROM kept WHERE tasks.id = kept.id",
        "UPDATE jobs SET status = 'running' FROM kept WHERE jobs.id = kept.job",
        "UPDATE stage_runs SET status = 'running', attempt_started_at = started_at FROM kept WHERE stage_runs.job = kept.job",
    ];
    forget.iter().for_each(|statement| database.run(statement));
    zombie.signal(Signal::CONT);
    let task_ended = async || {
        let tasks = account::look_at(api, &ids).await.outcome.tasks;
        tasks.iter().all(|(_, _, state)| state != "running").then_some(())
    };
    until("the late commit", PATIENCE, task_ended).await;
    let accepted = [Accepted { known: 0, ids }];
    let seen = look_at_all(api, &accepted).await;
    run.control("a late commit was not refused", &checker::complaints(known, &accepted, &seen, Counted::default()));
    zombie.kill_9().await;
}
