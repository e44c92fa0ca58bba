//! Workers that are there.
use std::time::Duration;

use crp_model::{
    Timestamp, WorkerId,
    labels::{Label as _, WorkerState},
};

use crate::{
    Store, StoreError,
    sql::{args, sql},
};

sql! {
    HEARTBEAT =
        "INSERT INTO workers (id, state, started_at, seen_at, name, version, slots) VALUES ($1, $2, $3, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, seen_at = excluded.seen_at";
    FORGET = "DELETE FROM workers WHERE id = $1";
    LIST =
        "SELECT w.id, w.state, w.started_at, w.seen_at, w.name, w.version, w.slots,
                (SELECT count(*) FROM tasks t WHERE t.state = 'running' AND t.worker = w.id) AS tasks_running
         FROM workers w ORDER BY w.seen_at DESC, w.id LIMIT $1";
    FORGET_SILENT = "DELETE FROM workers WHERE seen_at < $1";
}

/// A worker that was not heard of for so long is not there.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(60);

/// Most workers that are listed.
const MAX_LISTED_WORKERS: u32 = 200;

/// A worker that was heard of within a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its id.
    pub id: WorkerId,
    /// What it does; `None` when it was silent for a minute.
    pub state: Option<WorkerState>,
    /// When it was first heard of.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// What it says of itself.
    pub about: AboutWorker,
    /// Tasks that it holds.
    pub tasks_running: u64,
}

/// What a worker says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutWorker {
    /// Where it runs: machine and process.
    pub name: String,
    /// Its version of crPipeline.
    pub version: String,
    /// Tasks that it takes at a time.
    pub slots: u32,
}

/// The workers of the installation, the one that was heard of last at the beginning.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store) -> Result<Vec<WorkerRow>, StoreError> {
    let silent_since = store.ambient().now().minus(SILENT_AFTER);
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![MAX_LISTED_WORKERS]).await?;
    let read = rows.iter().map(|row| {
        let (state, seen_at): (String, Timestamp) = (row.get("state")?, row.get("seen_at")?);
        let known = WorkerState::VALUES.iter().copied().find(|known| known.label() == state);
        Ok(WorkerRow {
            id: row.get("id")?,
            state: known.filter(|_| seen_at >= silent_since),
            started_at: row.get("started_at")?,
            seen_at,
            about: AboutWorker { name: row.get("name")?, version: row.get("version")?, slots: row.get("slots")? },
            tasks_running: row.get("tasks_running")?,
        })
    });
    read.collect()
}

/// Notes that the worker is there, and what it does. Workers that were silent for a day are forgotten.
///
/// # Errors
/// The database's.
pub async fn heartbeat(store: &Store, worker: WorkerId, state: WorkerState, about: &AboutWorker) -> Result<(), StoreError> {
    let now = store.ambient().now();
    let mut tx = store.write().await?;
    tx.run(&HEARTBEAT, args![worker, state.label(), now, about.name.as_str(), about.version.as_str(), about.slots]).await?;
    tx.run(&FORGET_SILENT, args![now.minus(Duration::from_secs(24 * 60 * 60))]).await?;
    tx.commit().await
}

/// Forgets a worker that has stopped.
///
/// # Errors
/// The database's.
pub async fn forget(store: &Store, worker: WorkerId) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&FORGET, args![worker]).await?;
    tx.commit().await
}
