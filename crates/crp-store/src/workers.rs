//! Workers that are there.
use std::time::Duration;

use crp_model::{
    WorkerId,
    labels::{Label as _, WorkerState},
};

use crate::{
    Store, StoreError,
    sql::{args, sql},
};

sql! {
    HEARTBEAT =
        "INSERT INTO workers (id, state, started_at, seen_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, seen_at = excluded.seen_at";
    FORGET = "DELETE FROM workers WHERE id = $1";
    FORGET_SILENT = "DELETE FROM workers WHERE seen_at < $1";
}

/// A worker that was not heard of for so long is not there.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(60);

/// Notes that the worker is there, and what it does. Workers that were silent for a day are forgotten.
///
/// # Errors
/// The database's.
pub async fn heartbeat(store: &Store, worker: WorkerId, state: WorkerState) -> Result<(), StoreError> {
    let now = store.ambient().now();
    let mut tx = store.write().await?;
    tx.run(&HEARTBEAT, args![worker, state.label(), now]).await?;
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
