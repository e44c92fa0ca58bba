//! The queue against a model of it: whatever order of claims, renewals, ends, losses and cancels, both say the same.

use std::{collections::BTreeMap, time::Duration};

use crp_model::{Code, Failure, JobId, JobStatus, PageRange, Scope, TaskId, TaskKind};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    fixtures::{LEASE, good_page, plan},
    harness::{self, TestDb},
};
use crate::{
    StoreError,
    jobs::{self, CancelOutcome},
    tasks::{self, ClaimedTask, Committed, MAX_ATTEMPTS},
};

/// Pages of every document of the model, one range each.
const PAGES: u32 = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Upload {
        organization: usize,
    },
    Claim,
    /// Ends the task of a claim as it should be ended, also when the claim is no longer the newest.
    Finish {
        claim: usize,
    },
    Fail {
        claim: usize,
        retry: bool,
    },
    HandBack {
        claim: usize,
    },
    Renew {
        claim: usize,
    },
    Cancel {
        job: usize,
    },
    /// The leases of all claims that were not renewed since run out, and are rescued.
    Rescue,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..2usize).prop_map(|organization| Step::Upload { organization }),
        8 => Just(Step::Claim),
        8 => (0..64usize).prop_map(|claim| Step::Finish { claim }),
        2 => (0..64usize, any::<bool>()).prop_map(|(claim, retry)| Step::Fail { claim, retry }),
        2 => (0..64usize).prop_map(|claim| Step::HandBack { claim }),
        2 => (0..64usize).prop_map(|claim| Step::Renew { claim }),
        1 => (0..8usize).prop_map(|job| Step::Cancel { job }),
        1 => Just(Step::Rescue),
    ];
    prop::collection::vec(step, 1..60)
}

/// A task as the model sees it: held under a fence, or waiting.
#[derive(Clone, Debug)]
struct ModelTask {
    job: JobId,
    kind: TaskKind,
    held: Option<i64>,
    attempt: u32,
    fence: i64,
}

#[derive(Clone, Debug)]
struct ModelJob {
    organization: usize,
    status: JobStatus,
    cancel_requested: bool,
    ranges_open: u32,
    /// Tasks that will be seen when they are claimed: how many of each kind wait for their first claim.
    unseen: BTreeMap<&'static str, u32>,
    /// Finals that commits told of; must never be above one.
    ends: u32,
}

#[derive(Default)]
struct Model {
    jobs: BTreeMap<JobId, ModelJob>,
    order: Vec<JobId>,
    tasks: BTreeMap<TaskId, ModelTask>,
    claims: Vec<ClaimedTask>,
    committed_ends: BTreeMap<JobId, u32>,
}

impl Model {
    fn running_of(&self, organization: usize) -> usize {
        self.tasks.values().filter(|task| task.held.is_some() && self.jobs[&task.job].organization == organization).count()
    }

    fn ready_of(&self, organization: usize) -> usize {
        let known = self.tasks.values().filter(|task| task.held.is_none() && self.jobs[&task.job].organization == organization).count();
        let unseen: u32 =
            self.jobs.values().filter(|job| job.organization == organization).flat_map(|job| job.unseen.values()).copied().sum();
        known + unseen as usize
    }

    fn is_held(&self, claim: &ClaimedTask) -> bool {
        self.tasks.get(&claim.id).is_some_and(|task| task.held == Some(claim.fence))
    }

    fn end_job(&mut self, id: JobId, status: JobStatus) {
        self.tasks.retain(|_, task| task.job != id);
        let job = self.jobs.get_mut(&id).expect("a job of the model");
        assert!(!job.status.is_final(), "a final state never reverts");
        job.status = status;
        job.unseen.clear();
        job.ends += 1;
    }

    /// After a held task of a job that is being cancelled is gone.
    fn end_cancelled_task(&mut self, task: &ClaimedTask) {
        self.tasks.remove(&task.id);
        if !self.tasks.values().any(|other| other.job == task.job && other.held.is_some()) {
            self.end_job(task.job, JobStatus::Cancelled);
        }
    }

    fn claimed(&mut self, task: ClaimedTask) {
        let known = self.tasks.contains_key(&task.id);
        let organization = self.jobs[&task.job].organization;
        let job = self.jobs.get_mut(&task.job).expect("a job of the model");
        assert!(!job.status.is_final() && !job.cancel_requested, "no task of an ended job is claimed");
        job.status = JobStatus::Running;
        if known {
            let entry = self.tasks.get_mut(&task.id).expect("known");
            assert_eq!(entry.held, None, "a held task is never claimed");
            assert_eq!((task.attempt, task.kind), (entry.attempt + 1, entry.kind));
            assert_eq!(task.fence, entry.fence + 1);
        } else {
            let unseen = job.unseen.get_mut(task.kind.as_str()).expect("a task that was queued");
            *unseen = unseen.checked_sub(1).expect("no more tasks than were queued");
            assert_eq!((task.attempt, task.fence), (1, 1));
        }
        let entry = ModelTask { job: task.job, kind: task.kind, held: Some(task.fence), attempt: task.attempt, fence: task.fence };
        self.tasks.insert(task.id, entry);
        let other = 1 - organization;
        let waits = self.ready_of(other) > 0;
        assert!(!waits || self.running_of(organization) - 1 <= self.running_of(other), "the organization with fewer running tasks first");
        self.claims.push(task);
    }

