//! The open database: pools, transactions, and who is woken by a commit.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, JobId, OrganizationId, labels::PoolState};
use sqlx::{Connection as _, PgPool, SqlitePool, postgres::PgConnectOptions};
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

use crate::{
    StoreError,
    error::judge,
    pools,
    schema::{self, STEPS, Step},
    shared::{self, Neighbours},
    sql::{args, sql},
    tasks::{MAX_ATTEMPTS, QueueLimits},
    transaction::{Engine, Tx, fail_if_due},
};

/// Which database to open.
#[derive(Clone)]
pub enum Database {
    /// A file of SQLite; it is made if it does not exist. Its folder must exist.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresServer),
}

/// A PostgreSQL server, and how many connections to it this process may have.
#[derive(Clone)]
pub struct PostgresServer {
    /// Its URL (a secret: it may hold the password).
    pub url: String,
    /// Most connections at the same time, at least [`PostgresServer::FEWEST_CONNECTIONS`].
    pub max_connections: u32,
}

impl PostgresServer {
    /// One listens for word of other processes, one renews leases, one works.
    pub const FEWEST_CONNECTIONS: u32 = 3;
    /// What suits a process on one machine.
    pub const USUAL_CONNECTIONS: u32 = 16;
}

impl From<&str> for PostgresServer {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), max_connections: Self::USUAL_CONNECTIONS }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite(file) => f.debug_tuple("Sqlite").field(file).finish(),
            Database::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// The two kinds of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// The open database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    max_attempts: u32,
    queue_limits: QueueLimits,
}

struct Inner {
    pools: Pools,
    ambient: Ambient,
    metrics: Metrics,
    listeners: Listeners,
    neighbours: Option<Neighbours>,
}

/// Who in this process waits for commits.
#[derive(Clone)]
pub(crate) struct Listeners {
    wakeups: watch::Sender<u64>,
    changes: broadcast::Sender<JobChange>,
}

impl Listeners {
    fn new() -> Self {
        Self { wakeups: watch::Sender::new(0), changes: broadcast::Sender::new(CHANGES_KEPT) }
    }

    pub(crate) fn wake_workers(&self) {
        self.wakeups.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn tell_change(&self, change: JobChange) {
        // Nobody watches: fine.
        let _ = self.changes.send(change);
    }
}

enum Pools {
    /// One connection writes, the others read: SQLite allows one writer, and waiting for it in a pool is fair.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

sql! {
    PING = "SELECT CAST(count(*) AS BIGINT) AS n FROM installation";
}

/// How many changes of jobs a slow watcher may miss before it simply looks again.
const CHANGES_KEPT: usize = 1024;

impl Store {
    /// Opens the database and brings its tables up to date. On SQLite the file is copied before an existing schema changes.
    ///
    /// # Errors
    /// `newer_schema`, `database_unavailable`, `disk_full`, `invalid_configuration` for a URL that is none.
    pub async fn open(database: &Database, ambient: Ambient, metrics: Metrics) -> Result<Store, StoreError> {
        Self::open_with(database, ambient, metrics, STEPS).await
    }

    /// Opens a database that has no tables yet with those of an older version of the schema, to be filled with the rows of that
    /// version; [`Store::open`] brings it up to date afterwards.
    ///
    /// # Errors
    /// As [`Store::open`]; `newer_schema` also when the database has a newer version already.
    pub async fn open_at(database: &Database, version: i64, ambient: Ambient, metrics: Metrics) -> Result<Store, StoreError> {
        let steps = STEPS.iter().filter(|step| step.version <= version).count();
        Self::open_with(database, ambient, metrics, &STEPS[..steps]).await
    }

    /// The same for a database that other processes may work on, too. On PostgreSQL time is the database's from now on, and word of
    /// commits goes from process to process; a file of SQLite has no other process.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_shared(database: &Database, ambient: Ambient, metrics: Metrics) -> Result<Store, StoreError> {
        let pools = open_pools(database, &ambient, STEPS).await?;
        let listeners = Listeners::new();
        let Pools::Postgres(pool) = &pools else { return Ok(Self::of(pools, ambient, metrics, listeners, None)) };
        let clock = shared::ask_clock(pool).await?;
        let ambient = Ambient { clock: clock.clone(), ..ambient };
        let neighbours = Neighbours::meet(pool, &ambient, listeners.clone(), clock);
        Ok(Self::of(pools, ambient, metrics, listeners, Some(neighbours)))
    }

