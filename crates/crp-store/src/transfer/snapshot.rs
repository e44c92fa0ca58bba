//! Reads every row of the database in one state, however long that takes and whatever is written meanwhile.

use futures_util::{StreamExt as _, stream::BoxStream};

use super::{Cell, tables::Table};
use crate::{Store, StoreError, transaction::Tx, value::Row};

/// One state of the database: a read transaction, on PostgreSQL `REPEATABLE READ`. Drop it as soon as the rows are read; while it is
/// held, SQLite's WAL grows and PostgreSQL keeps old rows.
pub struct Snapshot {
    tx: Tx,
}

impl Snapshot {
    /// Takes the state of now.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(store: &Store) -> Result<Self, StoreError> {
        let mut tx = store.read().await?;
        // SQLite takes its state with the first row that is read.
        tx.composed(super::tables(1)[0].any()).await?;
        Ok(Self { tx })
    }

    /// The rows of a table in the order of its key, as they come: never all of them in memory.
    ///
    /// # Errors
    /// The database's, also in the stream.
    pub fn rows<'a>(&'a mut self, table: &'a Table) -> Result<BoxStream<'a, Result<Vec<Cell>, StoreError>>, StoreError> {
        let rows = self.tx.stream(table.select())?;
        Ok(rows.map(move |row| cells(&row?, table)).boxed())
    }
}

fn cells(row: &Row, table: &Table) -> Result<Vec<Cell>, StoreError> {
    table.columns.iter().map(|column| Cell::read(row, column.name, column.kind)).collect()
}
