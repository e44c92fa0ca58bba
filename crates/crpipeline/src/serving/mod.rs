//! The role `serve`: web, API, worker and metrics in one process, from the data directory to the last hand-back.

mod first_start;
mod listeners;
mod sandbox;
mod upkeep;

use std::{sync::Arc, time::Duration};

use crp_metrics::{DatabaseKind, Metrics, ProcessRole, StorageKind};
use crp_model::{Ambient, Code, Failure};
use crp_objects::Objects;
use crp_store::{Store, tasks};
use crp_web::{ServeOptions, Web, WebSettings};
use crp_worker::{Worker, WorkerParts, WorkerSettings};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) use self::first_start::FIRST_ORGANIZATION;
use crate::{
    config::{Configuration, Loaded, Switch},
    doors, start,
    version::BUILD,
};

/// How long the process may take beyond its grace period before it ends with work still to hand back.
const PATIENCE_AFTER_GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// Why it could not start, or which part of it ended by itself.
pub(crate) async fn serve(loaded: &Loaded) -> Result<(), Failure> {
    let configuration = &loaded.configuration;
    let stopping = start::stop_on_signal()?;
    announce(loaded);
    // Refused before anything is made: the data directory comes with its lock.
    let level = sandbox::try_out(configuration).await?;
    let _locks = doors::lock(configuration)?;
    // A taken port is told before the database is touched.
    let api = listeners::bind(configuration.server.listen, &listeners::API).await?;
    let ops = listeners::bind(configuration.metrics.listen, &listeners::METRICS).await?;
    let served = Served::open(configuration).await?;
    sandbox::export(level, &served.metrics);
    served.release_previous().await?;
    first_start::prepare(&served, &configuration.login, &listeners::url(&api)?).await?;
    let upkeep = upkeep::start(&served, &configuration.storage, stopping.clone()).await;
    let mut parts = served.start(configuration, api, ops, &stopping)?;
    let ended_early = parts.wait(&stopping).await;
    stopping.cancel();
    parts.stop(configuration).await;
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

/// What runs, each in a task of its own.
struct Parts {
    api: JoinHandle<std::io::Result<()>>,
    ops: JoinHandle<std::io::Result<()>>,
    worker: JoinHandle<()>,
    /// Ends the ops listener, which answers until everything else has ended.
    ops_stopping: CancellationToken,
}

impl Served {
    async fn open(configuration: &Configuration) -> Result<Self, Failure> {
        let metrics = Metrics::new(BUILD, crp_web::ROUTES);
        let storage = if configuration.storage.s3_bucket.is_some() { StorageKind::S3 } else { StorageKind::Local };
        metrics.config_info.set(storage, DatabaseKind::Sqlite, ProcessRole::Serve);
        let ambient = Ambient::system();
        let store = doors::open_store(&doors::database(configuration)?, ambient.clone(), &metrics).await?;
        let store = store.with_max_attempts(configuration.limits.max_attempts);
        let objects = doors::objects(&configuration.storage, &metrics)?;
        let web = Web::new(store.clone(), objects.clone(), metrics.clone(), ambient.clone(), web_settings(configuration))?;
        Ok(Self { store, objects, metrics, ambient, web })
    }

    /// The lock says that no other process works here, so every lease is of one that died.
    async fn release_previous(&self) -> Result<(), Failure> {
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

    fn start(
        &self,
        configuration: &Configuration,
        api: TcpListener,
        ops: TcpListener,
        stopping: &CancellationToken,
    ) -> Result<Parts, Failure> {
        let (api_url, ops_url) = (listeners::url(&api)?, listeners::url(&ops)?);
        let options = ServeOptions { grace: grace(configuration), ..ServeOptions::default() };
        let ops_stopping = CancellationToken::new();
        let slots = configuration.worker.effective_slots();
        // A spare behind each that reads.
        let children = doors::document_children(configuration, 2 * slots, &self.metrics)?.with_spares(slots);
        let worker = Worker::new(
            worker_settings(configuration),
            WorkerParts {
                store: self.store.clone(),
                objects: self.objects.clone(),
                metrics: self.metrics.clone(),
                children,
                limits: configuration.limits.clone(),
                ambient: self.ambient.clone(),
            },
        );
        let parts = Parts {
            api: tokio::spawn(crp_web::serve(api, self.web.api_router(), options, stopping.clone().cancelled_owned())),
            ops: tokio::spawn(crp_web::serve(ops, self.web.ops_router(), options, ops_stopping.clone().cancelled_owned())),
            worker: tokio::spawn(worker.run(stopping.clone())),
            ops_stopping,
        };
        tracing::info!(api = %api_url, metrics = %format!("{ops_url}/metrics"), "crPipeline is ready");
        Ok(parts)
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

impl Parts {
    /// Waits for a signal; a part that ends before it is a failure.
    async fn wait(&mut self, stopping: &CancellationToken) -> Result<(), Failure> {
        let ended = |part: &str| Err(Failure::new(Code::Internal, format!("The {part} ended by itself; the log says more")));
        tokio::select! {
            biased;
            () = stopping.cancelled() => Ok(()),
            _ = &mut self.api => ended("listener of the API"),
            _ = &mut self.ops => ended("listener of the metrics"),
            _ = &mut self.worker => ended("worker"),
        }
    }

    /// Lets answers and tasks finish or go back to the queue within the grace period, the metrics last.
    async fn stop(mut self, configuration: &Configuration) {
        let work = async {
            if !self.api.is_finished() {
                let _ = (&mut self.api).await;
            }
            if !self.worker.is_finished() {
                let _ = (&mut self.worker).await;
            }
        };
        if tokio::time::timeout(grace(configuration) + PATIENCE_AFTER_GRACE, work).await.is_err() {
            tracing::warn!("Not everything could be handed back in time; the next start takes it up");
        }
        self.ops_stopping.cancel();
        if !self.ops.is_finished() {
            let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.ops).await;
        }
    }
}

fn grace(configuration: &Configuration) -> Duration {
    Duration::from_secs(configuration.server.shutdown_grace_seconds.into())
}

fn web_settings(configuration: &Configuration) -> WebSettings {
    WebSettings {
        public_url: configuration.server.public_url.clone(),
        dashboards_url: configuration.server.dashboards_url.clone(),
        trusted_proxies: configuration.server.trusted_proxies.clone(),
        limits: configuration.limits.clone(),
        session_lifetime: Duration::from_secs(u64::from(configuration.login.session_hours) * 3600),
        data_dir: configuration.storage.data_dir.clone(),
        presigned_downloads: configuration.storage.presigned_downloads == Switch::On,
        ..WebSettings::default()
    }
}

fn worker_settings(configuration: &Configuration) -> WorkerSettings {
    let data_dir = &configuration.storage.data_dir;
    WorkerSettings {
        slots: configuration.worker.effective_slots(),
        lease: Duration::from_secs(configuration.worker.lease_seconds.into()),
        grace: grace(configuration),
        cache_dir: data_dir.join("cache"),
        scratch_dir: data_dir.join("scratch"),
        max_cache_mebibytes: configuration.worker.max_cache_mebibytes,
        poll: Duration::from_secs(5),
    }
}