    fn finished(&mut self, task: &ClaimedTask) {
        if self.jobs[&task.job].cancel_requested {
            return self.end_cancelled_task(task);
        }
        self.tasks.remove(&task.id);
        let job = self.jobs.get_mut(&task.job).expect("a job of the model");
        match task.kind {
            TaskKind::Inspect => {
                job.ranges_open = PAGES;
                job.unseen.insert(TaskKind::Pages.as_str(), PAGES);
            }
            TaskKind::Pages => {
                job.ranges_open -= 1;
                if job.ranges_open == 0 {
                    job.unseen.insert(TaskKind::Assemble.as_str(), 1);
                }
            }
            TaskKind::Assemble | TaskKind::Stage => self.end_job(task.job, JobStatus::Succeeded),
        }
    }

    fn failed(&mut self, task: &ClaimedTask, retry: bool) {
        if self.jobs[&task.job].cancel_requested {
            self.end_cancelled_task(task);
        } else if retry && task.attempt < MAX_ATTEMPTS {
            self.tasks.get_mut(&task.id).expect("held").held = None;
        } else {
            self.end_job(task.job, JobStatus::Failed);
        }
    }

    fn handed_back(&mut self, task: &ClaimedTask) {
        if self.jobs[&task.job].cancel_requested {
            return self.end_cancelled_task(task);
        }
        let entry = self.tasks.get_mut(&task.id).expect("held");
        entry.held = None;
        entry.attempt -= 1;
    }
}

/// The model beside the store.
struct Run {
    db: TestDb,
    scopes: [Scope; 2],
    model: Model,
}

impl Run {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Upload { organization } => {
                let bytes = format!("bytes {}", self.model.order.len());
                let job = self.db.upload(&self.scopes[organization], &bytes, plan()).await.job;
                let unseen = BTreeMap::from([(TaskKind::Inspect.as_str(), 1)]);
                let status = JobStatus::Queued;
                self.model.jobs.insert(job, ModelJob { organization, status, cancel_requested: false, ranges_open: 0, unseen, ends: 0 });
                self.model.order.push(job);
            }
            Step::Claim => match self.db.try_claim().await {
                Some(task) => self.model.claimed(task),
                None => assert_eq!(self.model.ready_of(0) + self.model.ready_of(1), 0, "what is ready is claimed"),
            },
            Step::Finish { claim } => self.end(claim, Ending::Finish).await,
            Step::Fail { claim, retry } => self.end(claim, Ending::Fail { retry }).await,
            Step::HandBack { claim } => self.end(claim, Ending::HandBack).await,
            Step::Renew { claim } => self.renew(claim).await,
            Step::Cancel { job } => self.cancel(job).await,
            Step::Rescue => self.rescue().await,
        }
    }

    fn pick(&self, claim: usize) -> Option<ClaimedTask> {
        let claims = &self.model.claims;
        // The newest ones more often, and now and then one that is long over.
        (!claims.is_empty()).then(|| claims[claims.len() - 1 - claim % claims.len().min(6)].clone())
    }

    async fn end(&mut self, claim: usize, how: Ending) {
        let Some(task) = self.pick(claim) else { return };
        let held = self.model.is_held(&task);
        let done = how.apply(&self.db, &task).await;
        if !held {
            assert_eq!(done, Err(StoreError::Fenced), "a stale claim changes nothing");
            return;
        }
        self.note(task.job, &done.expect("a held task can be ended"));
        match how {
            Ending::Finish => self.model.finished(&task),
            Ending::Fail { retry } => self.model.failed(&task, retry),
            Ending::HandBack => self.model.handed_back(&task),
        }
    }

    fn note(&mut self, job: JobId, committed: &Committed) {
        if committed.job_ended.is_some() {
            *self.model.committed_ends.entry(job).or_default() += 1;
        }
    }

    async fn renew(&mut self, claim: usize) {
        let Some(task) = self.pick(claim) else { return };
        let renewed = tasks::renew(&self.db.store, task.worker, &[(task.id, task.fence)], LEASE).await.unwrap();
        let expected = match self.model.is_held(&task) {
            false => tasks::LeaseState::Lost,
            true if self.model.jobs[&task.job].cancel_requested => tasks::LeaseState::CancelRequested,
            true => tasks::LeaseState::Owned,
        };
        assert_eq!(renewed[0].state, expected);
    }

    async fn cancel(&mut self, job: usize) {
        if self.model.order.is_empty() {
            return;
        }
        let id = self.model.order[job % self.model.order.len()];
        let expected = self.model.jobs[&id].clone();
        let outcome = jobs::cancel(&self.db.store, &self.scopes[expected.organization], id).await.unwrap();
        let is_held = self.model.tasks.values().any(|task| task.job == id && task.held.is_some());
        match outcome {
            CancelOutcome::AlreadyFinal(status) => assert_eq!(status, expected.status),
            CancelOutcome::Requested => {
                assert!(is_held);
                self.model.tasks.retain(|_, task| task.job != id || task.held.is_some());
                let entry = self.model.jobs.get_mut(&id).expect("a job of the model");
                entry.cancel_requested = true;
                entry.unseen.clear();
            }
            CancelOutcome::Cancelled(committed) => {
                assert!(!is_held && !expected.status.is_final());
                self.note(id, &committed);
                self.model.end_job(id, JobStatus::Cancelled);
            }
        }
    }

    async fn rescue(&mut self) {
        self.db.advance(LEASE.as_secs_f64() + 1.0);
        let held: Vec<ClaimedTask> = self.model.claims.iter().filter(|claim| self.model.is_held(claim)).cloned().collect();
        let rescued = tasks::rescue_expired(&self.db.store).await.unwrap();
        for one in &rescued {
            let task = held.iter().find(|task| task.id == one.task).expect("only held tasks are rescued").clone();
            self.note(one.job, &one.committed);
            if self.model.is_held(&task) {
                self.model.failed(&task, true);
            }
        }
        let lost = held.iter().filter(|task| self.model.is_held(task)).count();
        assert_eq!(lost, 0, "every expired lease is rescued");
    }

    /// At the end, states agree and every end was told exactly once.
    async fn compare(&self) {
        for (id, expected) in &self.model.jobs {
            let row = self.db.job(&self.scopes[expected.organization], *id).await;
            assert_eq!(row.status, expected.status);
            assert_eq!(row.cancel_requested && !row.status.is_final(), expected.cancel_requested && !expected.status.is_final());
            let told = self.model.committed_ends.get(id).copied().unwrap_or(0);
            assert_eq!(told, expected.ends, "each end is counted once");
            assert_eq!(told, u32::from(expected.status.is_final()));
        }
    }
}

