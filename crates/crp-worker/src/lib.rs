//! Leases tasks, runs stages, records what happened, rescues, cleans up.
//!
//! [`Worker::run`] claims while a slot is free; `task` is the story of one task on one screen; the renewer keeps the
//! leases apart from the work and carries cancellation; nothing is counted before its commit.

mod backoff;
mod document_cache;
mod housekeeping;
mod identities;
mod kinds;
mod lease;
mod older_documents;
mod page_store;
mod steps;
mod task;
mod worker;

pub use older_documents::index_older_documents;
pub use worker::{Worker, WorkerParts, WorkerSettings};
