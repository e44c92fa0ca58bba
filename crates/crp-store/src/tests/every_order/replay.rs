//! The same steps on the real store: after each of them, its rows say what the model says.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crp_model::{Code, Failure, JobId, PageRange, Scope, TaskId, TaskKind, WorkerId};
use proptest::{prelude::Rng as _, test_runner::TestRng};

use super::rules::{ASSEMBLE, At, Broken, JobAt, MAX_ATTEMPTS, State, Step, TASKS, WORKERS};
use crate::{
    Store, StoreError, jobs,
    sql::{Statement, args},
    tasks::{self, ClaimedTask, Committed, LeaseState},
    tests::{
        fixtures::{LEASE, good_page, plan},
        harness::TestDb,
    },
    value::Row,
};

const ROWS: &str = "SELECT id, kind, first_page, state, attempt, fence, worker, lease_until FROM tasks WHERE job = $1 AND kind <> 'inspect' ORDER BY first_page";
static TASK_ROWS: Statement = Statement { name: "TASK_ROWS", sqlite: ROWS, postgres: ROWS };

/// A job of the store, and how model and store call things.
pub(super) struct Replay<'a> {
    db: &'a TestDb,
    store: Store,
    scope: Scope,
    job: JobId,
    workers: [WorkerId; WORKERS],
    claims: [Option<ClaimedTask>; WORKERS],
    /// Ids of the tasks by their number in the model.
    ids: HashMap<usize, TaskId>,
    pub(super) state: State,
}

impl<'a> Replay<'a> {
    /// A new job whose document was opened, as the model begins.
    pub(super) async fn begin(db: &'a TestDb, scope: Scope, first: State) -> Self {
        let store = db.store.clone().with_max_attempts(MAX_ATTEMPTS.into());
        let new = db.new_document(&scope, &format!("bytes {}", db.store.ambient().new_uuid()), plan());
        let job = crate::documents::add_with_job(&store, &scope, new).await.unwrap().job;
        let task = tasks::claim(&store, db.worker(), LEASE).await.unwrap().unwrap();
        assert_eq!((task.kind, task.job), (TaskKind::Inspect, job));
        tasks::finish_inspect(&store, &task, 2, &PageRange::split(2, 1), &[]).await.unwrap();
        let workers = [(); WORKERS].map(|()| db.worker());
        let mut replay = Self { db, store, scope, job, workers, claims: [const { None }; WORKERS], ids: HashMap::new(), state: first };
        replay.compare(None).await;
        replay
    }

    /// Takes a step that chance picks, mostly one to a state that nobody has seen yet. The store picks the task of a claim, within what
    /// the model allows.
    pub(super) async fn any_step(&mut self, random: &mut TestRng, seen: &HashSet<State>) -> Step {
        let steps = self.state.steps();
        let leads_to = |step: &Step| self.state.after(*step, Broken::Nothing).expect("nothing is wrong with the model");
        let open: Vec<Step> = steps.iter().filter(|step| !leads_to(step).is_final()).copied().collect();
        let new: Vec<Step> = open.iter().filter(|step| !seen.contains(&leads_to(step).canonical())).copied().collect();
        let from = match random.next_u32() % 16 {
            0 => &steps,
            _ if !new.is_empty() => &new,
            _ if !open.is_empty() => &open,
            _ => &steps,
        };
        let mut step = from[(random.next_u32() as usize) % from.len()];
        // Clocks of their own would be needed to let one lease pass and not the other.
        self.db.advance(0.001);
        if let Step::Claim { worker, .. } = step {
            let claimed = tasks::claim(&self.store, self.workers[worker], LEASE).await.unwrap().expect("what is ready is claimed");
            assert_eq!(claimed.job, self.job);
            let task = claimed.range.map_or(ASSEMBLE, |range| range.first.get() as usize - 1);
            assert!(self.state.tasks[task].at == At::Ready, "{claimed:?}");
            self.claims[worker] = Some(claimed);
            step = Step::Claim { worker, task };
        }
        let mut next = self.state.after(step, Broken::Nothing).expect("nothing is wrong with the model");
        if let Step::Rescue { .. } = step {
            // The store rescues every task whose lease has run out, the one that is lost longest first.
            next = self.expired().await.into_iter().fold(self.state, |state, task| {
                state.after(Step::Rescue { task }, Broken::Nothing).expect("nothing is wrong with the model")
            });
        }
        self.act(step, &next).await;
        self.state = next;
        self.compare(Some(step)).await;
        step
    }

    /// The numbers of the tasks whose lease has run out, in the order of the leases.
    async fn expired(&self) -> Vec<usize> {
        let rows = self.store.read().await.unwrap().all(&TASK_ROWS, args![self.job]).await.unwrap();
        let running = rows.iter().filter(|row| row.get::<String>("state").unwrap() == "running");
        let mut leases: Vec<(i64, usize)> = running.map(|row| (row.get::<i64>("lease_until").unwrap(), number_of(row))).collect();
        leases.sort_unstable();
        leases.into_iter().map(|(_, number)| number).filter(|number| self.state.tasks[*number].expired).collect()
    }

