//! Lists of jobs: by state, by what they ask of people, by what changed.

use crp_model::{DocumentId, JobId, JobStatus, Priority, Progress, Scope, Timestamp};

use super::{JobSummary, eta::eta_seconds, place::Queue};
use crate::{
    Cursor, Page, Store, StoreError, like, paging,
    sql::{Statement, args, sql},
    transaction::Tx,
    value::Row,
};

/// Which jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only in this state.
    pub status: Option<JobStatus>,
    /// Only of this document.
    pub document: Option<DocumentId>,
    /// Only of this group.
    pub group: Option<JobGroup>,
    /// Only of documents whose name contains this; ASCII letters in any case.
    pub name_contains: Option<String>,
}

/// What jobs ask of people; each job is in exactly one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobGroup {
    /// Failed, and nobody has dismissed it, run its document again since, or thrown the document away.
    Attention,
    /// Queued or running.
    Active,
    /// All others.
    Done,
}

/// A job that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedJob {
    /// The job as it is now.
    pub job: JobSummary,
    /// When its newest event happened, or when it was dismissed.
    pub changed_at: Timestamp,
}

macro_rules! jobs {
    ($($condition:expr),+) => {
        concat!(
            "SELECT j.id, j.document, d.name AS document_name, j.status, j.plan ->> 'pipeline' AS pipeline, j.pages_total, j.pages_done,
                    j.failure, j.retry_of, j.cancel_requested, j.priority, j.warning_count, j.dismissed_at, j.last_event, j.changed_at, j.created_at,
                    j.started_at, j.finished_at,
                    CASE WHEN j.status = 'running' THEN
                        (SELECT s.stage FROM stage_runs s WHERE s.job = j.id AND s.status IN ('queued', 'running')
                         ORDER BY s.stage_index LIMIT 1) END AS stage
             FROM jobs j JOIN documents d ON d.id = j.document WHERE j.organization = $1 AND ",
            $($condition),+
        )
    };
}

/// A page of the list with one more condition, written as the partial indexes have it.
macro_rules! list {
    ($($condition:expr),*) => {
        jobs!(
            $($condition,)*
            "j.id < $2 AND (j.status = $3 OR $3 IS NULL) AND (j.document = $4 OR $4 IS NULL)
             AND (lower(d.name) LIKE $5 ESCAPE '!' OR $5 IS NULL) ORDER BY j.id DESC LIMIT $6"
        )
    };
}

/// Nobody has to look at it any more: a job of the same document was made later, or the document is in the trash.
macro_rules! settled {
    () => {
        "(EXISTS (SELECT n.id FROM jobs n WHERE n.document = j.document AND (n.created_at, n.id) > (j.created_at, j.id))
          OR EXISTS (SELECT t.id FROM documents t WHERE t.id = j.document AND t.trashed_at IS NOT NULL))"
    };
}

sql! {
    LIST = list!();
    // A document has few jobs, and the engines would rather walk through all of the organization's.
    LIST_OF_DOCUMENT = list!("j.id IN (SELECT o.id FROM jobs o WHERE o.document = $4) AND ");
    LIST_ATTENTION = list!("j.status = 'failed' AND j.dismissed_at IS NULL AND NOT ", settled!(), " AND ");
    LIST_ACTIVE = list!("j.status IN ('queued', 'running') AND ");
    LIST_DONE = list!(
        "(j.status IN ('succeeded', 'cancelled') OR (j.status = 'failed' AND (j.dismissed_at IS NOT NULL OR ", settled!(), "))) AND "
    );
    COUNT_ATTENTION = concat!(
        "SELECT count(*) AS n FROM jobs j WHERE j.organization = $1 AND j.status = 'failed' AND j.dismissed_at IS NULL AND NOT ",
        settled!()
    );
    CHANGED = jobs!("(j.changed_at, j.id) > ($2, $3) ORDER BY j.changed_at, j.id LIMIT $4");
}

