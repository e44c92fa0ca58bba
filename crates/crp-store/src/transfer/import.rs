//! Fills an empty database with rows, in one transaction: all of it is there afterwards, or nothing.

use crp_model::{Code, DocumentId, Failure, OrganizationId};
use futures_util::{Stream, StreamExt as _};

use super::{
    Cell, Owner,
    tables::{Table, tables},
};
use crate::{
    Store,
    error::broken,
    search::index,
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

/// Most parameters of one statement; SQLite takes 32766.
const MAX_PARAMETERS: usize = 8_000;
/// Most bytes of the rows of one statement, unless a single row has more.
const MAX_BYTES: usize = 4 * 1024 * 1024;

sql! {
    DOCUMENTS_AFTER = "SELECT id, organization FROM documents WHERE is_indexed AND id > $1 ORDER BY id LIMIT 200";
    INDEX_LATER = "UPDATE documents SET is_indexed = FALSE WHERE is_indexed";
    FORGET_DOCUMENT_OF =
        "DELETE FROM documents WHERE organization = $1 AND id IN (SELECT document FROM jobs WHERE organization = $1 AND id = $2)";
    FORGET_DOCUMENTS_WITH = "DELETE FROM documents WHERE organization = $1 AND sha256 = $2";
    FORGET_UNUSED_ORIGINALS =
        "DELETE FROM originals WHERE NOT EXISTS
            (SELECT 1 FROM documents d WHERE d.organization = originals.organization AND d.sha256 = originals.sha256)";
}

/// A database that is being filled. Dropped, it is empty again.
pub struct Import {
    tx: Tx,
    version: i64,
}

impl Import {
    /// Begins with a database that has the tables of schema `version` and no rows, see [`Store::open_at`].
    ///
    /// # Errors
    /// `target_not_empty`, and the database's.
    pub async fn begin(store: &Store, version: i64) -> Result<Self, Failure> {
        let mut tx = store.write().await.map_err(|e| e.failure())?;
        for table in tables(version) {
            if !tx.composed(table.any()).await.map_err(|e| e.failure())?.is_empty() {
                let message = format!("The database is not empty: its table {} has rows", table.name);
                return Err(Failure::new(Code::TargetNotEmpty, message));
            }
        }
        Ok(Self { tx, version })
    }

    /// Adds the rows of a table, which must come after those that it refers to, and counts them in the database; how many.
    ///
    /// # Errors
    /// What `rows` fails with, and the database's; the whole import is void then.
    pub async fn fill(
        &mut self,
        table: &Table,
        rows: impl Stream<Item = Result<Vec<Cell>, Failure>> + Send,
        watch: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, Failure> {
        let mut rows = std::pin::pin!(rows);
        let mut batch = Batch::default();
        let (mut done, mut late) = (0, Vec::new());
        while let Some(row) = rows.next().await {
            batch.push(table, row?);
            if batch.is_full(table) {
                done += self.add(table, std::mem::take(&mut batch), &mut late).await?;
                watch(done);
            }
        }
        done += self.add(table, batch, &mut late).await?;
        watch(done);
        if let Some(id) = self.refer(table, late).await?.first() {
            return Err(inconsistent(&format!("the row {:?} of {} refers to one that is not there", id.0, table.name)));
        }
        let counted = self.tx.composed(table.count()).await.map_err(|e| e.failure())?;
        let counted: u64 = counted.first().ok_or_else(|| broken("nothing was counted").failure())?.get("n").map_err(|e| e.failure())?;
        if counted == done { Ok(done) } else { Err(inconsistent(&format!("{} has {counted} rows instead of {done}", table.name))) }
    }

    async fn add(&mut self, table: &Table, batch: Batch, late: &mut Vec<(Cell, Cell)>) -> Result<u64, Failure> {
        if batch.rows.is_empty() {
            return Ok(0);
        }
        let added = batch.rows.len() as u64;
        self.tx.composed(table.insert(batch.rows)).await.map_err(|error| match error {
            crate::StoreError::NotFound => inconsistent(&format!("a row of {} refers to one that is not there", table.name)),
            crate::StoreError::Conflict(_) => inconsistent(&format!("a row of {} is there twice", table.name)),
            other => other.failure(),
        })?;
        late.extend(self.refer(table, batch.references).await?);
        Ok(added)
    }

    /// Sets references within the table; gives back those whose row is not there (yet): a row may refer to a later one.
    async fn refer(&mut self, table: &Table, references: Vec<(Cell, Cell)>) -> Result<Vec<(Cell, Cell)>, Failure> {
        let Some(column) = table.refers_to_itself else { return Ok(Vec::new()) };
        let kind = super::ColumnKind::Uuid;
        let mut missing = Vec::new();
        for (id, other) in references {
            let statement = table.refer(column, id.clone().value(kind), other.clone().value(kind));
            if self.tx.composed(statement).await.map_err(|e| e.failure())?.is_empty() {
                missing.push((id, other));
            }
        }
        Ok(missing)
    }

    /// Removes the documents that these objects go with, with everything of theirs: they were deleted after the rows were read and
    /// before their objects were.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(&mut self, gone: &[Owner]) -> Result<(), Failure> {
        for owner in gone {
            let forgotten = match owner {
                Owner::Job { organization, job } => self.tx.run(&FORGET_DOCUMENT_OF, args![*organization, *job]).await,
                Owner::Original { organization, sha256 } => self.tx.run(&FORGET_DOCUMENTS_WITH, args![*organization, *sha256]).await,
            };
            forgotten.map_err(|e| e.failure())?;
        }
        if !gone.is_empty() {
            self.tx.run(&FORGET_UNUSED_ORIGINALS, args![]).await.map_err(|e| e.failure())?;
        }
        Ok(())
    }

    /// Makes the index of the search and commits. With the rows of an older schema the index is left to the server, which catches up
    /// with it after the schema was brought up to date.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(mut self, watch: &(dyn Fn(u64) + Sync)) -> Result<(), Failure> {
        if self.version == Store::schema_version() {
            self.index(watch).await?;
        } else if self.version > 1 {
            self.tx.run(&INDEX_LATER, args![]).await.map_err(|e| e.failure())?;
        }
        self.tx.wakes_workers();
        self.tx.commit().await.map_err(|e| e.failure())
    }

    /// Only documents that were in the index: an older version may have left others, with which the server catches up from their text.
    async fn index(&mut self, watch: &(dyn Fn(u64) + Sync)) -> Result<(), Failure> {
        let (mut after, mut done) = (DocumentId(uuid::Uuid::nil()), 0);
        loop {
            let rows = self.tx.all(&DOCUMENTS_AFTER, args![after]).await.map_err(|e| e.failure())?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let organization: OrganizationId = row.get("organization").map_err(|e| e.failure())?;
                after = row.get("id").map_err(|e| e.failure())?;
                index::rebuild(&mut self.tx, organization, after).await.map_err(|e| e.failure())?;
                done += 1;
                watch(done);
            }
        }
    }
}

fn inconsistent(what: &str) -> Failure {
    Failure::new(Code::BackupUnusable, format!("The rows do not belong together: {what}"))
}

/// Rows of one statement, and the references within the table that are set after it.
#[derive(Default)]
struct Batch {
    rows: Vec<Vec<Value>>,
    references: Vec<(Cell, Cell)>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, table: &Table, mut row: Vec<Cell>) {
        self.bytes += row.iter().map(Cell::weight).sum::<usize>();
        if let Some(at) = table.refers_to_itself.and_then(|column| table.index_of(column))
            && let Some(id) = table.index_of("id").and_then(|id| row.get(id)).cloned()
            && let Some(cell) = row.get_mut(at)
            && *cell != Cell::Null
        {
            self.references.push((id, std::mem::replace(cell, Cell::Null)));
        }
        self.rows.push(row.into_iter().zip(&table.columns).map(|(cell, column)| cell.value(column.kind)).collect());
    }

    fn is_full(&self, table: &Table) -> bool {
        (self.rows.len() + 1) * table.columns.len() > MAX_PARAMETERS || self.bytes >= MAX_BYTES
    }
}
