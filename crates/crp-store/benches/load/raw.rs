//! Statements of the benchmark itself: rows by the million, sizes of tables.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Outcome, Target};

/// A connection of its own, beside the store's.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub(crate) async fn connect(target: &Target) -> Outcome<Self> {
        Ok(match target {
            Target::Sqlite(file) => Self::Sqlite(SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await?),
            Target::Postgres(url) => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// Runs statements whose text differs by engine in ids alone: `{id:LETTER:EXPRESSION}` is the id that a number stands for,
    /// one series for each letter; `{hash:EXPRESSION}` 32 bytes.
    pub(crate) async fn run(&mut self, text: &str) -> Outcome<()> {
        self.run_with(text, "", "").await
    }

    /// The same; in the finished text, `mark` becomes `by`.
    pub(crate) async fn run_with(&mut self, text: &str, mark: &str, by: &str) -> Outcome<()> {
        let finish = |text: String| AssertSqlSafe(if mark.is_empty() { text } else { text.replace(mark, by) });
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(finish(render(text, sqlite))).execute(connection).await.map(drop)?,
            Self::Postgres(connection) => sqlx::raw_sql(finish(render(text, postgres))).execute(connection).await.map(drop)?,
        }
        Ok(())
    }

    /// What a database does by itself after a while: fresh statistics, and the log folded into the file.
    pub(crate) async fn settle(&mut self) -> Outcome<()> {
        match self {
            Self::Sqlite(_) => self.run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize").await,
            // Several statements in one text would be one transaction, in which neither may run.
            Self::Postgres(_) => {
                self.run("VACUUM ANALYZE").await?;
                self.run("CHECKPOINT").await
            }
        }
    }

    /// Bytes of each table with its indexes.
    pub(crate) async fn sizes(&mut self) -> Outcome<BTreeMap<String, i64>> {
        const SQLITE: &str = "SELECT t.tbl_name AS name, CAST(sum(s.pgsize) AS BIGINT) AS bytes FROM dbstat s
            JOIN sqlite_schema t ON t.name = s.name GROUP BY t.tbl_name";
        const POSTGRES: &str = "SELECT relname::text AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let sizes = match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query(SQLITE).fetch_all(connection).await?;
                rows.iter().map(|row| (row.get("name"), row.get("bytes"))).collect()
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(POSTGRES).fetch_all(connection).await?;
                rows.iter().map(|row| (row.get("name"), row.get("bytes"))).collect()
            }
        };
        Ok(sizes)
    }
}

/// Replaces the placeholders of a text; an expression holds no closing brace.
fn render(text: &str, of: fn(&str, &str) -> String) -> String {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, behind) = after.split_once('}').expect("a placeholder ends");
        let (kind, argument) = inside.split_once(':').expect("a placeholder has a kind");
        rendered += before;
        rendered += &of(kind, argument);
        rest = behind;
    }
    rendered + rest
}

fn sqlite(kind: &str, argument: &str) -> String {
    match (kind, argument.split_once(':')) {
        ("id", Some((series, number))) => format!("unhex('019000000000700{series}8000' || printf('%012x', {number}))"),
        ("hash", _) => format!("unhex(printf('%064x', {argument}))"),
        _ => unreachable!("{kind}"),
    }
}

fn postgres(kind: &str, argument: &str) -> String {
    match (kind, argument.split_once(':')) {
        ("id", Some((series, number))) => {
            format!("('019000000000700{series}8000' || lpad(to_hex(CAST({number} AS bigint)), 12, '0'))::uuid")
        }
        ("hash", _) => format!("decode(lpad(to_hex(CAST({argument} AS bigint)), 64, '0'), 'hex')"),
        _ => unreachable!("{kind}"),
    }
}
