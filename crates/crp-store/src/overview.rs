//! Figures of the whole installation, and of one organization.
use std::collections::BTreeMap;

use crp_model::{
    JobStatus, Scope, Timestamp,
    labels::{Label as _, QueueState, WorkerState},
};

use crate::{
    Store, StoreError,
    sql::{Statement, args, sql},
    transaction::Tx,
    value::Value,
    workers::SILENT_AFTER,
};

/// Figures of the whole installation; they work without a scope and name nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Tasks by what they wait for.
    pub queue: BTreeMap<QueueState, u64>,
    /// Seconds that the oldest claimable task has waited; 0 when none waits.
    pub oldest_age_seconds: f64,
    /// Workers that were heard of within a minute, by what they do.
    pub workers: BTreeMap<WorkerState, u64>,
}
/// Figures of one organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationFigures {
    /// Documents, without those in the trash.
    pub documents: u64,
    /// Bytes of stored originals; the same bytes count once.
    pub stored_bytes: u64,
    /// Jobs by state: queued, running, succeeded, failed, cancelled.
    pub jobs: BTreeMap<String, u64>,
    /// Users.
    pub users: u64,
}

sql! {
    READY_NOW = "SELECT count(*) AS n, min(run_after) AS oldest FROM tasks WHERE state = 'ready' AND run_after <= $1";
    READY_LATER = "SELECT count(*) AS n FROM tasks WHERE state = 'ready' AND run_after > $1";
    RUNNING = "SELECT count(*) AS n FROM tasks WHERE state = 'running'";
    DEAD = "SELECT count(*) AS n FROM tasks WHERE state = 'failed'";
    WORKERS_IN = "SELECT count(*) AS n FROM workers WHERE state = $1 AND seen_at >= $2";
    DOCUMENTS = "SELECT count(*) AS n FROM documents WHERE organization = $1 AND trashed_at IS NULL";
    STORED_BYTES = "SELECT CAST(COALESCE(sum(size_bytes), 0) AS BIGINT) AS n FROM originals WHERE organization = $1";
    USERS = "SELECT count(*) AS n FROM memberships WHERE organization = $1";
    JOBS_BY_STATUS = "SELECT status, count(*) AS n FROM jobs WHERE organization = $1 GROUP BY status";
}

/// Figures of the whole installation.
///
/// # Errors
/// The database's.
pub async fn figures(store: &Store) -> Result<Figures, StoreError> {
    let now = store.ambient().now();
    let mut tx = store.read().await?;
    let ready = tx.one(&READY_NOW, args![now]).await?.ok_or(StoreError::NotFound)?;
    let oldest: Option<Timestamp> = ready.opt("oldest")?;
    let queue = BTreeMap::from([
        (QueueState::Queued, ready.get("n")?),
        (QueueState::Running, count(&mut tx, &RUNNING, args![]).await?),
        (QueueState::Retry, count(&mut tx, &READY_LATER, args![now]).await?),
        (QueueState::Dead, count(&mut tx, &DEAD, args![]).await?),
    ]);
    let mut workers = BTreeMap::new();
    for state in WorkerState::VALUES {
        workers.insert(*state, count(&mut tx, &WORKERS_IN, args![state.label(), now.minus(SILENT_AFTER)]).await?);
    }
    Ok(Figures { queue, oldest_age_seconds: oldest.map_or(0.0, |oldest| now.seconds_since(oldest)), workers })
}

/// Figures of the scope's organization.
///
/// # Errors
/// The database's.
pub async fn organization_figures(store: &Store, scope: &Scope) -> Result<OrganizationFigures, StoreError> {
    let organization = scope.organization;
    let mut tx = store.read().await?;
    let mut jobs: BTreeMap<String, u64> = JobStatus::ALL.into_iter().map(|status| (status.as_str().to_owned(), 0)).collect();
    for row in tx.all(&JOBS_BY_STATUS, args![organization]).await? {
        jobs.insert(row.get("status")?, row.get("n")?);
    }
    Ok(OrganizationFigures {
        documents: count(&mut tx, &DOCUMENTS, args![organization]).await?,
        stored_bytes: count(&mut tx, &STORED_BYTES, args![organization]).await?,
        jobs,
        users: count(&mut tx, &USERS, args![organization]).await?,
    })
}

async fn count(tx: &mut Tx, statement: &'static Statement, arguments: Vec<Value>) -> Result<u64, StoreError> {
    tx.one(statement, arguments).await?.map_or(Ok(0), |row| row.get("n"))
}
