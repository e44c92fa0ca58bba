//! What happened to a job, numbered in the order of the commits.
use crp_model::{JobId, OrganizationId, Scope, Timestamp};

use crate::{
    Store, StoreError,
    error::broken,
    paging::{self, NumberedPage},
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

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
    /// Every kind.
    pub const ALL: [EventKind; 11] = [
        EventKind::Queued,
        EventKind::Started,
        EventKind::Progress,
        EventKind::StageStarted,
        EventKind::StageFinished,
        EventKind::Warning,
        EventKind::Retrying,
        EventKind::Succeeded,
        EventKind::Failed,
        EventKind::CancelRequested,
        EventKind::Cancelled,
    ];

    /// The name in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Queued => "queued",
            EventKind::Started => "started",
            EventKind::Progress => "progress",
            EventKind::StageStarted => "stage_started",
            EventKind::StageFinished => "stage_finished",
            EventKind::Warning => "warning",
            EventKind::Retrying => "retrying",
            EventKind::Succeeded => "succeeded",
            EventKind::Failed => "failed",
            EventKind::CancelRequested => "cancel_requested",
            EventKind::Cancelled => "cancelled",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether no event follows.
    pub const fn is_final(self) -> bool {
        matches!(self, EventKind::Succeeded | EventKind::Failed | EventKind::Cancelled)
    }
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

sql! {
    JOB_EXISTS = "SELECT id FROM jobs WHERE organization = $1 AND id = $2";
    LIST_AFTER =
        "SELECT id, kind, payload, happened_at FROM events WHERE organization = $1 AND job = $2 AND id > $3 ORDER BY id LIMIT $4";
    // Counting in the job's row holds its lock until the commit: numbers rise in the order of the commits.
    NUMBER = "UPDATE jobs SET last_event = last_event + 1, changed_at = $3 WHERE organization = $1 AND id = $2 RETURNING last_event";
    APPEND = "INSERT INTO events (job, id, organization, kind, payload, happened_at) VALUES ($1, $2, $3, $4, $5, $6)";
}

/// Events of the job after `last_event_id` (0: from the first), in order, at most `limit`.
///
/// # Errors
/// `NotFound` when the organization has no such job.
pub async fn list_after(store: &Store, scope: &Scope, job: JobId, last_event_id: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
    read(store, scope, job, last_event_id, paging::clamp(limit)).await
}

/// A part of the job's story, from its first event on, or after the event `after`.
///
/// # Errors
/// `NotFound` when the organization has no such job.
pub async fn history(store: &Store, scope: &Scope, job: JobId, after: i64, limit: u32) -> Result<NumberedPage<Event>, StoreError> {
    let limit = paging::clamp(limit);
    let events = read(store, scope, job, after, limit + 1).await?;
    Ok(paging::numbered(events, limit, |_, event: &Event| event.id.unsigned_abs()))
}

async fn read(store: &Store, scope: &Scope, job: JobId, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
    let mut tx = store.read().await?;
    tx.one(&JOB_EXISTS, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    let rows = tx.all(&LIST_AFTER, args![scope.organization, job, after, limit]).await?;
    let read = rows.iter().map(|row| {
        let kind: String = row.get("kind")?;
        let kind = EventKind::parse(&kind).ok_or_else(|| broken(format!("an event is of the unknown kind {kind}")))?;
        Ok(Event { id: row.get("id")?, job, kind, payload: row.get("payload")?, at: row.get("happened_at")? })
    });
    read.collect()
}

/// Writes an event, in the transaction that makes it true.
pub(crate) async fn append(
    tx: &mut Tx,
    organization: OrganizationId,
    job: JobId,
    kind: EventKind,
    payload: &serde_json::Value,
) -> Result<(), StoreError> {
    let now = tx.store().ambient().now();
    let row = tx.one(&NUMBER, args![organization, job, now]).await?.ok_or(StoreError::NotFound)?;
    let id: i64 = row.get("last_event")?;
    tx.run(&APPEND, args![job, id, organization, kind.as_str(), Value::json(payload), now]).await?;
    tx.changes_job(organization, job, id);
    Ok(())
}
