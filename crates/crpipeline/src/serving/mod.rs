//! The roles of a server: web, API, worker and metrics in one process or in several, from the data directory to the last hand-back.

mod first_start;
mod intake;
mod listeners;
mod parts;
mod role;
mod sandbox;
mod upkeep;

use std::{sync::Arc, time::Duration};

use crp_metrics::{DatabaseKind, Metrics, StorageKind};
use crp_model::{Ambient, Failure};
use crp_objects::Objects;
use crp_store::{Database, Store, tasks, watched};
use crp_web::{Web, WebSettings};
use crp_worker::{Worker, WorkerParts, WorkerSettings};
use tokio_util::sync::CancellationToken;

use self::parts::{Parts, Sockets};
pub(crate) use self::{first_start::FIRST_ORGANIZATION, role::Role};
use crate::{
    config::{Configuration, Loaded, Switch},
    doors::{self, WorkFolder},
    start,
    version::BUILD,
};

/// How long the process may take beyond its grace period before it ends with work still to hand back.
const PATIENCE_AFTER_GRACE: Duration = Duration::from_secs(5);
/// How often a worker looks for work when no word of any comes.
const POLL: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// Why it could not start, or which part of it ended by itself.
pub(crate) async fn serve(loaded: &Loaded, role: Role) -> Result<(), Failure> {
    let configuration = &role.configuration(loaded)?;
    let stopping = start::stop_on_signal()?;
    announce(loaded);
    // Refused before anything is made: the data directory comes with its lock.
    let level = if role.works() { Some(sandbox::try_out(configuration).await?) } else { None };
    let _locks = doors::lock(configuration)?;
    let work_folder = if role.works() { Some(doors::work_folder(configuration)?) } else { None };
    // A taken port is told before the database is touched.
    let sockets = Sockets::bind(configuration, role).await?;
    let Some(served) = Served::open(configuration, role, &stopping).await? else { return Ok(()) };
    if let Some(level) = level {
        sandbox::export(level, &served.metrics);
    }
    served.release_previous(configuration).await?;
    if let Some(url) = sockets.api_url()? {
        first_start::prepare(&served, &configuration.login, &url).await?;
    }
    let upkeep = upkeep::start(&served, role, &configuration.storage, stopping.clone()).await;
    let worker = work_folder.as_ref().map(|folder| served.worker(configuration, folder)).transpose()?;
    let watching = intake::watch(&served, configuration, stopping.clone());
    let mut parts = Parts::start(&served, configuration, sockets, worker, &stopping)?;
    let run = async {
        let ended_early = parts.wait(&stopping).await;
        stopping.cancel();
        parts.stop(configuration).await;
        ended_early
    };
    let (ended_early, ()) = tokio::join!(run, watching);
    upkeep.await.ok();
    served.close().await;
    tracing::info!("Stopped");
    ended_early
}

fn announce(loaded: &Loaded) {
    let file = loaded.file.as_ref().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    tracing::info!(
        version = %BUILD.version, revision = %BUILD.revision, data_dir = %loaded.configuration.storage.data_dir.display(), configuration_file = %file,
        "Starting crPipeline"
    );
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}

/// The open doors of a server.
#[derive(Debug)]
struct Served {
    store: Store,
    objects: Objects,
    metrics: Metrics,
    ambient: Ambient,
    web: Arc<Web>,
}

