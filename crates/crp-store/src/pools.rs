//! The pools of both engines and how their connections are set up.

use std::{path::Path, time::Duration};

use crp_model::{Code, Failure};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{StoreError, store::ACQUIRE_TIMEOUT};

/// Connections that read at the same time on SQLite.
pub(crate) const SQLITE_READERS: u32 = 4;

/// Memory for pages of the file, in KiB as SQLite takes it, of the connection that writes: what claims among a hundred organizations
/// and the ends of tasks touch again and again, which is more than the 2 MiB that it would have.
const SQLITE_WRITER_CACHE_KIB: u32 = 32 * 1024;
/// The same of each that reads.
const SQLITE_READER_CACHE_KIB: u32 = 8 * 1024;

/// The one connection that writes. WAL lets readers go on meanwhile; FULL makes every commit durable before it is acknowledged.
pub(crate) fn sqlite_writer(file: &Path) -> SqlitePool {
    sqlite_pool(1).connect_lazy_with(sqlite(file, SQLITE_WRITER_CACHE_KIB).create_if_missing(true).synchronous(SqliteSynchronous::Full))
}

/// The connections that only read.
pub(crate) fn sqlite_readers(file: &Path) -> SqlitePool {
    sqlite_pool(SQLITE_READERS).connect_lazy_with(sqlite(file, SQLITE_READER_CACHE_KIB).pragma("query_only", "ON"))
}

/// The connections to PostgreSQL, which read and write.
pub(crate) fn postgres(options: PgConnectOptions, max_connections: u32) -> PgPool {
    let options = options.application_name("crpipeline").disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(ACQUIRE_TIMEOUT);
    let prepared =
        pool.after_connect(|connection, _| Box::pin(async move { sqlx::raw_sql(PREPARE_SESSION).execute(connection).await.map(drop) }));
    prepared.connect_lazy_with(options)
}

/// A process that is frozen in the middle of a transaction must not keep its row locks from others; between two statements of ours
/// there are milliseconds. Notices, such as of tables that are there already, tell nobody anything.
const PREPARE_SESSION: &str = "SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = warning";

/// A URL that is none; the text of it is a secret and stays out of the message.
pub(crate) fn bad_url(error: &sqlx::Error) -> StoreError {
    let message = format!("DATABASE_URL is no PostgreSQL URL: {error}");
    StoreError::Failure(Failure::new(Code::InvalidConfiguration, message))
}

fn sqlite(file: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        // A negative number is one of KiB, a positive one of pages.
        .pragma("cache_size", format!("-{cache_kib}"))
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| {
            Box::pin(async move {
                // SQLite ends a transaction by itself when the disk is full; the driver still counts it and could never begin
                // another one. A ping waits until the rollback was tried, then such a connection is thrown away.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}
