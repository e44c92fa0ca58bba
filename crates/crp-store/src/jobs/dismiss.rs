//! Dismissing a failed job: somebody has seen it, and it needs nobody any more.

use crp_model::{JobId, JobStatus, Scope};
use serde_json::json;

use super::lock;
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
};

sql! {
    DISMISS =
        "UPDATE jobs SET dismissed_at = $3, changed_at = $3
         WHERE organization = $1 AND id = $2 AND status = 'failed' AND dismissed_at IS NULL RETURNING last_event";
}

/// Notes that the failure of the job needs nobody. Doing so again is fine.
///
/// # Errors
/// `NotFound`; `Conflict` for a job that did not fail.
pub async fn dismiss(store: &Store, scope: &Scope, job: JobId) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    let locked = lock::lock(&mut tx, scope.organization, job).await?;
    if locked.status != JobStatus::Failed {
        return Err(StoreError::Conflict(format!("The job is {}; only a failed job can be dismissed.", locked.status.as_str())));
    }
    let Some(row) = tx.one(&DISMISS, args![scope.organization, job, store.ambient().now()]).await? else { return Ok(()) };
    // No event: none follows the final one. Whoever watches the organization is woken all the same.
    tx.changes_job(scope.organization, job, row.get("last_event")?);
    audit::append(&mut tx, scope, "job.dismissed", Some(job.0), &json!({})).await?;
    tx.commit().await
}
