//! Figures of the whole installation, and of one organization.
use std::collections::BTreeMap;
use crp_model::{Scope, labels::{QueueState, WorkerState}};
use crate::{Store, StoreError};
/// Figures of the whole installation; they work without a scope and name nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Tasks by what they wait for.
    pub queue: BTreeMap<QueueState, u64>,
    /// Seconds that the oldest claimable task has waited; 0 when none waits.
    pub oldest_age_seconds: f64,
    /// Workers that were heard of within a minute, by what they do.
    pub workers: BTreeMap<WorkerState, u64>,
    /// Jobs that are running.
    pub jobs_running: u64,
    /// Jobs that are queued.
    pub jobs_queued: u64,
}
/// Figures of one organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationFigures {
    /// Documents.
    pub documents: u64,
    /// Bytes of stored originals; the same bytes count once.
    pub stored_bytes: u64,
    /// Jobs by state: queued, running, succeeded, failed, cancelled.
    pub jobs: BTreeMap<String, u64>,
    /// Users.
    pub users: u64,
}
/// Figures of the whole installation.
pub async fn figures(_store: &Store) -> Result<Figures, StoreError> { todo!() }
/// Figures of the scope's organization.
pub async fn organization_figures(_store: &Store, _scope: &Scope) -> Result<OrganizationFigures, StoreError> { todo!() }
