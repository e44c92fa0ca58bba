//! Jobs as they are shown.

use crp_model::{JobId, JobStatus, Progress, Scope};

use super::{JobFilter, JobRow, JobSummary, StageRunRow, warnings};
use crate::{
    Cursor, Page, Store, StoreError, artifacts, paging,
    sql::{args, sql},
    transaction::Tx,
    value::Row,
};

sql! {
    GET =
        "SELECT j.id, j.document, d.name AS document_name, j.status, j.plan, j.pages_total, j.pages_done, j.failure, j.retry_of,
                j.cancel_requested, j.last_event, j.created_at, j.started_at, j.finished_at
         FROM jobs j JOIN documents d ON d.id = j.document WHERE j.organization = $1 AND j.id = $2";
    STAGES =
        "SELECT stage_index, stage, status, attempt, started_at, finished_at, tasks_total, tasks_done
         FROM stage_runs WHERE organization = $1 AND job = $2 ORDER BY stage_index";
    QUEUED_BEFORE = "SELECT count(*) AS n FROM jobs WHERE organization = $1 AND status = 'queued' AND id < $2";
    LIST =
        "SELECT j.id, j.document, d.name AS document_name, j.status, j.plan ->> 'pipeline' AS pipeline, j.pages_total, j.pages_done,
                j.failure, j.retry_of, j.cancel_requested, j.created_at, j.started_at, j.finished_at
         FROM jobs j JOIN documents d ON d.id = j.document
         WHERE j.organization = $1 AND j.id < $2 AND (j.status = $3 OR $3 IS NULL) AND (j.document = $4 OR $4 IS NULL)
         ORDER BY j.id DESC LIMIT $5";
}

/// One job with everything about it.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, job: JobId) -> Result<JobRow, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&GET, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    let status: JobStatus = row.get("status")?;
    let queue_position = match status {
        JobStatus::Queued => tx.one(&QUEUED_BEFORE, args![scope.organization, job]).await?.map(|row| row.get("n")).transpose()?,
        _ => None,
    };
    Ok(JobRow {
        id: job,
        document_id: row.get("document")?,
        document_name: row.get("document_name")?,
        status,
        progress: progress(&row)?,
        plan: row.json("plan")?,
        stages: stages(&mut tx, scope, job).await?,
        failure: row.opt_json("failure")?,
        warnings: warnings::of_job(&mut tx, scope.organization, job).await?,
        artifacts: artifacts::of_job(&mut tx, scope, job).await?,
        retry_of: row.opt("retry_of")?,
        cancel_requested: row.get("cancel_requested")?,
        queue_position,
        last_event_id: row.get("last_event")?,
        created_at: row.get("created_at")?,
        started_at: row.opt("started_at")?,
        finished_at: row.opt("finished_at")?,
    })
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
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![scope.organization, paging::before(cursor), status, filter.document, limit + 1]).await?;
    Ok(paging::page(rows.iter().map(summary).collect::<Result<_, _>>()?, limit, |job: &JobSummary| job.id.0))
}

async fn stages(tx: &mut Tx, scope: &Scope, job: JobId) -> Result<Vec<StageRunRow>, StoreError> {
    let rows = tx.all(&STAGES, args![scope.organization, job]).await?;
    let read = rows.iter().map(|row| {
        Ok(StageRunRow {
            stage_index: row.get("stage_index")?,
            stage: row.get("stage")?,
            status: row.get("status")?,
            attempt: row.get("attempt")?,
            started_at: row.opt("started_at")?,
            finished_at: row.opt("finished_at")?,
            tasks_total: row.get("tasks_total")?,
            tasks_done: row.get("tasks_done")?,
        })
    });
    read.collect()
}

fn summary(row: &Row) -> Result<JobSummary, StoreError> {
    Ok(JobSummary {
        id: row.get("id")?,
        document_id: row.get("document")?,
        document_name: row.get("document_name")?,
        pipeline: row.get("pipeline")?,
        status: row.get("status")?,
        progress: progress(row)?,
        failure: row.opt_json("failure")?,
        retry_of: row.opt("retry_of")?,
        cancel_requested: row.get("cancel_requested")?,
        created_at: row.get("created_at")?,
        started_at: row.opt("started_at")?,
        finished_at: row.opt("finished_at")?,
    })
}

fn progress(row: &Row) -> Result<Progress, StoreError> {
    Ok(Progress { pages_done: row.get("pages_done")?, pages_total: row.opt("pages_total")? })
}
