//! Work on a clock: figures for the metrics, whether storage answers, and what nobody needs any more.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{
    Ambient,
    labels::{Label as _, PanicPlace, QueueState, Volume, WorkerState},
};
use crp_objects::Objects;
use crp_store::{Store, overview, sessions};
use crp_web::Web;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Role, Served};
use crate::config::StorageSettings;

/// How old the figures of the database may be.
const FIGURES: Duration = Duration::from_secs(5);
/// How often the storage is asked whether it answers.
const PROBE: Duration = Duration::from_secs(10);
/// How often what nobody needs is removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// An upload that was not finished within this time never will be.
const PARTIAL_UPLOADS: Duration = Duration::from_secs(24 * 3600);
/// An object that no row names after this time will never be named.
const ORPHANS: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone)]
struct Upkeep {
    store: Store,
    objects: Objects,
    metrics: Metrics,
    ambient: Ambient,
    data_dir: PathBuf,
    web: Arc<Web>,
    trash_kept: Duration,
}

/// Does everything once, so that the first scrape shows what is, then goes on until `stopping`.
///
/// Of several processes all tell the figures; those that answer people do the rest. They may do it at the same time.
pub(super) async fn start(served: &Served, role: Role, storage: &StorageSettings, stopping: CancellationToken) -> JoinHandle<()> {
    let upkeep = Upkeep {
        store: served.store.clone(),
        objects: served.objects.clone(),
        metrics: served.metrics.clone(),
        ambient: served.ambient.clone(),
        data_dir: storage.data_dir.clone(),
        web: served.web.clone(),
        trash_kept: Duration::from_secs(u64::from(storage.trash_days) * 24 * 3600),
    };
    upkeep.clone().figures().await;
    // A storage that hangs must not keep the server from starting; the probe tells later.
    let _ = tokio::time::timeout(Duration::from_secs(3), upkeep.clone().probe()).await;
    tokio::spawn(async move {
        let watch = async {
            tokio::join!(upkeep.every(FIGURES, &stopping, Upkeep::figures), upkeep.every(PROBE, &stopping, Upkeep::probe));
        };
        let clean = async {
            if role.answers() {
                tokio::join!(
                    upkeep.every(SWEEP, &stopping, Upkeep::sweep),
                    upkeep.every(SWEEP, &stopping, Upkeep::empty_trash),
                    upkeep.every(SWEEP, &stopping, Upkeep::expire),
                    upkeep.every(SWEEP, &stopping, Upkeep::catch_up),
                    // Not at once: whoever started the server on an old database has an hour to notice.
                    upkeep.every_after(SWEEP, SWEEP, &stopping, Upkeep::sweep_orphans),
                );
            }
        };
        tokio::join!(watch, clean);
    })
}

impl Upkeep {
    /// Repeats `work`; a panic in it is counted and does not end the others.
    async fn every<F: Future<Output = ()> + Send + 'static>(&self, period: Duration, stopping: &CancellationToken, work: fn(Upkeep) -> F) {
        self.every_after(Duration::ZERO, period, stopping, work).await;
    }

    /// The same, for the first time after `first`.
    async fn every_after<F: Future<Output = ()> + Send + 'static>(
        &self,
        first: Duration,
        period: Duration,
        stopping: &CancellationToken,
        work: fn(Upkeep) -> F,
    ) {
        let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + first, period);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = clock.tick() => {}
            }
            let mut task = tokio::spawn(work(self.clone()));
            tokio::select! {
                () = stopping.cancelled() => return task.abort(),
                done = &mut task => if done.is_err_and(|error| error.is_panic()) {
                    self.metrics.panics_total.inc(PanicPlace::Scheduler);
                }
            }
        }
    }

    async fn figures(self) {
        let metrics = &self.metrics;
        for (volume, path) in [(Volume::Data, self.data_dir.clone()), (Volume::Temp, std::env::temp_dir())] {
            if let Ok(room) = fs4::statvfs(&path) {
                metrics.data_dir_free_bytes.set(volume, room.available_space() as f64);
                metrics.data_dir_size_bytes.set(volume, room.total_space() as f64);
            }
        }
        // The store has counted and logged what went wrong; the figures stay as they were.
        if let Ok(figures) = overview::figures(&self.store).await {
            for state in QueueState::VALUES {
                metrics.queue_jobs.set(*state, figures.queue.get(state).copied().unwrap_or(0) as f64);
            }
            for state in WorkerState::VALUES {
                metrics.workers.set(*state, figures.workers.get(state).copied().unwrap_or(0) as f64);
            }
            metrics.queue_oldest_age_seconds.set(figures.oldest_age_seconds);
        }
        if let Ok(active) = sessions::sessions_active(&self.store).await {
            metrics.sessions_active.set(active as f64);
        }
    }

    /// The probe sets the gauge by itself.
    async fn probe(self) {
        if let Err(failure) = self.objects.probe().await {
            tracing::warn!(code = failure.code.as_str(), "{}", failure.message);
        }
    }

    async fn sweep(self) {
        match sessions::delete_expired_sessions(&self.store).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "Removed sessions that had expired"),
            Err(error) => tracing::warn!("Expired sessions could not be removed: {}", error.failure().message),
        }
        let before = self.ambient.now().minus(PARTIAL_UPLOADS);
        match self.objects.sweep_partial(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "Removed uploads that were never finished"),
            Err(failure) => tracing::warn!(code = failure.code.as_str(), "Unfinished uploads could not be removed: {}", failure.message),
        }
    }

    async fn sweep_orphans(self) {
        let before = self.ambient.now().minus(ORPHANS);
        match crp_ops::sweep::orphans(&self.store, &self.objects, before).await {
            Ok(swept) if swept.objects == 0 => {}
            Ok(swept) => tracing::info!(objects = swept.objects, bytes = swept.bytes, "Removed objects that no row names"),
            Err(failure) => tracing::warn!(code = failure.code.as_str(), "Objects that no row names stay for now: {}", failure.message),
        }
    }

    async fn expire(self) {
        match self.web.expire_documents().await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "Moved documents to the trash whose retention was over"),
            Err(failure) => tracing::warn!(code = failure.code.as_str(), "Retention could not be looked after: {}", failure.message),
        }
    }

    async fn empty_trash(self) {
        match self.web.empty_trash(self.trash_kept).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "Deleted documents whose time in the trash was over"),
            Err(failure) => tracing::warn!(code = failure.code.as_str(), "The trash could not be emptied: {}", failure.message),
        }
    }

    /// After an update from a version without a search there is much to do, later nothing.
    async fn catch_up(self) {
        match crp_worker::index_older_documents(&self.store, &self.objects).await {
            Ok(0) => {}
            Ok(indexed) => tracing::info!(indexed, "Documents of an older version can be searched now"),
            Err(failure) => tracing::warn!(code = failure.code.as_str(), "Older documents cannot be searched yet: {}", failure.message),
        }
    }
}
