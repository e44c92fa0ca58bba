//! All rows out of one database and into another, of either kind: what backup, restore and the copy to PostgreSQL are made of.
//!
//! [`Snapshot`] reads every table in one state, [`Import`] fills an empty database in one transaction, [`copy()`] joins the two.
//! Which tables and columns there are says the schema itself, see `tables.rs`; a test holds that to the real tables of both engines.
//! These functions work without a scope: they are about the whole installation, and only the operator's commands call them.

mod cell;
mod import;
mod named;
mod snapshot;
mod tables;

use crp_model::Failure;
use futures_util::StreamExt as _;

pub use cell::Cell;
pub use import::Import;
pub use named::{NamedObject, Owner, named_objects};
pub use snapshot::Snapshot;
pub use tables::{Column, ColumnKind, LEFT_OUT, Table, tables};

#[cfg(test)]
pub(crate) use {named::OBJECT_COLUMNS, tables::every_table};
#[cfg(test)]
pub(crate) const STATEMENTS: [&[&crate::sql::Statement]; 1] = [import::STATEMENTS];

use crate::Store;

/// Copies every row of `from` into the empty database `to`, in one transaction; the rows of each table are counted there before the
/// commit. `watch` hears of each table and of its rows so far.
///
/// # Errors
/// `target_not_empty`, and what either database answers. Nothing is in `to` then.
pub async fn copy(from: &Store, to: &Store, watch: &(dyn Fn(&str, u64) + Sync)) -> Result<Vec<(&'static str, u64)>, Failure> {
    let version = Store::schema_version();
    let mut snapshot = Snapshot::begin(from).await.map_err(|e| e.failure())?;
    let mut import = Import::begin(to, version).await?;
    let mut copied = Vec::new();
    for table in tables(version) {
        let rows = snapshot.rows(&table).map_err(|e| e.failure())?.map(|row| row.map_err(|e| e.failure()));
        let rows = import.fill(&table, rows, &|done| watch(table.name, done)).await?;
        copied.push((table.name, rows));
    }
    import.finish(&|done| watch("search index", done)).await?;
    Ok(copied)
}