impl Served {
    /// `None` when it was told to stop while it waited for the database.
    async fn open(configuration: &Configuration, role: Role, stopping: &CancellationToken) -> Result<Option<Self>, Failure> {
        let metrics = Metrics::new(BUILD, if role.answers() { crp_web::ROUTES } else { &[] });
        let storage = if configuration.storage.s3_bucket.is_some() { StorageKind::S3 } else { StorageKind::Local };
        let database = match doors::database(configuration) {
            Database::Sqlite(_) => DatabaseKind::Sqlite,
            Database::Postgres(_) => DatabaseKind::Postgres,
        };
        metrics.config_info.set(storage, database, role.exported());
        let Some(store) = doors::open_store_in_time(configuration, Ambient::system(), &metrics, stopping).await? else { return Ok(None) };
        let store = store.with_max_attempts(configuration.limits.max_attempts).with_queue_limits(configuration.queue.limits());
        // The clock of all rows is the clock of everything here.
        let ambient = store.ambient().clone();
        let objects = doors::objects(&configuration.storage, &metrics)?;
        let web = Web::new(store.clone(), objects.clone(), metrics.clone(), ambient.clone(), web_settings(configuration, role))?;
        Ok(Some(Self { store, objects, metrics, ambient, web }))
    }

    /// The lock of a file says that no other process works on it, so every lease is of one that died. On PostgreSQL others may hold
    /// theirs, and those of the dead run out.
    async fn release_previous(&self, configuration: &Configuration) -> Result<(), Failure> {
        if let Database::Postgres(_) = doors::database(configuration) {
            return Ok(());
        }
        watched::leave_all_of_previous_process(&self.store).await.map_err(|e| e.failure())?;
        let released = tasks::release_all_of_previous_process(&self.store).await.map_err(|e| e.failure())?;
        for one in &released {
            self.metrics.job_lease_expired_total.inc();
            one.committed.count(&self.metrics);
        }
        if !released.is_empty() {
            tracing::info!(tasks = released.len(), "Work that the previous process left goes on");
        }
        Ok(())
    }

    fn worker(&self, configuration: &Configuration, folder: &WorkFolder) -> Result<Worker, Failure> {
        let slots = configuration.worker.effective_slots();
        // A spare behind each that reads.
        let children = doors::document_children(configuration, 2 * slots, &self.metrics)?.with_spares(slots);
        let parts = WorkerParts {
            store: self.store.clone(),
            objects: self.objects.clone(),
            metrics: self.metrics.clone(),
            children,
            limits: configuration.limits.clone(),
            ambient: self.ambient.clone(),
        };
        Ok(Worker::new(worker_settings(configuration, folder), parts))
    }

    async fn close(&self) {
        let closing = async {
            self.objects.finish_cleanups().await;
            self.store.close().await;
        };
        if tokio::time::timeout(PATIENCE_AFTER_GRACE, closing).await.is_err() {
            tracing::warn!("Database and storage did not close in time; nothing that was acknowledged is lost");
        }
    }
}

fn grace(configuration: &Configuration) -> Duration {
    Duration::from_secs(configuration.server.shutdown_grace_seconds.into())
}

fn web_settings(configuration: &Configuration, role: Role) -> WebSettings {
    WebSettings {
        public_url: configuration.server.public_url.clone(),
        dashboards_url: configuration.server.dashboards_url.clone(),
        trusted_proxies: configuration.server.trusted_proxies.clone(),
        limits: configuration.limits.clone(),
        session_lifetime: Duration::from_secs(u64::from(configuration.login.session_hours) * 3600),
        reserve: doors::reserve(configuration),
        has_worker: role.works(),
        trash_days: configuration.storage.trash_days,
        presigned_downloads: configuration.storage.presigned_downloads == Switch::On,
        ..WebSettings::default()
    }
}

fn worker_settings(configuration: &Configuration, folder: &WorkFolder) -> WorkerSettings {
    WorkerSettings {
        name: format!("{}, process {}", rustix::system::uname().nodename().to_string_lossy(), std::process::id()),
        version: BUILD.version.to_owned(),
        slots: configuration.worker.effective_slots(),
        lease: Duration::from_secs(configuration.worker.lease_seconds.into()),
        grace: grace(configuration),
        cache_dir: folder.path.join("cache"),
        scratch_dir: folder.path.join("scratch"),
        max_cache_mebibytes: configuration.worker.max_cache_mebibytes,
        poll: POLL,
    }
}