/// The organization's jobs, newest first.
///
/// # Errors
/// The database's.
pub async fn list(
    store: &Store,
    scope: &Scope,
    filter: &JobFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<JobSummary>, StoreError> {
    let limit = paging::clamp(limit);
    let status = filter.status.map(JobStatus::as_str);
    let name = filter.name_contains.as_deref().map(like::contains);
    let mut tx = store.read().await?;
    let arguments = args![scope.organization, paging::before(cursor), status, filter.document, name.as_deref(), limit + 1];
    let rows = tx.all(statement(filter), arguments).await?;
    let jobs = rows.iter().map(|row| summary(row, store.ambient().now())).collect::<Result<_, _>>()?;
    let mut page = paging::page(jobs, limit, |job: &JobSummary| job.id.0);
    tell_positions(&mut tx, scope, page.items.iter_mut().rev()).await?;
    Ok(page)
}

/// Jobs that changed after the job `after`, the one that changed first at the beginning, at most `limit`.
///
/// # Errors
/// The database's.
pub async fn changed(store: &Store, scope: &Scope, after: (Timestamp, JobId), limit: u32) -> Result<Vec<ChangedJob>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&CHANGED, args![scope.organization, after.0, after.1, paging::clamp(limit)]).await?;
    let read = rows.iter().map(|row| Ok(ChangedJob { job: summary(row, store.ambient().now())?, changed_at: row.get("changed_at")? }));
    let mut changed: Vec<ChangedJob> = read.collect::<Result<_, StoreError>>()?;
    let mut jobs: Vec<&mut JobSummary> = changed.iter_mut().map(|changed| &mut changed.job).collect();
    jobs.sort_by_key(|job| job.id);
    tell_positions(&mut tx, scope, jobs.into_iter()).await?;
    Ok(changed)
}

/// How many jobs ask for somebody's attention.
pub(crate) async fn count_attention(tx: &mut Tx, scope: &Scope) -> Result<u64, StoreError> {
    tx.one(&COUNT_ATTENTION, args![scope.organization]).await?.map_or(Ok(0), |row| row.get("n"))
}

fn statement(filter: &JobFilter) -> &'static Statement {
    match filter.group {
        Some(JobGroup::Attention) => &LIST_ATTENTION,
        Some(JobGroup::Active) => &LIST_ACTIVE,
        Some(JobGroup::Done) => &LIST_DONE,
        None if filter.document.is_some() => &LIST_OF_DOCUMENT,
        None => &LIST,
    }
}

/// How many queued jobs stand before each queued one. The jobs come oldest first, so that the queue is counted through once.
async fn tell_positions(tx: &mut Tx, scope: &Scope, jobs: impl Iterator<Item = &mut JobSummary>) -> Result<(), StoreError> {
    let mut queue = Queue::new(scope);
    for job in jobs.filter(|job| job.status == JobStatus::Queued) {
        job.queue_position = Some(queue.before(tx, job.priority, job.id).await?);
    }
    Ok(())
}

fn summary(row: &Row, now: Timestamp) -> Result<JobSummary, StoreError> {
    let (status, progress) = (row.get("status")?, progress(row)?);
    let started_at = row.opt("started_at")?;
    Ok(JobSummary {
        id: row.get("id")?,
        document_id: row.get("document")?,
        document_name: row.get("document_name")?,
        pipeline: row.get("pipeline")?,
        status,
        priority: Priority::of_number(row.get("priority")?),
        stage: row.opt("stage")?,
        progress,
        eta_seconds: eta_seconds(status, progress, started_at, now),
        queue_position: None,
        warnings: row.get("warning_count")?,
        failure: row.opt_json("failure")?,
        retry_of: row.opt("retry_of")?,
        cancel_requested: row.get("cancel_requested")?,
        dismissed_at: row.opt("dismissed_at")?,
        last_event_id: row.get("last_event")?,
        created_at: row.get("created_at")?,
        started_at,
        finished_at: row.opt("finished_at")?,
    })
}

pub(super) fn progress(row: &Row) -> Result<Progress, StoreError> {
    Ok(Progress { pages_done: row.get("pages_done")?, pages_total: row.opt("pages_total")? })
}
