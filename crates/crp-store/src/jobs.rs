//! Jobs: one document through one plan.
use crp_model::{DocumentId, DocumentName, Failure, JobId, JobStatus, Plan, Progress, Scope, StageType, Timestamp, Warning};
use crate::{Cursor, Page, Store, StoreError, artifacts::ArtifactRow, tasks::Committed};
/// A job with everything about it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Its document.
    pub document_id: DocumentId,
    /// The document's name.
    pub document_name: DocumentName,
    /// Its state.
    pub status: JobStatus,
    /// How far it is.
    pub progress: Progress,
    /// Its plan.
    pub plan: Plan,
    /// Its stages, in order.
    pub stages: Vec<StageRunRow>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What a person should know about the result.
    pub warnings: Vec<Warning>,
    /// What it left so far.
    pub artifacts: Vec<ArtifactRow>,
    /// The job that it tries again.
    pub retry_of: Option<JobId>,
    /// Whether someone asked to cancel it.
    pub cancel_requested: bool,
    /// Jobs of the installation that are queued before it; `None` once it runs.
    pub queue_position: Option<u64>,
    /// The number of its newest event.
    pub last_event_id: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first task was claimed.
    pub started_at: Option<Timestamp>,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
}
/// One stage of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRunRow {
    /// Its place in the plan, from 0.
    pub stage_index: u32,
    /// Its type.
    pub stage: StageType,
    /// Its state.
    pub status: JobStatus,
    /// Attempts so far.
    pub attempt: u32,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Tasks that it has.
    pub tasks_total: u32,
    /// Tasks that are done.
    pub tasks_done: u32,
}
/// A job as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSummary {
    /// Its id.
    pub id: JobId,
    /// Its document.
    pub document_id: DocumentId,
    /// The document's name.
    pub document_name: DocumentName,
    /// The pipeline's name.
    pub pipeline: String,
    /// Its state.
    pub status: JobStatus,
    /// How far it is.
    pub progress: Progress,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The job that it tries again.
    pub retry_of: Option<JobId>,
    /// Whether someone asked to cancel it.
    pub cancel_requested: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first task was claimed.
    pub started_at: Option<Timestamp>,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
}
/// Which jobs to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only in this state.
    pub status: Option<JobStatus>,
    /// Only of this document.
    pub document: Option<DocumentId>,
}
/// What cancelling did.
#[derive(Clone, Debug, PartialEq)]
pub enum CancelOutcome {
    /// No task was running: the job is cancelled.
    Cancelled(Committed),
    /// Tasks are running: their workers hear of it with the next renewal of the lease.
    Requested,
    /// The job was final already.
    AlreadyFinal(JobStatus),
}
/// Runs a document again, with any plan.
pub async fn add_job(_store: &Store, _scope: &Scope, _document: DocumentId, _plan: &Plan) -> Result<JobId, StoreError> { todo!() }
/// One job with everything about it.
pub async fn get(_store: &Store, _scope: &Scope, _job: JobId) -> Result<JobRow, StoreError> { todo!() }
/// The organization's jobs, newest first.
pub async fn list(_store: &Store, _scope: &Scope, _filter: &JobFilter, _cursor: Option<Cursor>, _limit: u32) -> Result<Page<JobSummary>, StoreError> { todo!() }
/// Cancels a job.
pub async fn cancel(_store: &Store, _scope: &Scope, _job: JobId) -> Result<CancelOutcome, StoreError> { todo!() }
/// Makes a new job with the same plan; `Conflict` while the old one is not final.
pub async fn retry(_store: &Store, _scope: &Scope, _job: JobId) -> Result<JobId, StoreError> { todo!() }
