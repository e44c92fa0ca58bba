//! One job with everything about it.

use crp_model::{JobId, JobStatus, Priority, Scope};

use super::{JobRow, StageRunRow, eta::eta_seconds, list::progress, place::Queue, warnings};
use crate::{
    Store, StoreError, artifacts,
    sql::{args, sql},
    tasks::pages::count_reused,
    transaction::Tx,
};

sql! {
    GET =
        "SELECT j.id, j.document, d.name AS document_name, j.status, j.plan, j.pages_total, j.pages_done, j.failure, j.retry_of,
                j.cancel_requested, j.priority, j.dismissed_at, j.source, j.last_event, j.created_at, j.started_at, j.finished_at
         FROM jobs j JOIN documents d ON d.id = j.document WHERE j.organization = $1 AND j.id = $2";
    STAGES =
        "SELECT stage_index, stage, status, attempt, started_at, finished_at, tasks_total, tasks_done
         FROM stage_runs WHERE organization = $1 AND job = $2 ORDER BY stage_index";
}

/// One job with everything about it.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, job: JobId) -> Result<JobRow, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&GET, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    let (status, priority): (JobStatus, _) = (row.get("status")?, Priority::of_number(row.get("priority")?));
    let queue_position = match status {
        JobStatus::Queued => Some(Queue::new(scope).before(&mut tx, priority, job).await?),
        _ => None,
    };
    let (progress, started_at) = (progress(&row)?, row.opt("started_at")?);
    Ok(JobRow {
        id: job,
        document_id: row.get("document")?,
        document_name: row.get("document_name")?,
        status,
        progress,
        priority,
        eta_seconds: eta_seconds(status, progress, started_at, store.ambient().now()),
        plan: row.json("plan")?,
        source: row.opt("source")?,
        pages_reused: count_reused(&mut tx, scope, job).await?,
        stages: stages(&mut tx, scope, job).await?,
        failure: row.opt_json("failure")?,
        warnings: warnings::of_job(&mut tx, scope.organization, job).await?,
        artifacts: artifacts::of_job(&mut tx, scope, job).await?,
        retry_of: row.opt("retry_of")?,
        cancel_requested: row.get("cancel_requested")?,
        dismissed_at: row.opt("dismissed_at")?,
        queue_position,
        last_event_id: row.get("last_event")?,
        created_at: row.get("created_at")?,
        started_at,
        finished_at: row.opt("finished_at")?,
    })
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