    pub(crate) async fn open_with(database: &Database, ambient: Ambient, metrics: Metrics, steps: &[Step]) -> Result<Store, StoreError> {
        let pools = open_pools(database, &ambient, steps).await?;
        Ok(Self::of(pools, ambient, metrics, Listeners::new(), None))
    }

    fn of(pools: Pools, ambient: Ambient, metrics: Metrics, listeners: Listeners, neighbours: Option<Neighbours>) -> Store {
        let store = Store {
            inner: Arc::new(Inner { pools, ambient, metrics, listeners, neighbours }),
            max_attempts: MAX_ATTEMPTS,
            queue_limits: QueueLimits::default(),
        };
        store.note_pool();
        store
    }

    /// The same store; tasks that are made through it get so many attempts instead of [`MAX_ATTEMPTS`].
    #[must_use]
    pub fn with_max_attempts(self, max_attempts: u32) -> Store {
        Store { max_attempts, ..self }
    }

    /// The same store; tasks that are claimed through it stay within these limits.
    #[must_use]
    pub fn with_queue_limits(self, queue_limits: QueueLimits) -> Store {
        Store { queue_limits, ..self }
    }

    /// The limits of a claim.
    pub(crate) fn queue_limits(&self) -> QueueLimits {
        self.queue_limits
    }

    /// Attempts of a task that is made now.
    pub(crate) fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Clock and chance of this process; the clock of a shared PostgreSQL is the database's.
    pub fn ambient(&self) -> &Ambient {
        &self.inner.ambient
    }

    /// The metrics that this store counts its errors and waits in.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Asks the database a question that only a working one answers.
    ///
    /// # Errors
    /// What keeps it from answering.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        tx.one(&PING, args![]).await.map(drop)
    }

    /// Closes every connection; later calls fail.
    pub async fn close(&self) {
        if let Some(neighbours) = &self.inner.neighbours {
            neighbours.part().await;
        }
        match &self.inner.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Which kind of database it is.
    pub fn kind(&self) -> DatabaseKind {
        match self.inner.pools {
            Pools::Sqlite { .. } => DatabaseKind::Sqlite,
            Pools::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// The newest schema version that this binary knows.
    pub fn schema_version() -> i64 {
        schema::newest(STEPS)
    }

    /// Changes whenever a task may have become claimable. Subscribe before asking for a task, so that nothing falls between.
    pub fn wakeups(&self) -> watch::Receiver<u64> {
        self.inner.listeners.wakeups.subscribe()
    }

    /// Wakes when events of `job` were committed. Subscribe before reading events, so that nothing falls between.
    pub fn job_changes(&self, job: JobId) -> JobChanges {
        JobChanges { changes: self.inner.listeners.changes.subscribe(), job }
    }

    /// Wakes when something about any job of `organization` was committed. Subscribe before reading jobs.
    pub fn organization_changes(&self, organization: OrganizationId) -> OrganizationChanges {
        OrganizationChanges { changes: self.inner.listeners.changes.subscribe(), organization }
    }

    /// Begins a transaction that may write.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        let started = Instant::now();
        let begun = match &self.inner.pools {
            // Taking the write lock at once: a transaction that reads first could not be upgraded while another writes.
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Engine::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Engine::Postgres),
        };
        self.begun(started, begun)
    }

    /// Begins a transaction that sees one state of the database and changes nothing.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        let started = Instant::now();
        let begun = match &self.inner.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(Engine::Sqlite),
            Pools::Postgres(pool) => pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map(Engine::Postgres),
        };
        self.begun(started, begun)
    }

    fn begun(&self, started: Instant, begun: Result<Engine, sqlx::Error>) -> Result<Tx, StoreError> {
        self.inner.metrics.db_acquire_duration_seconds.observe(started.elapsed().as_secs_f64());
        self.note_pool();
        let engine = begun.map_err(|error| self.judge(&error, "BEGIN"))?;
        fail_if_due(self, "BEGIN")?;
        Ok(Tx::new(self.clone(), engine))
    }

    fn note_pool(&self) {
        // The driver counts idle connections without a lock and is below zero for a moment now and then.
        fn figures<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> [f64; 3] {
            let size = pool.size();
            let idle = u32::try_from(pool.num_idle()).unwrap_or(0).min(size);
            [f64::from(size - idle), f64::from(idle), f64::from(pool.options().get_max_connections())]
        }
        let [used, idle, max] = match &self.inner.pools {
            Pools::Sqlite { writer, readers } => {
                let (writer, readers) = (figures(writer), figures(readers));
                [writer[0] + readers[0], writer[1] + readers[1], writer[2] + readers[2]]
            }
            Pools::Postgres(pool) => figures(pool),
        };
        let metrics = &self.inner.metrics;
        metrics.db_pool_connections.set(PoolState::Idle, idle);
        metrics.db_pool_connections.set(PoolState::Used, used);
        metrics.db_pool_max.set(max);
    }

    /// What an error of the database means; counted, and in the log with the statement's name.
    pub(crate) fn judge(&self, error: &sqlx::Error, statement: &str) -> StoreError {
        let (answer, kind) = judge(error);
        if let Some(kind) = kind {
            self.inner.metrics.db_errors_total.inc(kind);
            tracing::warn!(%error, statement, "the database failed");
        }
        answer
    }

    /// After a commit: wakes workers and watchers, in this process and in others.
    pub(crate) fn tell(&self, wakes_workers: bool, changes: &[JobChange]) {
        if wakes_workers {
            self.inner.listeners.wake_workers();
        }
        changes.iter().for_each(|change| self.inner.listeners.tell_change(*change));
        if let Some(neighbours) = &self.inner.neighbours {
            neighbours.tell(wakes_workers, changes);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.kind()).finish()
    }
}

