//! The job's row, locked: whoever changes anything about a job takes it first, so that changes of one job happen one after another.

use crp_model::{JobId, JobStatus, OrganizationId, Plan, Timestamp};

use crate::{
    StoreError,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    LOCK =
        "SELECT status, cancel_requested, plan, pages_total, created_at, started_at FROM jobs WHERE organization = $1 AND id = $2"
        + postgres "FOR UPDATE";
    LOCK_UNLESS_BUSY = "SELECT status FROM jobs WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE SKIP LOCKED";
}

/// A job whose row this transaction holds.
pub(crate) struct LockedJob {
    pub(crate) organization: OrganizationId,
    pub(crate) id: JobId,
    pub(crate) status: JobStatus,
    pub(crate) cancel_requested: bool,
    pub(crate) plan: Plan,
    pub(crate) pages_total: Option<u32>,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
}

/// Takes the job's row, waiting for whoever holds it.
pub(crate) async fn lock(tx: &mut Tx, organization: OrganizationId, id: JobId) -> Result<LockedJob, StoreError> {
    let row = tx.one(&LOCK, args![organization, id]).await?.ok_or(StoreError::NotFound)?;
    Ok(LockedJob {
        organization,
        id,
        status: row.get("status")?,
        cancel_requested: row.get("cancel_requested")?,
        plan: row.json("plan")?,
        pages_total: row.opt("pages_total")?,
        created_at: row.get("created_at")?,
        started_at: row.opt("started_at")?,
    })
}

/// Takes the job's row without waiting; `false` when someone else holds it now. Only a claim asks so: it holds its task already,
/// and waiting here while someone with the job waits for the task would be a deadlock.
pub(crate) async fn try_lock(tx: &mut Tx, organization: OrganizationId, id: JobId) -> Result<bool, StoreError> {
    Ok(tx.one(&LOCK_UNLESS_BUSY, args![organization, id]).await?.is_some())
}