    async fn act(&mut self, step: Step, next: &State) {
        let failure = Failure::new(Code::EngineCrashed, "died");
        let worker = match step {
            Step::Claim { .. } => return,
            Step::Crash { worker } => {
                (self.workers[worker], self.claims[worker]) = (self.db.worker(), None);
                return;
            }
            Step::Cancel => return drop(jobs::cancel(&self.store, &self.scope, self.job).await.unwrap()),
            Step::Lapse { task } => return self.lapse(task).await,
            Step::Rescue { .. } => return drop(tasks::rescue_expired(&self.store).await.unwrap()),
            Step::Save { worker } | Step::Finish { worker } | Step::Fail { worker, .. } => worker,
            Step::HandBack { worker } | Step::FinishCancelled { worker } | Step::Renew { worker } => worker,
        };
        let task = self.claims[worker].clone().expect("it claimed one");
        let page = task.range.map(|range| range.first);
        let done: Result<Option<Committed>, StoreError> = match step {
            Step::Renew { .. } => {
                let renewed = tasks::renew(&self.store, task.worker, &[(task.id, task.fence)], LEASE).await.unwrap();
                if renewed[0].state == LeaseState::Lost { Err(StoreError::Fenced) } else { Ok(None) }
            }
            Step::Save { .. } => tasks::save_page(&self.store, &task, &good_page(&task, page.unwrap()), "words").await.map(|_| None),
            Step::Finish { .. } if task.kind == TaskKind::Pages => tasks::finish_pages(&self.store, &task).await.map(Some),
            Step::Finish { .. } => tasks::finish_stage(&self.store, &task, &[], &[]).await.map(Some),
            Step::Fail { again, .. } => tasks::fail(&self.store, &task, &failure, again.then_some(Duration::ZERO)).await.map(Some),
            Step::HandBack { .. } => tasks::hand_back(&self.store, &task, Duration::ZERO).await.map(Some),
            Step::FinishCancelled { .. } => tasks::finish_cancelled(&self.store, &task).await.map(Some),
            _ => unreachable!("a step of no worker"),
        };
        let held = self.state.holds(worker);
        assert_eq!(done.is_ok(), held, "{step:?}: {done:?}");
        if !held {
            assert_eq!(done, Err(StoreError::Fenced), "{step:?}");
        } else if let Ok(Some(committed)) = done {
            assert_eq!(committed.job_ended.is_some(), next.is_final() && !self.state.is_final(), "{step:?}: an end is told once");
        }
        if next.claims[worker].is_none() {
            self.claims[worker] = None;
        }
    }

    /// Time passes; every other worker that lives and has not fallen silent renews.
    async fn lapse(&mut self, task: usize) {
        self.db.advance(LEASE.as_secs_f64() + 1.0);
        for other in
            (0..TASKS).filter(|other| *other != task && self.state.tasks[*other].at == At::Running && !self.state.tasks[*other].expired)
        {
            let id = self.ids[&other];
            let renewed = self.store.write().await.unwrap();
            self.renew_row(renewed, id).await;
        }
    }

    /// A lease is as new as the model says, whoever holds it: the dead may have died a moment ago.
    async fn renew_row(&self, mut tx: crate::transaction::Tx, id: TaskId) {
        const TEXT: &str = "UPDATE tasks SET lease_until = $2 WHERE id = $1";
        static RENEW_ROW: Statement = Statement { name: "RENEW_ROW", sqlite: TEXT, postgres: TEXT };
        let until = self.db.clock_now().plus(LEASE);
        tx.run(&RENEW_ROW, args![id, until]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn compare(&mut self, step: Option<Step>) {
        let rows = self.store.read().await.unwrap().all(&TASK_ROWS, args![self.job]).await.unwrap();
        let mut seen = 0;
        for row in &rows {
            let number = number_of(row);
            self.ids.insert(number, row.get("id").unwrap());
            self.compare_task(number, row, step);
            seen += 1;
        }
        assert_eq!(seen, self.state.tasks.iter().filter(|task| task.at != At::Absent).count(), "{step:?}");
        let job = jobs::get(&self.store, &self.scope, self.job).await.unwrap();
        let status = match self.state.job {
            JobAt::Running => "running",
            JobAt::Succeeded => "succeeded",
            JobAt::Failed => "failed",
            JobAt::Cancelled => "cancelled",
        };
        // A job is queued until its first claim, which is that of `inspect`.
        assert_eq!((job.status.as_str(), job.cancel_requested), (status, self.state.cancel_requested), "{step:?}");
    }

    fn compare_task(&self, number: usize, row: &Row, step: Option<Step>) {
        let task = &self.state.tasks[number];
        let state: String = row.get("state").unwrap();
        let expected = match task.at {
            At::Absent => panic!("task {number} is there after {step:?}"),
            At::Ready => "ready",
            At::Running => "running",
            At::Done => "done",
            At::Failed => "failed",
            At::Cancelled => "cancelled",
        };
        let (attempt, fence): (u32, i64) = (row.get("attempt").unwrap(), row.get("fence").unwrap());
        assert_eq!((state.as_str(), attempt, fence), (expected, task.attempt.into(), task.fence.into()), "task {number} after {step:?}");
        if task.at == At::Running {
            let until: crp_model::Timestamp = row.get("lease_until").unwrap();
            assert_eq!(until < self.db.clock_now(), task.expired, "task {number} after {step:?}");
        }
    }
}

fn number_of(row: &Row) -> usize {
    row.get::<u32>("first_page").unwrap().checked_sub(1).map_or(ASSEMBLE, |page| page as usize)
}
