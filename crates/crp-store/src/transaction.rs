//! A transaction on either engine. What others must hear of is said only after the commit; dropping it rolls back.

use crp_model::{JobId, OrganizationId, faults};
use futures_util::{StreamExt as _, stream::BoxStream};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use crate::{
    JobChange, Store, StoreError,
    error::broken,
    sql::{Composed, Statement},
    value::{Row, Value},
};

/// A transaction: all of it happens, or nothing.
pub(crate) struct Tx {
    store: Store,
    engine: Engine,
    wakes_workers: bool,
    changes: Vec<JobChange>,
}

pub(crate) enum Engine {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn new(store: Store, engine: Engine) -> Self {
        Self { store, engine, wakes_workers: false, changes: Vec::new() }
    }

    /// Every row. A statement that writes and returns runs to its end, too.
    pub(crate) async fn all(&mut self, statement: &'static Statement, arguments: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.fail_if_due(statement.name)?;
        let rows = match &mut self.engine {
            Engine::Sqlite(tx) => {
                let query = sqlx::query_with(statement.sqlite, Value::for_sqlite(arguments)?);
                query.fetch_all(&mut **tx).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Engine::Postgres(tx) => {
                let query = sqlx::query_with(statement.postgres, Value::for_postgres(arguments)?);
                query.fetch_all(&mut **tx).await.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        rows.map_err(|error| self.store.judge(&error, statement.name))
    }

    /// The first row, if there is one.
    pub(crate) async fn one(&mut self, statement: &'static Statement, arguments: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.all(statement, arguments).await?.into_iter().next())
    }

    /// Every row of a statement that was put together.
    pub(crate) async fn composed(&mut self, statement: Composed) -> Result<Vec<Row>, StoreError> {
        let Composed { name, text, arguments } = statement;
        self.fail_if_due(name)?;
        // Its clauses are constants of this crate, see `Composed`.
        let rows = match &mut self.engine {
            Engine::Sqlite(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(text), Value::for_sqlite(arguments)?);
                query.fetch_all(&mut **tx).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Engine::Postgres(tx) => {
                // Prepared for this once: a plan that is kept is made without knowing what is looked for, and a rare word is then
                // looked for in every document.
                let query = sqlx::query_with(AssertSqlSafe(text), Value::for_postgres(arguments)?).persistent(false);
                query.fetch_all(&mut **tx).await.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        rows.map_err(|error| self.store.judge(&error, name))
    }

    /// The rows of a statement that was put together, as they come: never all of them in memory.
    pub(crate) fn stream(&mut self, statement: Composed) -> Result<BoxStream<'_, Result<Row, StoreError>>, StoreError> {
        let (Composed { name, text, arguments }, store) = (statement, self.store.clone());
        self.fail_if_due(name)?;
        let judged = move |error: sqlx::Error| store.judge(&error, name);
        Ok(match &mut self.engine {
            Engine::Sqlite(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(text), Value::for_sqlite(arguments)?);
                query.fetch(&mut **tx).map(move |row| row.map(Row::Sqlite).map_err(&judged)).boxed()
            }
            Engine::Postgres(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(text), Value::for_postgres(arguments)?);
                query.fetch(&mut **tx).map(move |row| row.map(Row::Postgres).map_err(&judged)).boxed()
            }
        })
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn run(&mut self, statement: &'static Statement, arguments: Vec<Value>) -> Result<u64, StoreError> {
        self.fail_if_due(statement.name)?;
        let changed = match &mut self.engine {
            Engine::Sqlite(tx) => {
                let query = sqlx::query_with(statement.sqlite, Value::for_sqlite(arguments)?);
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            Engine::Postgres(tx) => {
                let query = sqlx::query_with(statement.postgres, Value::for_postgres(arguments)?);
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        };
        changed.map_err(|error| self.store.judge(&error, statement.name))
    }

    fn fail_if_due(&self, statement: &'static str) -> Result<(), StoreError> {
        fail_if_due(&self.store, statement)
    }

    /// Workers are woken after the commit: a task became claimable.
    pub(crate) fn wakes_workers(&mut self) {
        self.wakes_workers = true;
    }

    /// Whoever watches the job is woken after the commit.
    pub(crate) fn changes_job(&mut self, organization: OrganizationId, job: JobId, event: i64) {
        self.changes.push(JobChange { organization, job, event });
    }

    /// The engine's own transaction, for statements that are no part of the product.
    #[cfg(test)]
    pub(crate) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The store that this transaction is of.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Makes it durable, then tells who waits for it; both, also when the caller goes away in between.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        // In a task of its own: what is durable and was told to nobody would wait for the next look at the queue.
        let ended = tokio::spawn(async move {
            let Self { store, engine, wakes_workers, changes } = self;
            fail_if_due(&store, "COMMIT")?;
            let committed = match engine {
                Engine::Sqlite(tx) => tx.commit().await,
                Engine::Postgres(tx) => tx.commit().await,
            };
            committed.map_err(|error| store.judge(&error, "COMMIT"))?;
            // Done, and the answer is lost.
            fail_if_due(&store, "answer of COMMIT")?;
            store.tell(wakes_workers, &changes);
            Ok(())
        });
        ended.await.unwrap_or_else(|_| Err(broken("the process stopped in the middle of a commit")))
    }

    /// Undoes it and waits until that is done: whoever locks the same rows next must not meet this transaction's locks.
    /// Dropping it undoes it, too, but at some later time.
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        let Self { store, engine, .. } = self;
        let undone = match engine {
            Engine::Sqlite(tx) => tx.rollback().await,
            Engine::Postgres(tx) => tx.rollback().await,
        };
        undone.map_err(|error| store.judge(&error, "ROLLBACK"))
    }
}

/// The database is gone, in a debug build that is told to see it so.
pub(crate) fn fail_if_due(store: &Store, statement: &'static str) -> Result<(), StoreError> {
    match faults::is_due(statement) {
        true => Err(store.judge(&sqlx::Error::Io(std::io::Error::other("failed on purpose")), statement)),
        false => Ok(()),
    }
}
