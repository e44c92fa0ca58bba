//! Jobs: one document through one plan.

mod detail;
mod dismiss;
pub(crate) mod end;
mod eta;
pub(crate) mod insert;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod place;
mod prioritize;
mod read;
pub(crate) mod warnings;

use crp_model::{
    DocumentId, DocumentName, Failure, JobId, JobStatus, Plan, Priority, Progress, Scope, StageType, Timestamp, Warning,
    labels::FinalStatus,
};
use serde_json::json;

use crate::{
    Store, StoreError,
    artifacts::ArtifactRow,
    audit,
    events::{self, EventKind},
    sql::{args, sql},
    tasks::Committed,
    transaction::Tx,
    value::Row,
};

/// The statements of the modules below this one.
#[cfg(test)]
pub(crate) const STATEMENTS_BELOW: [&[&crate::sql::Statement]; 10] = [
    detail::STATEMENTS,
    dismiss::STATEMENTS,
    end::STATEMENTS,
    insert::STATEMENTS,
    list::STATEMENTS,
    lock::STATEMENTS,
    place::STATEMENTS,
    prioritize::STATEMENTS,
    read::STATEMENTS,
    warnings::STATEMENTS,
];
pub use detail::{PageRow, TaskRow, TaskState, pages, tasks};
pub use dismiss::dismiss;
pub use list::{ChangedJob, JobFilter, JobGroup, changed, list};
pub use prioritize::prioritize;
pub use read::get;
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
    /// Seconds until its pages are done, while that is known.
    pub eta_seconds: Option<u64>,
    /// Pages that an earlier job had read, so that this one did not.
    pub pages_reused: u32,
    /// How early it is worked on.
    pub priority: Priority,
    /// Its plan.
    pub plan: Plan,
    /// The pipeline file, when it runs one that is not saved.
    pub source: Option<String>,
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
    /// When somebody said that its failure needs nobody.
    pub dismissed_at: Option<Timestamp>,
    /// Jobs of the organization that were queued before it and still are; `None` once it runs.
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
    /// How early it is worked on.
    pub priority: Priority,
    /// The stage at which it is, while it runs.
    pub stage: Option<StageType>,
    /// How far it is.
    pub progress: Progress,
    /// Seconds until its pages are done, while that is known.
    pub eta_seconds: Option<u64>,
    /// Jobs of the organization that were queued before it and still are; `None` once it runs.
    pub queue_position: Option<u64>,
    /// How many warnings it has.
    pub warnings: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The job that it tries again.
    pub retry_of: Option<JobId>,
    /// Whether someone asked to cancel it.
    pub cancel_requested: bool,
    /// When somebody said that its failure needs nobody.
    pub dismissed_at: Option<Timestamp>,
    /// The number of its newest event.
    pub last_event_id: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first task was claimed.
    pub started_at: Option<Timestamp>,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
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

sql! {
    // Locked: whoever moves it to the trash at the same moment sees the job, or this sees the trash.
    DOCUMENT =
        "SELECT trashed_at IS NOT NULL AS is_trashed FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR SHARE";
    OLD_JOB = "SELECT document, status, plan, priority, source FROM jobs WHERE organization = $1 AND id = $2";
    SET_SOURCE = "UPDATE jobs SET source = $3 WHERE organization = $1 AND id = $2";
    CANCEL_READY =
        "UPDATE tasks SET state = 'cancelled', finished_at = $3 WHERE organization = $1 AND job = $2 AND state = 'ready'";
    REQUEST_CANCEL = "UPDATE jobs SET cancel_requested = TRUE WHERE organization = $1 AND id = $2 AND NOT cancel_requested";
}

/// Runs a document again, with any plan.
///
/// # Errors
/// `NotFound` when the organization has no such document; `Conflict` while it is in the trash.
pub async fn add_job(store: &Store, scope: &Scope, document: DocumentId, plan: &Plan, priority: Priority) -> Result<JobId, StoreError> {
    add(store, scope, document, plan, priority, None).await
}

/// Runs a document through a pipeline that is not saved: the job keeps its file beside its plan.
///
/// # Errors
/// `NotFound` when the organization has no such document.
pub async fn try_pipeline(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    plan: &Plan,
    priority: Priority,
    source: &str,
) -> Result<JobId, StoreError> {
    add(store, scope, document, plan, priority, Some(source)).await
}

