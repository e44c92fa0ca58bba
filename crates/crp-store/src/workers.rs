//! Workers that are there.
use crp_model::{WorkerId, labels::WorkerState};
use crate::{Store, StoreError};
/// Notes that the worker is there, and what it does.
pub async fn heartbeat(_store: &Store, _worker: WorkerId, _state: WorkerState) -> Result<(), StoreError> { todo!() }
/// Forgets a worker that has stopped.
pub async fn forget(_store: &Store, _worker: WorkerId) -> Result<(), StoreError> { todo!() }
