//! The database on SQLite and PostgreSQL: rows, migrations, task queue, leases, search.
//!
//! Open a [`Store`], then call the functions of the module that names the thing: `documents::add_with_job(&store, &scope, …)`.
//! Everything about an organization's rows asks for a [`crp_model::Scope`] (or a claimed task, which carries one) and answers
//! [`StoreError::NotFound`] for another organization's id. What works without a scope stands in [`queue`]-wide functions of
//! [`tasks`], in [`setup`], in [`login`] and in [`overview`].

pub mod artifacts;
pub mod audit;
pub mod documents;
mod error;
pub mod events;
pub mod jobs;
pub mod lock;
pub mod login;
pub mod login_refusals;
pub mod organizations;
pub mod overview;
mod paging;
pub mod pipelines;
pub mod sessions;
pub mod setup;
mod store;
pub mod tasks;
pub mod users;
pub mod workers;

pub use error::StoreError;
pub use lock::DataDirectoryLock;
pub use paging::{Cursor, Page};
pub use store::{Database, DatabaseKind, JobChange, JobChanges, Store};
