//! How a database's schema stands, told without changing or making anything: what `doctor` and `migrate --check` ask.

use std::{path::Path, str::FromStr as _, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use crate::{Database, Store, StoreError, error::judge, pools, schema::TABLE};

/// How a database's schema stands against the one that this binary knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There is no database yet, or one without tables.
    Absent,
    /// Opening it will bring it from this version to the newest.
    Behind(i64),
    /// It has the newest version.
    Current,
    /// A newer crpipeline wrote it; opening it will be refused.
    Newer(i64),
}

/// How the schema of `database` stands. A file of SQLite is opened for reading only.
///
/// # Errors
/// `database_unavailable` when it cannot be opened or is no database, `invalid_configuration` for a URL that is none.
pub async fn schema_state(database: &Database) -> Result<SchemaState, StoreError> {
    let applied = match database {
        Database::Sqlite(file) if !file.exists() => 0,
        Database::Sqlite(file) => applied_sqlite(file).await?,
        Database::Postgres(server) => applied_postgres(&server.url).await?,
    };
    Ok(match applied {
        0 => SchemaState::Absent,
        version if version < Store::schema_version() => SchemaState::Behind(version),
        version if version == Store::schema_version() => SchemaState::Current,
        version => SchemaState::Newer(version),
    })
}

async fn applied_sqlite(file: &Path) -> Result<i64, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(5));
    let mut connection = options.disable_statement_logging().connect().await.map_err(|e| judge(&e).0)?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1")
        .bind(TABLE)
        .fetch_one(&mut connection)
        .await
        .map_err(|e| judge(&e).0)?;
    let applied = if tables == 0 { 0 } else { sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await.map_err(|e| judge(&e).0)? };
    connection.close().await.map_err(|e| judge(&e).0)?;
    Ok(applied)
}

async fn applied_postgres(url: &str) -> Result<i64, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|e| pools::bad_url(&e))?;
    let mut connection = options.disable_statement_logging().connect().await.map_err(|e| judge(&e).0)?;
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(TABLE).fetch_one(&mut connection).await.map_err(|e| judge(&e).0)?;
    let applied = if is_there { sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await.map_err(|e| judge(&e).0)? } else { 0 };
    connection.close().await.map_err(|e| judge(&e).0)?;
    Ok(applied)
}

/// Names the table of [`TABLE`]; text that is put together does not pass the check against injection.
const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";

#[cfg(test)]
mod tests {
    use crp_metrics::Metrics;
    use crp_model::{Ambient, Code};

    use super::*;

    #[tokio::test]
    async fn asking_changes_nothing_and_tells_absent_from_current() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("x.db");
        let database = Database::Sqlite(file.clone());
        assert_eq!(schema_state(&database).await.unwrap(), SchemaState::Absent);
        assert!(!file.exists());
        let store = Store::open(&database, Ambient::system(), Metrics::for_tests()).await.unwrap();
        assert_eq!(schema_state(&database).await.unwrap(), SchemaState::Current, "also while it is open");
        store.close().await;
        assert_eq!(schema_state(&database).await.unwrap(), SchemaState::Current);
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_a_failure() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("x.db");
        std::fs::write(&file, "hello, this is no database, however long it may be").unwrap();
        let failure = schema_state(&Database::Sqlite(file)).await.unwrap_err().failure();
        assert_eq!(failure.code, Code::DatabaseUnavailable);
    }
}
