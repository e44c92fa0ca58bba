//! What happened to a job, numbered in the order of the commits.
use crp_model::{JobId, Scope, Timestamp};
use crate::{Store, StoreError};
/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The job was made.
    Queued,
    /// A worker took its first task.
    Started,
    /// Pages were saved: `{pages_done, pages_total}`.
    Progress,
    /// An attempt of a stage began: `{stage, stage_index, attempt}`.
    StageStarted,
    /// A stage is done: `{stage, stage_index, seconds}`.
    StageFinished,
    /// A warning: `{code, page, message}`.
    Warning,
    /// A task will be tried again: `{stage, failure, run_after}`.
    Retrying,
    /// Done.
    Succeeded,
    /// Failed: `{failure}`.
    Failed,
    /// Someone asked to cancel; running tasks are being told.
    CancelRequested,
    /// Cancelled.
    Cancelled,
}
impl EventKind {
    /// The name in database and API.
    pub const fn as_str(self) -> &'static str { todo!() }
}
/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the job, from 1, rising in the order of the commits.
    pub id: i64,
    /// The job.
    pub job: JobId,
    /// What happened.
    pub kind: EventKind,
    /// The facts, an object.
    pub payload: serde_json::Value,
    /// When.
    pub at: Timestamp,
}
/// Events of the job after `last_event_id` (0: from the first), in order, at most `limit`.
pub async fn list_after(_store: &Store, _scope: &Scope, _job: JobId, _last_event_id: i64, _limit: u32) -> Result<Vec<Event>, StoreError> { todo!() }
