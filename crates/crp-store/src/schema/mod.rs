//! Migrations: one numbered source for both engines, with placeholders for the column types.

mod copy;
mod turn;

use std::borrow::Cow;

use crp_model::{Code, Failure};
use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{DatabaseKind, StoreError, error::judge};

pub(crate) use copy::copy_before_migration;
pub(crate) use turn::MigrationTurn;

/// One step of the schema.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Its number, from 1, without gaps.
    pub(crate) version: i64,
    /// What it is about.
    pub(crate) name: &'static str,
    /// Its text with placeholders.
    pub(crate) source: &'static str,
}

/// Every step, in order. A released step never changes.
pub(crate) const STEPS: &[Step] = &[
    Step { version: 1, name: "first", source: include_str!("0001_first.sql") },
    Step { version: 2, name: "watching", source: include_str!("0003_watching.sql") },
];

/// The table in which sqlx notes the steps that were taken.
pub(crate) const TABLE: &str = "_sqlx_migrations";

/// The newest version of `steps`.
pub(crate) fn newest(steps: &[Step]) -> i64 {
    steps.iter().map(|step| step.version).max().unwrap_or(0)
}

/// The text of a step for one engine. Text sorts by its bytes on both.
pub(crate) fn render(source: &str, kind: DatabaseKind) -> String {
    let types: [(&str, &str, &str); 9] = [
        ("{uuid}", "BLOB", "uuid"),
        ("{json}", "TEXT", "jsonb"),
        ("{bytes}", "BLOB", "bytea"),
        ("{bool}", "INTEGER", "boolean"),
        ("{int}", "INTEGER", "bigint"),
        ("{real}", "REAL", "double precision"),
        ("{text}", "TEXT", "text COLLATE \"C\""),
        ("{strict}", " STRICT", ""),
        ("{new_uuid}", "randomblob(16)", "gen_random_uuid()"),
    ];
    types.iter().fold(source.to_owned(), |text, (placeholder, sqlite, postgres)| {
        text.replace(placeholder, if kind == DatabaseKind::Sqlite { sqlite } else { postgres })
    })
}

/// The version of the schema in an open database; 0 for an empty one.
pub(crate) async fn applied_version<C: Migrate>(connection: &mut C) -> Result<i64, StoreError> {
    connection.ensure_migrations_table(TABLE).await.map_err(|e| refused(&e))?;
    let applied = connection.list_applied_migrations(TABLE).await.map_err(|e| refused(&e))?;
    Ok(applied.iter().map(|m| m.version).max().unwrap_or(0))
}

/// Refuses a schema that a newer version wrote: this binary would misread it.
pub(crate) fn refuse_newer(applied: i64, steps: &[Step]) -> Result<(), StoreError> {
    let known = newest(steps);
    if applied <= known {
        return Ok(());
    }
    let message = format!("The database has schema version {applied}; this crpipeline knows versions up to {known}");
    Err(StoreError::Failure(Failure::new(Code::NewerSchema, message)))
}

/// Takes the steps that are missing, each in a transaction of its own.
pub(crate) async fn migrate<C: Migrate + sqlx::Connection>(
    connection: &mut C,
    kind: DatabaseKind,
    steps: &[Step],
) -> Result<(), StoreError> {
    let migrations = steps.iter().map(|step| {
        let text = AssertSqlSafe(render(step.source, kind)).into_sql_str();
        Migration::new(step.version, Cow::Borrowed(step.name), MigrationType::Simple, text, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator.run_direct(None, connection, false).await.map_err(|e| refused(&e))
}

fn refused(error: &MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => judge(inner).0,
        MigrateError::VersionMissing(version) => {
            let message = format!("The database has schema version {version}, which this crpipeline does not know");
            StoreError::Failure(Failure::new(Code::NewerSchema, message))
        }
        other => StoreError::Failure(Failure::new(Code::Internal, format!("The database's schema cannot be brought up to date: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_gaps_and_leave_no_placeholder() {
        for (at, step) in STEPS.iter().enumerate() {
            assert_eq!(step.version, i64::try_from(at).unwrap() + 1);
            for kind in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
                let text = render(step.source, kind);
                let statements = text.lines().filter(|line| !line.starts_with("--"));
                assert!(statements.clone().all(|line| !line.contains('{')), "{}", step.name);
                let tables = statements.clone().filter(|line| line.starts_with("CREATE TABLE")).count();
                let strict = statements.filter(|line| line.ends_with("STRICT;")).count();
                assert_eq!(strict, if kind == DatabaseKind::Sqlite { tables } else { 0 }, "every table is STRICT on SQLite");
            }
        }
    }
}
