//! The rules of claim, renewal, end, rescue and cancel as the statements of `tasks` and `jobs` have them: one job of two pages and the
//! task that assembles them, worked on by three workers. What can be broken on purpose is a [`Broken`].

/// Pages of the document, each a task, and the task that assembles.
pub(super) const TASKS: usize = 3;
/// The task that assembles; it is there when both pages are done.
pub(super) const ASSEMBLE: usize = 2;
pub(super) const WORKERS: usize = 3;
/// Attempts of a task.
pub(super) const MAX_ATTEMPTS: u8 = 2;

/// Where a task is; the column `state`, and `Absent` for no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    Absent,
    Ready,
    Running,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum JobAt {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// A process that works: its place, and how often that was started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    pub(super) slot: u8,
    pub(super) start: u16,
}

/// A row of `tasks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Task {
    pub(super) at: At,
    pub(super) attempt: u8,
    pub(super) fence: u16,
    pub(super) worker: Option<Id>,
    /// `lease_until` has passed.
    pub(super) expired: bool,
    /// Its page is saved.
    pub(super) saved: bool,
    /// It was saved in this attempt.
    pub(super) progress: bool,
    /// How often it was completed. No column: what must never be above one.
    pub(super) completions: u8,
}

/// What a worker believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) task: u8,
    pub(super) fence: u16,
    /// Its lease ran out at some time. No belief of a worker: it tells which refusals are right.
    pub(super) lapsed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) job: JobAt,
    pub(super) cancel_requested: bool,
    /// Pages that are still to be done: `stage_runs.tasks_open`.
    pub(super) open: i8,
    pub(super) tasks: [Task; TASKS],
    pub(super) starts: [u16; WORKERS],
    pub(super) claims: [Option<Claim>; WORKERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Claim {
        worker: usize,
        task: usize,
    },
    Save {
        worker: usize,
    },
    Finish {
        worker: usize,
    },
    Fail {
        worker: usize,
        again: bool,
    },
    HandBack {
        worker: usize,
    },
    FinishCancelled {
        worker: usize,
    },
    Renew {
        worker: usize,
    },
    Crash {
        worker: usize,
    },
    /// Time passes until the lease of the task has run out.
    Lapse {
        task: usize,
    },
    Rescue {
        task: usize,
    },
    Cancel,
}

/// A rule that is left out, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    /// Ends and renewals ask for `state = 'running'` alone.
    FenceAndWorkerAreNotCompared,
    /// A rescue takes every running task.
    RescueIgnoresTheLease,
    /// A task is tried again without an end.
    AttemptsHaveNoEnd,
    /// The end of a task does not ask whether the job is being cancelled.
    EndsIgnoreTheCancel,
    /// A task whose attempts are used up is failed, and its job is not.
    TheJobIsForgotten,
    /// A rescue leaves tasks of jobs that are being cancelled alone.
    RescueLeavesCancelled,
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    CompletedTwice,
    TooManyAttempts,
    CancelledAndSucceeded,
    SucceededWithoutEveryTask,
    /// A worker that never let its lease run out was refused, and the job had not ended.
    RefusedWithoutReason,
    /// A task failed for good and its job goes on.
    FailedTaskOfRunningJob,
    /// A worker ended or saved what it did not hold any more.
    StaleWorkCounted,
    FinalStateLeft,
}

impl State {
    pub(super) fn first() -> Self {
        let ready =
            Task { at: At::Ready, attempt: 0, fence: 0, worker: None, expired: false, saved: false, progress: false, completions: 0 };
        Self {
            job: JobAt::Running,
            cancel_requested: false,
            open: 2,
            tasks: [ready, ready, Task { at: At::Absent, ..ready }],
            starts: [0; WORKERS],
            claims: [None; WORKERS],
        }
    }

    pub(super) fn is_final(&self) -> bool {
        self.job != JobAt::Running
    }

    fn id(&self, worker: usize) -> Id {
        Id { slot: u8::try_from(worker).unwrap_or(0), start: self.starts[worker] }
    }

