//! What keeps the queue healthy besides the work: heartbeat, rescue of expired leases, leftovers of an earlier process.

use std::{sync::Arc, time::Duration};

use crp_model::{Code, Failure, labels::WorkerState};
use crp_store::{
    tasks::{self, ClaimedTask},
    workers,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{Worker, WorkerSettings};

/// How often leases are looked after.
const BEAT: Duration = Duration::from_secs(2);
/// How long a fetched document stays when no task needs it; the tasks of one job follow each other more quickly.
const KEEP_DOCUMENTS: Duration = Duration::from_secs(60);

/// Runs until `end`; from `shutdown` on this worker shows itself as draining.
pub(crate) async fn run(worker: Arc<Worker>, shutdown: CancellationToken, end: CancellationToken) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = beat.tick() => {}
        }
        let state = if shutdown.is_cancelled() { WorkerState::Draining } else { WorkerState::Alive };
        if let Err(error) = workers::heartbeat(&worker.parts.store, worker.id, state, &worker.about).await {
            tracing::warn!(error = %error.failure(), "The heartbeat could not be written");
        }
        rescue(&worker).await;
        worker.cache.drop_idle(KEEP_DOCUMENTS);
    }
}

/// Tasks whose lease ran out go back to the queue, or end their job when their attempts are used up.
async fn rescue(worker: &Worker) {
    match tasks::rescue_expired(&worker.parts.store).await {
        Ok(rescued) => {
            for one in rescued {
                tracing::warn!(job.id = %one.job, task.id = %one.task, "A lease expired; the task was taken back from a lost worker");
                worker.parts.metrics.job_lease_expired_total.inc();
                one.committed.count(&worker.parts.metrics);
            }
        }
        Err(error) => tracing::warn!(error = %error.failure(), "Expired leases could not be looked for"),
    }
}

/// Removes what an earlier process left in the cache and scratch folders; they hold nothing that cannot be made again.
pub(crate) fn clear_leftovers(settings: &WorkerSettings) {
    for dir in [&settings.cache_dir, &settings.scratch_dir] {
        let cleared = match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(dir),
        };
        if let Err(error) = cleared {
            tracing::warn!(path = %dir.display(), %error, "A folder for temporary files could not be prepared");
        }
    }
}

impl Worker {
    /// A folder of this task alone, removed when it is dropped.
    pub(crate) fn scratch(&self, claimed: &ClaimedTask) -> Result<TempDir, Failure> {
        tempfile::Builder::new().prefix(&format!("{}-", claimed.id)).tempdir_in(&self.settings.scratch_dir).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Internal };
            Failure::new(code, format!("No scratch folder can be made in {}: {error}", self.settings.scratch_dir.display()))
        })
    }
}
