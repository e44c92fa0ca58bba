//! What runs in a server process, each part in a task of its own: listeners and worker, from the ready line to the end.

use std::time::Duration;

use crp_model::{Code, Failure};
use crp_web::ServeOptions;
use crp_worker::Worker;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{PATIENCE_AFTER_GRACE, Role, Served, grace, listeners};
use crate::config::Configuration;

/// The bound addresses.
pub(super) struct Sockets {
    api: Option<TcpListener>,
    ops: TcpListener,
}

impl Sockets {
    /// Binds what the role listens on.
    ///
    /// # Errors
    /// `port_in_use`, `invalid_configuration`
    pub(super) async fn bind(configuration: &Configuration, role: Role) -> Result<Self, Failure> {
        let api = match role.answers() {
            true => Some(listeners::bind(configuration.server.listen, &listeners::API).await?),
            false => None,
        };
        Ok(Self { api, ops: listeners::bind(configuration.metrics.listen, &listeners::METRICS).await? })
    }

    /// Where API and web app are.
    ///
    /// # Errors
    /// `internal` when the system does not tell the address.
    pub(super) fn api_url(&self) -> Result<Option<String>, Failure> {
        self.api.as_ref().map(listeners::url).transpose()
    }
}

/// What runs.
pub(super) struct Parts {
    api: Option<JoinHandle<std::io::Result<()>>>,
    ops: JoinHandle<std::io::Result<()>>,
    worker: Option<JoinHandle<()>>,
    /// Ends the ops listener, which answers until everything else has ended.
    ops_stopping: CancellationToken,
}

impl Parts {
    /// Starts everything and says so.
    ///
    /// # Errors
    /// `internal` when the system does not tell an address.
    pub(super) fn start(
        served: &Served,
        configuration: &Configuration,
        sockets: Sockets,
        worker: Option<Worker>,
        stopping: &CancellationToken,
    ) -> Result<Self, Failure> {
        let (api_url, ops_url) = (sockets.api_url()?, listeners::url(&sockets.ops)?);
        let options = ServeOptions { grace: grace(configuration), ..ServeOptions::default() };
        let ops_stopping = CancellationToken::new();
        let serve = |socket, router, until: &CancellationToken| {
            tokio::spawn(crp_web::serve(socket, router, options, until.clone().cancelled_owned()))
        };
        let parts = Self {
            api: sockets.api.map(|socket| serve(socket, served.web.api_router(), stopping)),
            ops: serve(sockets.ops, served.web.ops_router(), &ops_stopping),
            worker: worker.map(|worker| tokio::spawn(worker.run(stopping.clone()))),
            ops_stopping,
        };
        let metrics = format!("{ops_url}/metrics");
        match api_url {
            Some(api) => tracing::info!(api = %api, metrics = %metrics, works = parts.worker.is_some(), "crPipeline is ready"),
            None => tracing::info!(metrics = %metrics, works = true, "The worker is ready"),
        }
        Ok(parts)
    }

    /// Waits for a signal; a part that ends before it is a failure.
    pub(super) async fn wait(&mut self, stopping: &CancellationToken) -> Result<(), Failure> {
        let ended = |part: &str| Err(Failure::new(Code::Internal, format!("The {part} ended by itself; the log says more")));
        tokio::select! {
            biased;
            () = stopping.cancelled() => Ok(()),
            () = end_of(&mut self.api) => ended("listener of the API"),
            _ = &mut self.ops => ended("listener of the metrics"),
            () = end_of(&mut self.worker) => ended("worker"),
        }
    }

    /// Lets answers and tasks finish or go back to the queue within the grace period, the metrics last.
    pub(super) async fn stop(mut self, configuration: &Configuration) {
        let work = async {
            if self.api.as_ref().is_some_and(|api| !api.is_finished()) {
                end_of(&mut self.api).await;
            }
            if self.worker.as_ref().is_some_and(|worker| !worker.is_finished()) {
                end_of(&mut self.worker).await;
            }
        };
        if tokio::time::timeout(grace(configuration) + PATIENCE_AFTER_GRACE, work).await.is_err() {
            tracing::warn!("Not everything could be handed back in time; another process takes it up");
        }
        self.ops_stopping.cancel();
        if !self.ops.is_finished() {
            let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.ops).await;
        }
    }
}

/// The end of a part; a part that this process does not have never ends.
async fn end_of<T>(part: &mut Option<JoinHandle<T>>) {
    match part {
        Some(running) => drop(running.await),
        None => std::future::pending().await,
    }
}
