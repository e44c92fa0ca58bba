//! The worker's loop: claim while a slot is free and the storage is there, wait for a wake-up otherwise, hand back what is unfinished at the end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, Limits, WorkerId, labels::PanicPlace};
use crp_objects::Objects;
use crp_pipeline::ChildPool;
use crp_store::{
    Store,
    tasks::{self, ClaimedTask},
    workers::{self, AboutWorker},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{document_cache::DocumentCache, housekeeping, identities::Identities, lease::Leases, task};

/// The pause before the next claim when the database does not answer, in seconds, before jitter: many workers come back at once.
const AWAY_SECONDS: f64 = 2.0;
/// How long handing back may take when the database is slow.
const HAND_BACK_PATIENCE: Duration = Duration::from_secs(4);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Where it runs, for people: machine and process.
    pub name: String,
    /// Its version of crPipeline.
    pub version: String,
    /// Tasks at the same time; each has a child process of its own.
    pub slots: usize,
    /// How long a claim holds without renewal.
    pub lease: Duration,
    /// How long running tasks may go on after a stop was asked for.
    pub grace: Duration,
    /// Folder for fetched documents; emptied at start.
    pub cache_dir: PathBuf,
    /// Folder for unfinished results; emptied at start.
    pub scratch_dir: PathBuf,
    /// Bytes of fetched documents that are kept, in mebibytes.
    pub max_cache_mebibytes: u64,
    /// How often to look for work when no wake-up comes.
    pub poll: Duration,
}

/// What a worker works with.
#[derive(Clone, Debug)]
pub struct WorkerParts {
    /// Rows.
    pub store: Store,
    /// Bytes.
    pub objects: Objects,
    /// Counters.
    pub metrics: Metrics,
    /// Where the processes come from that read documents.
    pub children: ChildPool,
    /// What a document may cost.
    pub limits: Limits,
    /// Clock and chance.
    pub ambient: Ambient,
}

/// A worker.
#[derive(Debug)]
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) about: AboutWorker,
    pub(crate) settings: WorkerSettings,
    pub(crate) parts: WorkerParts,
    pub(crate) leases: Leases,
    pub(crate) cache: DocumentCache,
    pub(crate) identities: Identities,
}

impl Worker {
    /// A worker that has not begun.
    pub fn new(settings: WorkerSettings, parts: WorkerParts) -> Self {
        let cache = DocumentCache::new(settings.cache_dir.clone(), settings.max_cache_mebibytes * 1024 * 1024, parts.objects.clone());
        let about = AboutWorker {
            name: settings.name.clone(),
            version: settings.version.clone(),
            slots: u32::try_from(settings.slots).unwrap_or(u32::MAX),
        };
        Self {
            id: WorkerId::new(&parts.ambient),
            about,
            leases: Leases::default(),
            cache,
            identities: Identities::default(),
            settings,
            parts,
        }
    }

    /// Works until `shutdown`; returns when everything that ran is finished or handed back: within the grace period, and the few
    /// seconds that handing back may take.
    pub async fn run(self, shutdown: CancellationToken) {
        let worker = Arc::new(self);
        worker.parts.metrics.worker_slots.set(worker.settings.slots as f64);
        housekeeping::clear_leftovers(&worker.settings);
        let background = CancellationToken::new();
        let mut helpers = JoinSet::new();
        helpers.spawn(worker.clone().renew_leases(background.clone()));
        helpers.spawn(housekeeping::run(worker.clone(), shutdown.clone(), background.clone()));
        worker.clone().claim_until(&shutdown).await;
        background.cancel();
        while helpers.join_next().await.is_some() {}
        if let Err(error) = workers::forget(&worker.parts.store, worker.id).await {
            tracing::warn!(error = %error.failure(), "This worker could not be signed off; its row expires by itself");
        }
    }

    async fn claim_until(self: Arc<Self>, shutdown: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.slots.max(1)));
        let mut running = JoinSet::new();
        let mut wakeups = self.parts.store.wakeups();
        loop {
            let slot = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
            };
            // Every task reads and writes objects: claimed now, it would fetch its document for nothing and go back.
            if self.parts.objects.away().is_some() {
                drop(slot);
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = self.parts.objects.back() => continue,
                }
            }
            // Interest is registered before the query, so that a task added in between is not slept through.
            wakeups.mark_unchanged();
            match tasks::claim(&self.parts.store, self.id, self.settings.lease).await {
                Ok(Some(claimed)) => {
                    let worker = self.clone();
                    running.spawn(async move {
                        worker.run_claimed(claimed).await;
                        drop(slot);
                    });
                }
                Ok(None) => {
                    drop(slot);
                    tokio::select! {
                        () = shutdown.cancelled() => break,
                        _ = wakeups.changed() => {}
                        () = tokio::time::sleep(self.settings.poll) => {}
                    }
                }
                Err(error) => {
                    drop(slot);
                    tracing::warn!(error = %error.failure(), "No task could be claimed; trying again");
                    tokio::select! {
                        () = shutdown.cancelled() => break,
                        () = tokio::time::sleep(Duration::from_secs_f64(AWAY_SECONDS * self.parts.ambient.jitter())) => {}
                    }
                }
            }
            while running.try_join_next().is_some() {}
        }
        self.drain(running).await;
    }

    /// Lets running tasks finish within the grace period, then hands back the rest.
    async fn drain(&self, mut running: JoinSet<()>) {
        let finish = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.grace, finish).await.is_ok() {
            return;
        }
        tracing::info!(tasks = running.len(), "The grace period is over; running tasks are handed back");
        self.leases.stop_all();
        let hand_back = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(HAND_BACK_PATIENCE, hand_back).await.is_err() {
            tracing::warn!("Not every task could be handed back in time; their leases expire by themselves");
            running.shutdown().await;
        }
    }

    /// Runs one task in a tokio task of its own, so that a panic in it is an internal failure and not the end of the worker.
    async fn run_claimed(self: Arc<Self>, claimed: ClaimedTask) {
        let metrics = self.parts.metrics.clone();
        let _running = metrics.jobs_running.enter();
        if let Some(seconds) = claimed.job_was_queued_seconds {
            metrics.job_queue_wait_seconds.observe(seconds);
        }
        let held = self.leases.hold(&claimed);
        let work = tokio::spawn(task::run(self.clone(), claimed.clone(), held.stop()));
        if let Err(error) = work.await
            && error.is_panic()
        {
            metrics.panics_total.inc(PanicPlace::Worker);
            task::record_panic(&self, &claimed).await;
        }
        drop(held);
    }
}
