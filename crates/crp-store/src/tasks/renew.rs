//! Renewing leases; the wish to cancel travels back with the answer.

use std::time::Duration;

use crp_model::{TaskId, WorkerId};

use super::{LeaseState, Renewal};
use crate::{
    DatabaseKind, Store, StoreError,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    RENEW =
        "UPDATE tasks SET lease_until = $4 WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'running'
         RETURNING (SELECT j.cancel_requested FROM jobs j WHERE j.id = tasks.job) AS cancel_requested";
}

/// Renews leases for another `lease`; one answer for each task, in the order asked. Renew every third of a lease, independently
/// of the work itself.
///
/// # Errors
/// The database's; then no lease is known to be renewed, and none is known to be lost.
pub async fn renew(store: &Store, worker: WorkerId, held: &[(TaskId, i64)], lease: Duration) -> Result<Vec<Renewal>, StoreError> {
    // On PostgreSQL each in a transaction of its own: holding the locks of two tasks could be half of a deadlock.
    let at_once = if store.kind() == DatabaseKind::Sqlite { held.len() } else { 1 };
    let mut renewals = Vec::with_capacity(held.len());
    for some in held.chunks(at_once.max(1)) {
        let mut tx = store.write().await?;
        for (task, fence) in some {
            renewals.push(renew_one(&mut tx, worker, *task, *fence, lease).await?);
        }
        tx.commit().await?;
    }
    Ok(renewals)
}

async fn renew_one(tx: &mut Tx, worker: WorkerId, task: TaskId, fence: i64, lease: Duration) -> Result<Renewal, StoreError> {
    let until = tx.store().ambient().now().plus(lease);
    let state = match tx.one(&RENEW, args![task, fence, worker, until]).await? {
        None => LeaseState::Lost,
        Some(row) if row.get("cancel_requested")? => LeaseState::CancelRequested,
        Some(_) => LeaseState::Owned,
    };
    Ok(Renewal { task, state })
}