async fn open_pools(database: &Database, ambient: &Ambient, steps: &[Step]) -> Result<Pools, StoreError> {
    match database {
        Database::Sqlite(file) => open_sqlite(file, ambient, steps).await,
        Database::Postgres(server) => open_postgres(server, steps).await,
    }
}

async fn open_sqlite(file: &std::path::Path, ambient: &Ambient, steps: &[Step]) -> Result<Pools, StoreError> {
    let writer = pools::sqlite_writer(file);
    let mut connection = writer.acquire().await.map_err(|e| judge(&e).0)?;
    let mut applied = schema::applied_version(&mut *connection).await?;
    schema::refuse_newer(applied, steps)?;
    if applied < schema::newest(steps) {
        let turn = schema::MigrationTurn::wait_for(file).await?;
        applied = schema::applied_version(&mut *connection).await?;
        if applied > 0 && applied < schema::newest(steps) {
            schema::copy_before_migration(&mut connection, file, applied, ambient.now()).await?;
        }
        schema::migrate(&mut *connection, DatabaseKind::Sqlite, steps).await?;
        turn.done();
    }
    schema::tell_statistics(&mut connection).await?;
    drop(connection);
    Ok(Pools::Sqlite { writer, readers: pools::sqlite_readers(file) })
}

async fn open_postgres(server: &PostgresServer, steps: &[Step]) -> Result<Pools, StoreError> {
    let options = PgConnectOptions::from_str(&server.url).map_err(|e| pools::bad_url(&e))?;
    let pool = pools::postgres(options, server.max_connections.max(PostgresServer::FEWEST_CONNECTIONS));
    let mut connection = pool.acquire().await.map_err(|e| judge(&e).0)?;
    let applied = schema::applied_version(&mut *connection).await?;
    schema::refuse_newer(applied, steps)?;
    schema::migrate(&mut *connection, DatabaseKind::Postgres, steps).await?;
    connection.ping().await.map_err(|e| judge(&e).0)?;
    drop(connection);
    Ok(Pools::Postgres(pool))
}

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
pub struct JobChanges {
    changes: broadcast::Receiver<JobChange>,
    job: JobId,
}

impl JobChanges {
    /// Returns when the job may have new events, also when wake-ups were missed. `false` once the store is gone.
    pub async fn changed(&mut self) -> bool {
        let job = self.job;
        next_change(&mut self.changes, |change| change.job == job).await
    }
}

/// Wakes whoever watches the jobs of one organization.
#[derive(Debug)]
pub struct OrganizationChanges {
    changes: broadcast::Receiver<JobChange>,
    organization: OrganizationId,
}

impl OrganizationChanges {
    /// Returns when a job of the organization may have changed, also when wake-ups were missed. `false` once the store is gone.
    pub async fn changed(&mut self) -> bool {
        let organization = self.organization;
        let is_open = next_change(&mut self.changes, |change| change.organization == organization).await;
        // One look at the jobs answers for everything that was committed until now.
        while !matches!(self.changes.try_recv(), Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed)) {}
        is_open
    }
}

async fn next_change(changes: &mut broadcast::Receiver<JobChange>, is_meant: impl Fn(&JobChange) -> bool) -> bool {
    loop {
        match changes.recv().await {
            Ok(change) if is_meant(&change) => return true,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}

/// How long a caller waits for a connection.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
