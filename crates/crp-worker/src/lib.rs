//! Leases tasks, runs stages, records what happened, rescues, cleans up.
//!
//! [`Worker::run`] claims while a slot is free; `task` is the story of one task on one screen; the renewer keeps the
//! leases apart from the work and carries cancellation; nothing is counted before its commit.

mod backoff;
mod document_cache;
mod housekeeping;
mod kinds;
mod lease;
mod page_store;
mod steps;
mod task;
mod worker;

pub use worker::{Worker, WorkerParts, WorkerSettings};
