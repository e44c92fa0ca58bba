//! What a process does: everything, or a part of it beside other processes.

use crp_metrics::ProcessRole;
use crp_model::{Code, Failure};
use crp_store::Database;

use crate::{
    config::{Configuration, Loaded},
    doors,
};

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Web, API and worker.
    Serve,
    /// Web and API; workers run elsewhere.
    Api,
    /// A worker; web and API run elsewhere.
    Worker,
}

/// Port of a worker's metrics, so that it can run beside a server on one machine.
const WORKER_METRICS_PORT: u16 = 9101;

impl Role {
    /// Whether it answers people and programs.
    pub(super) fn answers(self) -> bool {
        self != Role::Worker
    }

    /// Whether it works on tasks.
    pub(super) fn works(self) -> bool {
        self != Role::Api
    }

    /// As the metrics name it.
    pub(super) fn exported(self) -> ProcessRole {
        match self {
            Role::Serve => ProcessRole::Serve,
            Role::Api => ProcessRole::Api,
            Role::Worker => ProcessRole::Worker,
        }
    }

    /// The configuration as this role takes it.
    ///
    /// # Errors
    /// `invalid_configuration` for a part of the work without a database that others can reach.
    pub(super) fn configuration(self, loaded: &Loaded) -> Result<Configuration, Failure> {
        let mut configuration = loaded.configuration.clone();
        if self == Role::Worker && loaded.is_default("metrics", "listen") {
            configuration.metrics.listen.set_port(WORKER_METRICS_PORT);
        }
        if self == Role::Serve {
            return Ok(configuration);
        }
        if let Database::Sqlite(file) = doors::database(&configuration) {
            let what = if self == Role::Worker { "A worker of its own" } else { "A server without a worker" };
            let message = format!("{what} needs PostgreSQL; the database is the file {}, which only one process can use", file.display());
            return Err(Failure::new(Code::InvalidConfiguration, message).with_remedy(
                "Set DATABASE_URL=postgres://… for every process, or run `crpipeline serve`, which works in its own process.",
            ));
        }
        if configuration.storage.s3_bucket.is_none() {
            let folder = configuration.storage.data_dir.display();
            tracing::warn!("Without S3_BUCKET the bytes lie in {folder}/objects, which every process has to reach under this name");
        }
        Ok(configuration)
    }
}
