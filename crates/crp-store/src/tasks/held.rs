//! The guard of every write of a worker: the task must still be its own, and then the job is locked.

use crp_model::{OrganizationId, TaskId, WorkerId};

use super::ClaimedTask;
use crate::{
    Store, StoreError,
    jobs::lock::{LockedJob, lock},
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    STILL_HELD =
        "SELECT id FROM tasks WHERE organization = $1 AND id = $2 AND fence = $3 AND worker = $4 AND state = 'running'";
    // The worker stays: who looks at the job sees who did what.
    LET_GO =
        "UPDATE tasks SET state = $5, lease_until = NULL, finished_at = $6
         WHERE organization = $1 AND id = $2 AND fence = $3 AND worker = $4 AND state = 'running'";
}

/// What identifies a lease, and what its end depends on.
pub(super) struct Held {
    pub(super) organization: OrganizationId,
    pub(super) id: TaskId,
    pub(super) fence: i64,
    pub(super) worker: WorkerId,
    pub(super) stage_index: u32,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
}

impl From<&ClaimedTask> for Held {
    fn from(task: &ClaimedTask) -> Self {
        Self {
            organization: task.scope.organization,
            id: task.id,
            fence: task.fence,
            worker: task.worker,
            stage_index: task.stage_index,
            attempt: task.attempt,
            max_attempts: task.max_attempts,
        }
    }
}

/// Begins a transaction in which the job is locked and the task is held by its worker.
pub(super) async fn begin(store: &Store, task: &ClaimedTask) -> Result<(Tx, LockedJob), StoreError> {
    let mut tx = store.write().await?;
    let job = lock(&mut tx, task.scope.organization, task.job).await.map_err(StoreError::missing_means_fenced)?;
    check(&mut tx, task).await?;
    Ok((tx, job))
}

/// Refuses unless the task is held by its worker. Nobody else can take it before the commit, since that needs the job's lock.
async fn check(tx: &mut Tx, task: &ClaimedTask) -> Result<(), StoreError> {
    let held = tx.one(&STILL_HELD, args![task.scope.organization, task.id, task.fence, task.worker]).await?;
    held.map(drop).ok_or(StoreError::Fenced)
}

/// Ends the task in a final state.
pub(super) async fn let_go(tx: &mut Tx, task: &Held, state: &'static str) -> Result<(), StoreError> {
    let now = tx.store().ambient().now();
    let changed = tx.run(&LET_GO, args![task.organization, task.id, task.fence, task.worker, state, now]).await?;
    if changed == 1 { Ok(()) } else { Err(StoreError::Fenced) }
}
