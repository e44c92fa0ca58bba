//! The database on SQLite and PostgreSQL: rows, migrations, task queue, leases, search.
//!
//! Open a [`Store`], then call the functions of the module that names the thing: `documents::add_with_job(&store, &scope, …)`.
//! Everything about an organization's rows asks for a [`crp_model::Scope`] (or a claimed task, which carries one) and answers
//! [`StoreError::NotFound`] for another organization's id. What works without a scope says so by its module: [`setup`], [`login`],
//! [`login_refusals`], [`sessions`], [`workers`], [`overview`], in [`tasks`] claiming, renewing and rescuing, in [`retention`] the
//! question what is due, and in [`watched`] who watches.

pub mod artifacts;
pub mod audit;
pub mod documents;
mod error;
pub mod events;
pub mod history;
pub mod inventory;
pub mod jobs;
mod like;
pub mod lock;
pub mod login;
pub mod login_refusals;
pub mod organizations;
pub mod overview;
mod paging;
pub mod pipelines;
pub mod plans;
mod pools;
pub mod retention;
mod schema;
mod schema_state;
pub mod search;
pub mod sessions;
pub mod setup;
mod shared;
mod sql;
mod store;
pub mod tasks;
#[cfg(test)]
mod tests;
mod transaction;
pub mod transfer;
pub mod users;
mod value;
pub mod watched;
pub mod workers;

pub use error::StoreError;
pub use lock::DataDirectoryLock;
pub use paging::{Cursor, NumberedPage, Page};
pub use schema_state::{SchemaState, schema_state};
pub use store::{Database, DatabaseKind, JobChange, JobChanges, OrganizationChanges, PostgresServer, Store};
