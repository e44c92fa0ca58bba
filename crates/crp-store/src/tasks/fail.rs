//! Tasks that are not done: failed, handed back, or of a job that is being cancelled.

use std::time::Duration;

use crp_model::{Failure, JobStatus, Timestamp};
use serde_json::json;

use super::{
    ClaimedTask, Committed,
    finish::fail_stage,
    held::{self, Held},
};
use crate::{
    Store, StoreError,
    events::{self, EventKind},
    jobs::{
        end::{end_attempt, end_if_last_of_cancelled, outcome_of, stage_type},
        lock::LockedJob,
    },
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

sql! {
    NOTE_FAILURE = "UPDATE tasks SET failure = $3 WHERE organization = $1 AND id = $2";
    TRY_AGAIN =
        "UPDATE tasks SET state = 'ready', worker = NULL, lease_until = NULL, run_after = $4, failure = $5
         WHERE organization = $1 AND id = $2 AND fence = $3 AND state = 'running'";
    HAND_BACK =
        "UPDATE tasks SET state = 'ready', worker = NULL, lease_until = NULL, attempt = attempt - 1,
             run_after = CASE WHEN $4 > run_after THEN $4 ELSE run_after END
         WHERE organization = $1 AND id = $2 AND fence = $3 AND state = 'running'";
}

/// Notes a failed attempt. With a backoff and attempts left the task is tried again after it; otherwise the job fails.
///
/// # Errors
/// `Fenced`; then nothing has changed.
pub async fn fail(store: &Store, task: &ClaimedTask, failure: &Failure, backoff: Option<Duration>) -> Result<Committed, StoreError> {
    let (mut tx, job) = held::begin(store, task).await?;
    let again = backoff.map(|backoff| store.ambient().now().plus(backoff));
    let committed = if job.cancel_requested {
        held::let_go(&mut tx, &task.into(), "cancelled").await?;
        end_if_last_of_cancelled(&mut tx, &job).await?
    } else {
        fail_attempt(&mut tx, &job, &task.into(), failure, again).await?
    };
    tx.commit().await?;
    Ok(committed)
}

/// Ends an attempt of a task that is held: tried again at `again`, or given up when that is `None` or no attempt is left.
pub(super) async fn fail_attempt(
    tx: &mut Tx,
    job: &LockedJob,
    task: &Held,
    failure: &Failure,
    again: Option<Timestamp>,
) -> Result<Committed, StoreError> {
    match again {
        Some(run_after) if task.attempt < task.max_attempts => {
            let stage_ended = end_attempt(tx, job, task.stage_index, JobStatus::Queued, outcome_of(failure)).await?;
            let row = args![job.organization, task.id, task.fence, run_after, Value::json(failure)];
            if tx.run(&TRY_AGAIN, row).await? == 0 {
                return Err(StoreError::Fenced);
            }
            tx.wakes_workers();
            tell_retry(tx, job, task, failure, run_after).await?;
            Ok(Committed { stage_ended, job_ended: None, retried: Some(stage_type(job, task.stage_index)?) })
        }
        _ => {
            held::let_go(tx, task, "failed").await?;
            tx.run(&NOTE_FAILURE, args![job.organization, task.id, Value::json(failure)]).await?;
            fail_stage(tx, job, task.stage_index, failure, outcome_of(failure)).await
        }
    }
}

async fn tell_retry(tx: &mut Tx, job: &LockedJob, task: &Held, failure: &Failure, run_after: Timestamp) -> Result<(), StoreError> {
    let payload = json!({
        "stage": stage_type(job, task.stage_index)?,
        "stage_index": task.stage_index,
        "failure": failure,
        "attempt": task.attempt,
        "max_attempts": task.max_attempts,
        "run_after": run_after,
    });
    events::append(tx, job.organization, job.id, EventKind::Retrying, &payload).await
}

/// Gives the task back as it was claimed, no attempt spent: at once, as a worker does that stops, or after `delay`, when something
/// that every task needs (storage, disk) is away.
///
/// # Errors
/// `Fenced`; then nothing has changed.
pub async fn hand_back(store: &Store, task: &ClaimedTask, delay: Duration) -> Result<Committed, StoreError> {
    let (mut tx, job) = held::begin(store, task).await?;
    let committed = if job.cancel_requested {
        held::let_go(&mut tx, &task.into(), "cancelled").await?;
        end_if_last_of_cancelled(&mut tx, &job).await?
    } else {
        // Without a delay it keeps its place among those that wait.
        let not_before = if delay.is_zero() { Timestamp(0) } else { store.ambient().now().plus(delay) };
        if tx.run(&HAND_BACK, args![job.organization, task.id, task.fence, not_before]).await? == 0 {
            return Err(StoreError::Fenced);
        }
        tx.wakes_workers();
        Committed::default()
    };
    tx.commit().await?;
    Ok(committed)
}

/// Ends the task of a job that is being cancelled; the last one ends the job.
///
/// # Errors
/// `Fenced`; `Conflict` when nobody asked to cancel the job. Then nothing has changed.
pub async fn finish_cancelled(store: &Store, task: &ClaimedTask) -> Result<Committed, StoreError> {
    let (mut tx, job) = held::begin(store, task).await?;
    if !job.cancel_requested {
        return Err(StoreError::Conflict("Nobody asked to cancel this job.".to_owned()));
    }
    held::let_go(&mut tx, &task.into(), "cancelled").await?;
    let committed = end_if_last_of_cancelled(&mut tx, &job).await?;
    tx.commit().await?;
    Ok(committed)
}
