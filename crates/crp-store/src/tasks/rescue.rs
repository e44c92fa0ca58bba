//! Rescue: tasks whose worker was lost go back to the queue; those that lose their worker again and again are given up.

use crp_model::{Code, Failure, JobId, OrganizationId, TaskId};

use super::{Committed, Rescued, fail::fail_attempt, held};
use crate::{
    Store, StoreError,
    jobs::{
        end::{end_if_last_of_cancelled, fail_unreadable},
        lock::{LockedJob, lock, try_lock},
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
        "SELECT t.worker, t.stage_index, t.attempt, t.max_attempts,
             (SELECT COUNT(*) FROM pages p WHERE p.organization = t.organization AND p.job = t.job AND p.stage_index = t.stage_index
                 AND p.page BETWEEN t.first_page AND t.last_page AND p.saved_at >= t.started_at AND p.failure IS NULL) AS pages_saved
         FROM tasks t
         WHERE t.organization = $1 AND t.id = $2 AND t.fence = $3 AND t.state = 'running' AND t.lease_until < $4";
    DO_NOT_CHARGE =
        "UPDATE tasks SET attempt = attempt - 1 WHERE organization = $1 AND id = $2 AND fence = $3 AND state = 'running'";
}

/// Puts up to 100 tasks with expired leases back into the queue, or gives them up with `worker_lost` when their attempts are used
/// up; an attempt that saved a page is not spent. Each is a transaction of its own; any number of processes may do this at the same
/// time. A job that this version cannot read is failed.
///
/// # Errors
/// The database's, when nothing was rescued before it failed.
pub async fn rescue_expired(store: &Store) -> Result<Vec<Rescued>, StoreError> {
    let now = store.ambient().now().0;
    rescue(store, &EXPIRED, now).await
}

/// The same for every running task, at the start of a process that has the database for itself (the data directory's lock says
/// so): nobody can hold a lease.
///
/// # Errors
/// The database's, when nothing was released before it failed.
pub async fn release_all_of_previous_process(store: &Store) -> Result<Vec<Rescued>, StoreError> {
    rescue(store, &EVERY_RUNNING, i64::MAX).await
}

/// `expired_before` is the time before which a lease counts as lost.
async fn rescue(store: &Store, which: &'static crate::sql::Statement, expired_before: i64) -> Result<Vec<Rescued>, StoreError> {
    let lost = store.read().await?.all(which, args![expired_before]).await?;
    let mut rescued = Vec::new();
    for row in &lost {
        match rescue_one(store, row, expired_before).await {
            Ok(one) => rescued.extend(one),
            // Without the database the others cannot be rescued either; what was must be counted.
            Err(error) if error.failure().code != Code::Internal => {
                return if rescued.is_empty() { Err(error) } else { Ok(rescued) };
            }
            // One row must not keep the others from being rescued.
            Err(error) => tracing::error!(%error, "a task that lost its worker could not be rescued"),
        }
    }
    Ok(rescued)
}

async fn rescue_one(store: &Store, row: &Row, expired_before: i64) -> Result<Option<Rescued>, StoreError> {
    let (organization, job, id): (OrganizationId, JobId, TaskId) = (row.get("organization")?, row.get("job")?, row.get("id")?);
    let fence: i64 = row.get("fence")?;
    let mut tx = store.write().await?;
    let given_back = match lock(&mut tx, organization, job).await {
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => Err(error),
        Ok(job) => {
            // It may have been renewed, ended or rescued by someone else since it was listed.
            let Some(task) = tx.one(&STILL_LOST, args![organization, id, fence, expired_before]).await? else { return Ok(None) };
            give_back(&mut tx, &job, id, fence, &task).await
        }
    };
    let committed = match given_back {
        Err(StoreError::Unreadable(what)) => {
            // What was begun with what could be read is undone.
            tx.rollback().await?;
            tx = store.write().await?;
            let is_lost = try_lock(&mut tx, organization, job).await?
                && tx.one(&STILL_LOST, args![organization, id, fence, expired_before]).await?.is_some();
            if !is_lost {
                return Ok(None);
            }
            fail_unreadable(&mut tx, organization, job, id, &what).await?
        }
        given_back => given_back?,
    };
    tx.commit().await?;
    tracing::warn!(%job, task = %id, given_up = committed.job_ended.is_some(), "a task lost its worker");
    Ok(Some(Rescued { job, task: id, committed }))
}

async fn give_back(tx: &mut Tx, job: &LockedJob, id: TaskId, fence: i64, row: &Row) -> Result<Committed, StoreError> {
    let mut lost = held::Held {
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
    // Only attempts without progress count: a long document may outlive any number of restarts, one that kills its worker may not.
    // A page that failed is no progress: it may be read and saved again in every attempt, and that must come to an end.
    if row.get::<u32>("pages_saved")? > 0 {
        tx.run(&DO_NOT_CHARGE, args![job.organization, id, fence]).await?;
        lost.attempt -= 1;
    }
    let now = tx.store().ambient().now();
    fail_attempt(tx, job, &lost, &Failure::new(Code::WorkerLost, message), Some(now)).await
}