#[derive(Clone, Copy)]
enum Ending {
    Finish,
    Fail { retry: bool },
    HandBack,
}

impl Ending {
    async fn apply(self, db: &TestDb, task: &ClaimedTask) -> Result<Committed, StoreError> {
        let (store, failure) = (&db.store, Failure::new(Code::EngineCrashed, "died"));
        match self {
            Ending::Fail { retry } => tasks::fail(store, task, &failure, retry.then_some(Duration::ZERO)).await,
            Ending::HandBack => tasks::hand_back(store, task, Duration::ZERO).await,
            Ending::Finish => match task.kind {
                TaskKind::Inspect => tasks::finish_inspect(store, task, PAGES, &PageRange::split(PAGES, 1), &[]).await,
                TaskKind::Pages => {
                    let page = task.range.expect("a range").first;
                    tasks::save_page(store, task, &good_page(task, page), "The words of a page.").await?;
                    tasks::finish_pages(store, task).await
                }
                TaskKind::Assemble | TaskKind::Stage => tasks::finish_stage(store, task, &[], &[]).await,
            },
        }
    }
}

/// How many histories are tried; each is short, and the seed stands still so that a failure stays.
fn cases() -> u32 {
    std::env::var("CRP_STORE_MODEL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

async fn explore(db: TestDb) {
    let scopes = [db.organization("one").await, db.organization("two").await];
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for case in 0..cases() {
        let history = steps().new_tree(&mut runner).expect("a history").current();
        println!("case {case}: {history:?}");
        let mut run = Run { db: db.clone(), scopes, model: Model::default() };
        for step in history {
            run.step(step).await;
            // A task that fails keeps its place behind those that came later.
            run.db.advance(0.001);
        }
        run.compare().await;
        empty_the_queue(&db).await;
    }
}

/// Ends whatever is left, so that the next history begins with nothing.
async fn empty_the_queue(db: &TestDb) {
    let failure = Failure::new(Code::Internal, "the history is over");
    tasks::release_all_of_previous_process(&db.store).await.unwrap();
    while let Some(task) = db.try_claim().await {
        tasks::fail(&db.store, &task, &failure, None).await.unwrap();
    }
}

mod sqlite {
    #[test]
    fn the_queue_and_its_model_agree_on_every_history() {
        super::harness::on_sqlite(super::explore);
    }
}

mod postgres {
    #[test]
    fn the_queue_and_its_model_agree_on_every_history() {
        super::harness::on_postgres(super::explore);
    }
}
