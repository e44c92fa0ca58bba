//! The queue: tasks with a lease, a fence and attempts; every end of a task is one transaction.

mod claim;
mod count;
mod fail;
mod finish;
mod held;
mod limits;
pub(crate) mod pages;
mod renew;
mod rescue;

use crp_model::{
    Cause, DocumentId, DocumentName, Failure, JobId, MediaType, ObjectKey, PageNo, PageRange, Plan, Scope, Sha256Hash, StageType, TaskId,
    TaskKind, TextSource, Warning, WorkerId,
    labels::{EngineKind, FinalStatus, StageOutcome},
};

pub use claim::claim;
pub use fail::{fail, finish_cancelled, hand_back};
pub use finish::{finish_inspect, finish_pages, finish_stage};
pub use limits::QueueLimits;
pub use pages::{pages_read_before, save_page, saved_pages};
pub use renew::renew;
pub use rescue::{release_all_of_previous_process, rescue_expired};

/// Attempts of a task before its job is given up, unless [`Store::with_max_attempts`](crate::Store::with_max_attempts) says otherwise.
pub const MAX_ATTEMPTS: u32 = 3;

#[cfg(test)]
pub(crate) const STATEMENTS: [&[&crate::sql::Statement]; 7] =
    [claim::STATEMENTS, fail::STATEMENTS, finish::STATEMENTS, held::STATEMENTS, pages::STATEMENTS, renew::STATEMENTS, rescue::STATEMENTS];
/// A task whose lease this worker holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedTask {
    /// The task.
    pub id: TaskId,
    /// Grows with every claim; every write of the task is refused when it is no longer the newest.
    pub fence: i64,
    /// Who holds the lease.
    pub worker: WorkerId,
    /// Whose task it is.
    pub scope: Scope,
    /// Its job.
    pub job: JobId,
    /// What is to be done.
    pub kind: TaskKind,
    /// The stage's place in the plan, from 0.
    pub stage_index: u32,
    /// The stage's type.
    pub stage: StageType,
    /// The pages, of a `pages` task.
    pub range: Option<PageRange>,
    /// The job's plan.
    pub plan: Plan,
    /// The job's document.
    pub document: ClaimedDocument,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Attempts before it is given up.
    pub max_attempts: u32,
    /// Pages of the document, once it was opened.
    pub pages_total: Option<u32>,
    /// Seconds that the job waited in the queue; only at the job's first claim.
    pub job_was_queued_seconds: Option<f64>,
}
/// The document of a claimed task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDocument {
    /// Its id.
    pub id: DocumentId,
    /// Where its bytes are.
    pub object_key: ObjectKey,
    /// Its format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// Its name.
    pub name: DocumentName,
}
/// A lease after its renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The task.
    pub task: TaskId,
    /// What became of its lease.
    pub state: LeaseState,
}
/// What became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Renewed.
    Owned,
    /// Someone else's, or the task has ended: stop, nothing you write will count.
    Lost,
    /// Renewed, and someone asked to cancel the job: stop and call [`finish_cancelled`].
    CancelRequested,
}
/// A page that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedPage {
    /// Its number.
    pub page: PageNo,
    /// Where its layout is; `None` for a page that failed.
    pub object_key: Option<ObjectKey>,
    /// Where its small picture is.
    pub thumbnail_key: Option<ObjectKey>,
    /// Where its text came from.
    pub source: TextSource,
    /// Mean confidence of its words, 0 … 1.
    pub mean_confidence: Option<f32>,
    /// Seconds that it took.
    pub seconds: f64,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
    /// Why it could not be read.
    pub failure: Option<Failure>,
    /// What read it, so that it need not be read again; `None` where nobody can tell.
    pub identity: Option<Sha256Hash>,
    /// The earlier job whose page it is, if it was not read in this one.
    pub reused_from: Option<JobId>,
}

/// What a commit ended; the caller counts it in the metrics, after the commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// A stage attempt that ended.
    pub stage_ended: Option<StageEnded>,
    /// The job's end.
    pub job_ended: Option<JobEnded>,
    /// The stage whose task will be tried again.
    pub retried: Option<StageType>,
}
/// A stage attempt that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StageEnded {
    /// Its type.
    pub stage: StageType,
    /// What recognised its pages, if it is one that recognises.
    pub engine: Option<EngineKind>,
    /// Seconds from its first claim to the commit.
    pub seconds: f64,
    /// How it ended.
    pub outcome: StageOutcome,
    /// Which attempt of the stage it was, from 1.
    pub attempt: u32,
    /// Pages of the document, once it was opened.
    pub pages_total: Option<u32>,
}
/// A job that became final.
#[derive(Clone, Debug, PartialEq)]
pub struct JobEnded {
    /// Its final state.
    pub status: FinalStatus,
    /// Seconds since its first claim; `None` when it was never claimed.
    pub seconds_since_start: Option<f64>,
    /// Seconds since it was made.
    pub seconds_since_created: f64,
    /// The stage that failed.
    pub failure_stage: Option<StageType>,
    /// Whose fault it is.
    pub failure_cause: Option<Cause>,
    /// What a person should know about the result.
    pub warnings: Vec<Warning>,
}
/// A task whose worker was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescued {
    /// Its job.
    pub job: JobId,
    /// The task.
    pub task: TaskId,
    /// What the commit ended.
    pub committed: Committed,
}