async fn add(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    plan: &Plan,
    priority: Priority,
    source: Option<&str>,
) -> Result<JobId, StoreError> {
    let mut tx = store.write().await?;
    refuse_trashed(&mut tx, scope, document).await?;
    let job = insert::insert_job(&mut tx, scope, document, plan, None, priority).await?;
    if source.is_some() {
        tx.run(&SET_SOURCE, args![scope.organization, job, source]).await?;
    }
    let detail = json!({ "document": document, "pipeline": plan.pipeline });
    audit::append(&mut tx, scope, "job.added", Some(job.0), &detail).await?;
    tx.commit().await?;
    Ok(job)
}

/// A document in the trash starts no job.
async fn refuse_trashed(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<(), StoreError> {
    let row = tx.one(&DOCUMENT, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    if row.get("is_trashed")? {
        return Err(StoreError::Conflict("The document is in the trash; restore it first.".to_owned()));
    }
    Ok(())
}

/// Whether [`retry`] would make a new job now; nothing is changed.
///
/// # Errors
/// Those of [`retry`].
pub async fn may_retry(store: &Store, scope: &Scope, job: JobId) -> Result<(), StoreError> {
    // Not read-only: on PostgreSQL the question takes the lock of the real thing, until this is dropped.
    let mut tx = store.write().await?;
    retriable(&mut tx, scope, job).await.map(drop)
}

/// The row of a job that can be tried again.
async fn retriable(tx: &mut Tx, scope: &Scope, job: JobId) -> Result<Row, StoreError> {
    let old = tx.one(&OLD_JOB, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    let status: JobStatus = old.get("status")?;
    if !status.is_final() {
        let sentence = format!("The job is {} and can be tried again once it has ended; cancel it first if it hangs.", status.as_str());
        return Err(StoreError::Conflict(sentence));
    }
    refuse_trashed(tx, scope, old.get("document")?).await?;
    Ok(old)
}

/// Makes a new job with the same document, plan and priority.
///
/// # Errors
/// `NotFound`; `Conflict` while the old one is not final, or while its document is in the trash.
pub async fn retry(store: &Store, scope: &Scope, job: JobId) -> Result<JobId, StoreError> {
    let mut tx = store.write().await?;
    let old = retriable(&mut tx, scope, job).await?;
    let (plan, document): (Plan, DocumentId) = (old.json("plan")?, old.get("document")?);
    let new = insert::insert_job(&mut tx, scope, document, &plan, Some(job), Priority::of_number(old.get("priority")?)).await?;
    let source: Option<String> = old.opt("source")?;
    if source.is_some() {
        tx.run(&SET_SOURCE, args![scope.organization, new, source.as_deref()]).await?;
    }
    audit::append(&mut tx, scope, "job.retried", Some(new.0), &json!({ "retry_of": job })).await?;
    tx.commit().await?;
    Ok(new)
}

/// Cancels a job: at once when no worker holds one of its tasks, otherwise as soon as the workers have let go.
///
/// # Errors
/// `NotFound`.
pub async fn cancel(store: &Store, scope: &Scope, job: JobId) -> Result<CancelOutcome, StoreError> {
    let mut tx = store.write().await?;
    let locked = lock::lock(&mut tx, scope.organization, job).await?;
    if locked.status.is_final() {
        return Ok(CancelOutcome::AlreadyFinal(locked.status));
    }
    // First the tasks that nobody holds, then the question who holds the others: a claim that commits in between is seen.
    tx.run(&CANCEL_READY, args![scope.organization, job, store.ambient().now()]).await?;
    let outcome = if end::tasks_running(&mut tx, &locked).await? == 0 {
        let job_ended = Some(end::end_job(&mut tx, &locked, FinalStatus::Cancelled, None).await?);
        CancelOutcome::Cancelled(Committed { job_ended, ..Committed::default() })
    } else {
        CancelOutcome::Requested
    };
    if locked.cancel_requested && outcome == CancelOutcome::Requested {
        return Ok(outcome);
    }
    tx.run(&REQUEST_CANCEL, args![scope.organization, job]).await?;
    if outcome == CancelOutcome::Requested {
        events::append(&mut tx, scope.organization, job, EventKind::CancelRequested, &json!({})).await?;
        // Whoever holds its tasks hears of it with the renewal of their leases, which a wake-up brings forward.
        tx.wakes_workers();
    }
    audit::append(&mut tx, scope, "job.cancelled", Some(job.0), &json!({})).await?;
    tx.commit().await?;
    Ok(outcome)
}
