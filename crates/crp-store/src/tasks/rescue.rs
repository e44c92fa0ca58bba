//! Rescue: tasks whose worker was lost go back to the queue; those that lose their worker again and again are given up.

use crp_model::{Code, Failure, JobId, OrganizationId, TaskId};

use super::{Committed, Rescued, fail::fail_attempt, held};
use crate::{
    Store, StoreError,
    jobs::{
        end::end_if_last_of_cancelled,
        lock::{LockedJob, lock},
    },
    sql::{args, sql},
    transaction::Tx,
    value::Row,
};

sql! {
    EXPIRED =
        "SELECT id, organization, job, fence FROM tasks WHERE state = 'running' AND lease_until < $1 ORDER BY lease_until LIMIT 100";
    EVERY_RUNNING = "SELECT id, organization, job, fence FROM tasks WHERE state = 'running' AND $1 > 0 ORDER BY id";
    STILL_LOST =
        "SELECT t.worker, t.stage_index, t.attempt, t.max_attempts FROM tasks t
         WHERE t.organization = $1 AND t.id = $2 AND t.fence = $3 AND t.state = 'running' AND t.lease_until < $4";
}

/// Puts up to 100 tasks with expired leases back into the queue, or gives them up with `worker_lost` when their attempts are used
/// up. Each is a transaction of its own; any number of processes may do this at the same time.
///
/// # Errors
/// The database's; what was rescued before stays rescued.
pub async fn rescue_expired(store: &Store) -> Result<Vec<Rescued>, StoreError> {
    let now = store.ambient().now().0;
    rescue(store, &EXPIRED, now).await
}

/// The same for every running task, at the start of a process that has the database for itself (the data directory's lock says
/// so): nobody can hold a lease.
///
/// # Errors
/// The database's; what was released before stays released.
pub async fn release_all_of_previous_process(store: &Store) -> Result<Vec<Rescued>, StoreError> {
    rescue(store, &EVERY_RUNNING, i64::MAX).await
}

/// `expired_before` is the time before which a lease counts as lost.
async fn rescue(store: &Store, which: &'static crate::sql::Statement, expired_before: i64) -> Result<Vec<Rescued>, StoreError> {
    let lost = store.read().await?.all(which, args![expired_before]).await?;
    let mut rescued = Vec::new();
    for row in &lost {
        rescued.extend(rescue_one(store, row, expired_before).await?);
    }
    Ok(rescued)
}

async fn rescue_one(store: &Store, row: &Row, expired_before: i64) -> Result<Option<Rescued>, StoreError> {
    let (organization, job, id): (OrganizationId, JobId, TaskId) = (row.get("organization")?, row.get("job")?, row.get("id")?);
    let fence: i64 = row.get("fence")?;
    let mut tx = store.write().await?;
    let job = match lock(&mut tx, organization, job).await {
        Err(StoreError::NotFound) => return Ok(None),
        locked => locked?,
    };
    // It may have been renewed, ended or rescued by someone else since it was listed.
    let Some(task) = tx.one(&STILL_LOST, args![organization, id, fence, expired_before]).await? else { return Ok(None) };
    let committed = give_back(&mut tx, &job, id, fence, &task).await?;
    tx.commit().await?;
    tracing::warn!(job = %job.id, task = %id, given_up = committed.job_ended.is_some(), "a task lost its worker");
    Ok(Some(Rescued { job: job.id, task: id, committed }))
}

async fn give_back(tx: &mut Tx, job: &LockedJob, id: TaskId, fence: i64, row: &Row) -> Result<Committed, StoreError> {
    let lost = held::Held {
        organization: job.organization,
        id,
        fence,
        worker: row.get("worker")?,
        stage_index: row.get("stage_index")?,
        attempt: row.get("attempt")?,
        max_attempts: row.get("max_attempts")?,
    };
    if job.cancel_requested {
        held::let_go(tx, &lost, "cancelled").await?;
        return end_if_last_of_cancelled(tx, job).await;
    }
    let message = format!("The worker was lost in attempt {} of {}", lost.attempt, lost.max_attempts);
    let now = tx.store().ambient().now();
    fail_attempt(tx, job, &lost, &Failure::new(Code::WorkerLost, message), Some(now)).await
}
