//! One task, from claim to commit, on one screen.

use std::{sync::Arc, time::Duration};

use crp_model::{Code, Failure, TaskKind};
use crp_pipeline::Workspace;
use crp_store::{
    StoreError,
    tasks::{self, ClaimedTask, Committed},
};

use crate::{
    Worker,
    backoff::{self, Next},
    kinds::{assemble, inspect, pages, stage},
    lease::{Stop, StopReason},
    steps::{Step, reached},
};

/// How long a commit is tried again while the database does not answer; after that the lease is gone anyway.
const COMMIT_TRIES: u32 = 5;

/// Work that is told to stop may be on its way back from its commit; it gets this long to arrive.
const SETTLING: Duration = Duration::from_millis(500);

/// Why a task did not get to its commit.
#[derive(Debug)]
pub(crate) enum TaskError {
    /// The work failed.
    Failure(Failure),
    /// The store refused: fenced off, or not answering.
    Store(StoreError),
}

impl From<Failure> for TaskError {
    fn from(failure: Failure) -> Self {
        TaskError::Failure(failure)
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        TaskError::Store(error)
    }
}

/// Runs a claimed task; whatever happens, it ends in one commit or in none (when the lease was lost).
pub(crate) async fn run(worker: Arc<Worker>, claimed: ClaimedTask, mut stop: Stop) {
    reached(Step::Claimed);
    let outcome = {
        let mut work = std::pin::pin!(work(&worker, &claimed));
        let reason = tokio::select! {
            biased;
            outcome = &mut work => Ok(outcome),
            reason = stop.requested() => Err(reason),
        };
        match reason {
            Ok(outcome) => Ok(outcome),
            // A renewal right after the commit finds no lease any more. Work that has committed ends at once by itself, and is
            // to be counted; any other is dropped with the end of this block, which kills its child process.
            Err(reason) => tokio::time::timeout(SETTLING, work).await.map_err(|_elapsed| reason),
        }
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(reason) => return stopped(&worker, &claimed, reason).await,
    };
    match outcome {
        Ok(committed) => {
            reached(Step::AfterCommit);
            committed.count(&worker.parts.metrics);
        }
        Err(TaskError::Failure(failure)) => failed(&worker, &claimed, &failure).await,
        Err(TaskError::Store(StoreError::Fenced)) => {
            tracing::info!(task.id = %claimed.id, "Another worker has this task now; its result is dropped")
        }
        Err(TaskError::Store(error)) => failed(&worker, &claimed, &error.failure()).await,
    }
}

async fn work(worker: &Worker, claimed: &ClaimedTask) -> Result<Committed, TaskError> {
    let scratch = worker.scratch(claimed)?;
    let document = worker.cache.fetch(&claimed.document).await?;
    let workspace = Workspace {
        document: document.path().to_owned(),
        media: claimed.document.media_type,
        scratch: scratch.path().to_owned(),
        children: worker.parts.children.clone(),
    };
    match claimed.kind {
        TaskKind::Inspect => inspect::run(worker, claimed, &workspace).await,
        TaskKind::Pages => pages::run(worker, claimed, &workspace).await,
        TaskKind::Assemble => assemble::run(worker, claimed, &workspace).await,
        TaskKind::Stage => stage::run(worker, claimed, &workspace).await,
    }
}

/// Records a failure: try again later, wait for what is away, or give up.
async fn failed(worker: &Worker, claimed: &ClaimedTask, failure: &Failure) {
    tracing::warn!(job.id = %claimed.job, task.id = %claimed.id, attempt = claimed.attempt, code = failure.code.as_str(), "A {} task failed: {}", claimed.kind.as_str(), failure.message);
    let next = backoff::next(failure, claimed.attempt, claimed.max_attempts, worker.parts.ambient.jitter());
    let end = match next {
        Next::Wait(delay) => End::HandBack(delay),
        Next::Retry(delay) => End::Fail(failure, Some(delay)),
        Next::GiveUp => End::Fail(failure, None),
    };
    commit(worker, claimed, end).await;
}

async fn stopped(worker: &Worker, claimed: &ClaimedTask, reason: StopReason) {
    match reason {
        StopReason::None | StopReason::LeaseLost => {
            tracing::warn!(task.id = %claimed.id, job.id = %claimed.job, "The lease was lost; the work is dropped, another attempt does it");
        }
        StopReason::Cancelled => commit(worker, claimed, End::Cancelled).await,
        StopReason::Shutdown => commit(worker, claimed, End::HandBack(Duration::ZERO)).await,
    }
}

/// A panic in the work is an internal failure of this attempt.
pub(crate) async fn record_panic(worker: &Worker, claimed: &ClaimedTask) {
    failed(worker, claimed, &Failure::new(Code::Internal, "The worker stopped on this task because of a defect in crPipeline")).await;
}

/// How a task ends that is not done.
#[derive(Clone, Copy)]
enum End<'a> {
    /// Failed: tried again after the pause, or given up without one.
    Fail(&'a Failure, Option<Duration>),
    /// Back to the queue after the delay, no attempt spent.
    HandBack(Duration),
    /// Its job was cancelled.
    Cancelled,
}

/// Commits an outcome, counting after the commit; an unreachable database gets a few more chances within the lease.
async fn commit(worker: &Worker, claimed: &ClaimedTask, end: End<'_>) {
    let store = &worker.parts.store;
    for attempt in 1..=COMMIT_TRIES {
        let written = match end {
            End::Fail(failure, backoff) => tasks::fail(store, claimed, failure, backoff).await,
            End::HandBack(delay) => tasks::hand_back(store, claimed, delay).await,
            End::Cancelled => tasks::finish_cancelled(store, claimed).await,
        };
        match written {
            Ok(committed) => return committed.count(&worker.parts.metrics),
            Err(StoreError::Fenced) => {
                tracing::info!(task.id = %claimed.id, "Another worker has this task now; nothing is recorded");
                return;
            }
            Err(error) => {
                tracing::warn!(task.id = %claimed.id, attempt, error = %error.failure(), "The outcome of a task could not be recorded");
                tokio::time::sleep(worker.settings.lease / (COMMIT_TRIES * 2)).await;
            }
        }
    }
    tracing::error!(task.id = %claimed.id, "The outcome of a task was not recorded; its lease expires and another attempt does it");
}
