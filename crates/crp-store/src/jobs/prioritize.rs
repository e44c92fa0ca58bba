//! Another priority for a job that is not done.

use crp_model::{JobId, Priority, Scope};
use serde_json::json;

use super::lock;
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
};

sql! {
    SET_JOB =
        "UPDATE jobs SET priority = $3, changed_at = $4 WHERE organization = $1 AND id = $2 AND priority <> $3 RETURNING last_event";
    // Those that run, too: they may come back into the queue.
    SET_TASKS = "UPDATE tasks SET priority = $3 WHERE organization = $1 AND job = $2 AND state IN ('ready', 'running')";
}

/// Changes how early the job is worked on, from its next task on. The priority that it has already is fine.
///
/// # Errors
/// `NotFound`; `Conflict` for a job that has ended.
pub async fn prioritize(store: &Store, scope: &Scope, job: JobId, priority: Priority) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    let locked = lock::lock(&mut tx, scope.organization, job).await?;
    if locked.status.is_final() {
        let sentence = format!("The job is {}; only a job that waits or runs has a priority to change.", locked.status.as_str());
        return Err(StoreError::Conflict(sentence));
    }
    let number = priority.as_number();
    let changed = tx.one(&SET_JOB, args![scope.organization, job, number, store.ambient().now()]).await?;
    let Some(row) = changed else { return Ok(()) };
    tx.run(&SET_TASKS, args![scope.organization, job, number]).await?;
    tx.changes_job(scope.organization, job, row.get("last_event")?);
    audit::append(&mut tx, scope, "job.prioritized", Some(job.0), &json!({ "priority": priority.as_str() })).await?;
    tx.commit().await
}