    /// Every step that the processes may take now.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for worker in 0..WORKERS {
            match self.claims[worker] {
                None => {
                    let ready = (0..TASKS).filter(|task| self.tasks[*task].at == At::Ready);
                    steps.extend(ready.map(|task| Step::Claim { worker, task }));
                }
                Some(claim) => {
                    let task = usize::from(claim.task);
                    let is_page = task != ASSEMBLE;
                    if is_page {
                        steps.push(Step::Save { worker });
                    }
                    if !is_page || self.tasks[task].saved {
                        steps.push(Step::Finish { worker });
                    }
                    steps.extend([Step::Fail { worker, again: true }, Step::Fail { worker, again: false }, Step::Renew { worker }]);
                    steps.extend([Step::HandBack { worker }, Step::Crash { worker }]);
                    if self.cancel_requested {
                        steps.push(Step::FinishCancelled { worker });
                    }
                }
            }
        }
        for task in (0..TASKS).filter(|task| self.tasks[*task].at == At::Running) {
            if !self.tasks[task].expired {
                steps.push(Step::Lapse { task });
            }
            steps.push(Step::Rescue { task });
        }
        if !self.cancel_requested && !self.is_final() {
            steps.push(Step::Cancel);
        }
        steps
    }

    /// The living worker that holds the task.
    fn holder(&self, task: usize) -> Option<usize> {
        (0..WORKERS).find(|worker| self.claims[*worker].is_some_and(|claim| usize::from(claim.task) == task) && self.holds(*worker))
    }

    /// Whether the worker's claim is the task's own: fence, worker and state are compared.
    pub(super) fn holds(&self, worker: usize) -> bool {
        let Some(claim) = self.claims[worker] else { return false };
        let task = &self.tasks[usize::from(claim.task)];
        task.at == At::Running && task.fence == claim.fence && task.worker == Some(self.id(worker))
    }

    /// What the step makes of it.
    ///
    /// # Errors
    /// What must never be.
    pub(super) fn after(&self, step: Step, broken: Broken) -> Result<State, Violation> {
        let mut next = *self;
        match step {
            Step::Claim { worker, task } => next.claim(worker, task),
            Step::Crash { worker } => {
                next.starts[worker] += 1;
                next.claims[worker] = None;
            }
            Step::Lapse { task } => next.lapse(task),
            Step::Rescue { task } => next.rescue(task, broken)?,
            Step::Cancel => next.cancel(),
            Step::Renew { worker } => {
                if let Some(task) = next.guarded(worker, broken)? {
                    next.tasks[task].expired = false;
                }
            }
            Step::Save { worker } => {
                if let Some(task) = next.guarded(worker, broken)? {
                    next.tasks[task].saved = true;
                    next.tasks[task].progress = true;
                }
            }
            _ => {}
        }
        match step {
            Step::Finish { worker } | Step::Fail { worker, .. } | Step::HandBack { worker } | Step::FinishCancelled { worker } => {
                if let Some(task) = next.guarded(worker, broken)? {
                    next.claims[worker] = None;
                    next.end(task, step, broken);
                }
            }
            _ => {}
        }
        next.check(self)
    }

    fn claim(&mut self, worker: usize, at: usize) {
        let id = self.id(worker);
        let task = &mut self.tasks[at];
        (task.at, task.worker, task.expired, task.progress) = (At::Running, Some(id), false, false);
        task.attempt += 1;
        task.fence += 1;
        self.claims[worker] = Some(Claim { task: u8::try_from(at).unwrap_or(0), fence: task.fence, lapsed: false });
    }

    fn lapse(&mut self, task: usize) {
        if let Some(worker) = self.holder(task)
            && let Some(claim) = &mut self.claims[worker]
        {
            claim.lapsed = true;
        }
        self.tasks[task].expired = true;
    }

    /// The task of a worker's claim, if it is its own still; otherwise the worker is told so and lets go.
    fn guarded(&mut self, worker: usize, broken: Broken) -> Result<Option<usize>, Violation> {
        let Some(claim) = self.claims[worker] else { return Ok(None) };
        let task = usize::from(claim.task);
        if self.holds(worker) {
            return Ok(Some(task));
        }
        if broken == Broken::FenceAndWorkerAreNotCompared && self.tasks[task].at == At::Running {
            return Err(Violation::StaleWorkCounted);
        }
        self.claims[worker] = None;
        if !claim.lapsed && !self.is_final() {
            return Err(Violation::RefusedWithoutReason);
        }
        Ok(None)
    }

    fn end(&mut self, at: usize, step: Step, broken: Broken) {
        if self.cancel_requested && broken != Broken::EndsIgnoreTheCancel {
            return self.end_of_cancelled(at, if matches!(step, Step::Finish { .. }) { At::Done } else { At::Cancelled });
        }
        match step {
            Step::Finish { .. } => self.finish(at),
            Step::Fail { again, .. } => self.fail_attempt(at, again, broken),
            Step::HandBack { .. } => {
                let task = &mut self.tasks[at];
                (task.at, task.worker, task.expired) = (At::Ready, None, false);
                task.attempt -= 1;
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: usize) {
        self.tasks[at].at = At::Done;
        self.tasks[at].completions += 1;
        if at == ASSEMBLE {
            return self.end_job(JobAt::Succeeded);
        }
        self.open -= 1;
        if self.open == 0 {
            self.tasks[ASSEMBLE].at = At::Ready;
        }
    }

    fn fail_attempt(&mut self, at: usize, again: bool, broken: Broken) {
        let task = &mut self.tasks[at];
        if again && (task.attempt < MAX_ATTEMPTS || broken == Broken::AttemptsHaveNoEnd) {
            (task.at, task.worker, task.expired) = (At::Ready, None, false);
            return;
        }
        task.at = At::Failed;
        if broken != Broken::TheJobIsForgotten {
            self.end_job(JobAt::Failed);
        }
    }

    fn end_of_cancelled(&mut self, at: usize, task: At) {
        self.tasks[at].at = task;
        self.tasks[at].completions += u8::from(task == At::Done);
        if !self.tasks.iter().any(|task| task.at == At::Running) {
            self.end_job(JobAt::Cancelled);
        }
    }

    fn end_job(&mut self, job: JobAt) {
        self.job = job;
        for task in self.tasks.iter_mut().filter(|task| matches!(task.at, At::Ready | At::Running)) {
            (task.at, task.worker, task.expired) = (At::Cancelled, None, false);
        }
    }

    fn rescue(&mut self, at: usize, broken: Broken) -> Result<(), Violation> {
        if !self.tasks[at].expired && broken != Broken::RescueIgnoresTheLease {
            return Ok(());
        }
        if self.cancel_requested {
            if broken != Broken::RescueLeavesCancelled {
                self.end_of_cancelled(at, At::Cancelled);
            }
            return Ok(());
        }
        if self.tasks[at].progress {
            self.tasks[at].attempt -= 1;
        }
        self.fail_attempt(at, true, broken);
        Ok(())
    }

    fn cancel(&mut self) {
        for task in self.tasks.iter_mut().filter(|task| task.at == At::Ready) {
            (task.at, task.worker, task.expired) = (At::Cancelled, None, false);
        }
        self.cancel_requested = true;
        if !self.tasks.iter().any(|task| task.at == At::Running) {
            self.end_job(JobAt::Cancelled);
        }
    }

    /// The same state under the names that stand for all that differ in nothing that any rule asks for: which worker is which, how often
    /// one was started, how high a fence is. There are only so many of these, however often workers crash.
    pub(super) fn canonical(mut self) -> State {
        let holds = [0, 1, 2].map(|worker| self.holds(worker));
        for (claim, holds) in self.claims.iter_mut().zip(holds) {
            if let Some(claim) = claim {
                claim.fence = u16::from(holds);
            }
        }
        self.claims.sort_unstable();
        self.starts = [0; WORKERS];
        for (at, task) in (0u8..).zip(self.tasks.iter_mut()) {
            let is_running = task.at == At::Running;
            task.fence = u16::from(is_running);
            let holder = (0u8..).zip(&self.claims).find(|(_, claim)| claim.is_some_and(|claim| claim.task == at && claim.fence == 1));
            task.worker = is_running.then(|| holder.map_or(Id { slot: u8::MAX, start: 0 }, |(slot, _)| Id { slot, start: 0 }));
        }
        self
    }

    fn check(self, before: &State) -> Result<State, Violation> {
        let tasks = &self.tasks;
        let is_wrong = [
            (tasks.iter().any(|task| task.completions > 1) || self.open < 0, Violation::CompletedTwice),
            (tasks.iter().any(|task| task.attempt > MAX_ATTEMPTS), Violation::TooManyAttempts),
            (self.cancel_requested && self.job == JobAt::Succeeded, Violation::CancelledAndSucceeded),
            (self.job == JobAt::Succeeded && tasks.iter().any(|task| task.at != At::Done), Violation::SucceededWithoutEveryTask),
            (!self.is_final() && tasks.iter().any(|task| task.at == At::Failed), Violation::FailedTaskOfRunningJob),
            (before.is_final() && before.job != self.job, Violation::FinalStateLeft),
        ];
        is_wrong.iter().find(|(is_so, _)| *is_so).map_or(Ok(self), |(_, violation)| Err(*violation))
    }
}
