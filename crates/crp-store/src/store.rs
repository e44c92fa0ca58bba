//! The open database.
use std::path::PathBuf;
use crp_model::{Ambient, JobId, OrganizationId};
use crp_metrics::Metrics;
use tokio::sync::watch;
use crate::StoreError;

/// Which database to open.
#[derive(Clone)]
pub enum Database {
    /// A file of SQLite; it is made if it does not exist.
    Sqlite(PathBuf),
    /// A PostgreSQL URL (a secret: it may hold the password).
    Postgres(String),
}
impl std::fmt::Debug for Database { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
/// The two kinds of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}
/// The open database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}
/// Something happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobChange {
    /// Whose job.
    pub organization: OrganizationId,
    /// The job.
    pub job: JobId,
    /// Its newest event.
    pub event: i64,
}
/// Wakes whoever watches one job.
#[derive(Debug)]
pub struct JobChanges {}
impl JobChanges {
    /// Returns when the job may have new events (also when some wake-ups were missed). `false` when the store is gone.
    pub async fn changed(&mut self) -> bool { todo!() }
}
impl Store {
    /// Opens the database, makes or migrates its tables.
    pub async fn open(_database: &Database, _ambient: Ambient, _metrics: Metrics) -> Result<Store, StoreError> { todo!() }
    /// Clock and chance of this process.
    pub fn ambient(&self) -> &Ambient { todo!() }
    /// The instruments.
    pub fn metrics(&self) -> &Metrics { todo!() }
    /// Asks the database a question that only a working one answers.
    pub async fn ping(&self) -> Result<(), StoreError> { todo!() }
    /// Closes every connection; later calls fail.
    pub async fn close(&self) { todo!() }
    /// Which kind of database it is.
    pub fn kind(&self) -> DatabaseKind { todo!() }
    /// The newest schema version that this binary knows.
    pub fn schema_version() -> i64 { todo!() }
    /// Changes whenever a task became claimable. Subscribe before asking for a task.
    pub fn wakeups(&self) -> watch::Receiver<u64> { todo!() }
    /// Wakes when events of `job` were committed by this process. Subscribe before reading events.
    pub fn job_changes(&self, _job: JobId) -> JobChanges { todo!() }
}
