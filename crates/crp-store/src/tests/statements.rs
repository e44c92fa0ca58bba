//! Every statement is prepared on both engines: what `query!` checks at build time is checked here, without a database at hand.

use std::{fs, path::Path};

use sqlx::{Executor as _, SqlSafeStr as _};

use super::both_engines;
use crate::{sql::Statement, transaction::Engine};

/// Every module that declares statements.
pub(super) fn modules() -> Vec<&'static [&'static Statement]> {
    let mut modules: Vec<&'static [&'static Statement]> = vec![
        crate::artifacts::STATEMENTS,
        crate::audit::STATEMENTS,
        crate::events::STATEMENTS,
        crate::history::STATEMENTS,
        crate::inventory::STATEMENTS,
        crate::jobs::STATEMENTS,
        crate::login::STATEMENTS,
        crate::login_refusals::STATEMENTS,
        crate::organizations::STATEMENTS,
        crate::overview::STATEMENTS,
        crate::pipelines::STATEMENTS,
        crate::retention::STATEMENTS,
        crate::sessions::STATEMENTS,
        crate::setup::STATEMENTS,
        crate::store::STATEMENTS,
        crate::users::STATEMENTS,
        crate::watched::STATEMENTS,
        crate::workers::STATEMENTS,
    ];
    modules.extend(crate::documents::STATEMENTS);
    modules.extend(crate::jobs::STATEMENTS_BELOW);
    modules.extend(crate::search::STATEMENTS);
    modules.extend(crate::tasks::STATEMENTS);
    modules.extend(crate::transfer::STATEMENTS);
    modules
}

fn files_with_statements(folder: &Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_with_statements(&path)
            } else {
                usize::from(fs::read_to_string(&path).unwrap().lines().any(|line| line == "sql! {"))
            }
        })
        .sum()
}

#[test]
fn no_module_with_statements_is_missing_from_the_list() {
    let files = files_with_statements(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert_eq!(modules().len(), files, "each file with `sql! {{` is listed in modules()");
    assert!(modules().iter().map(|module| module.len()).sum::<usize>() > 100);
}

both_engines! {
    async fn every_statement_is_understood_by_the_engine(db: TestDb) {
        for statement in modules().into_iter().flatten() {
            let mut tx = db.store.write().await.unwrap();
            let prepared = match tx.engine() {
                Engine::Sqlite(tx) => tx.prepare(statement.sqlite.into_sql_str()).await.map(drop),
                Engine::Postgres(tx) => tx.prepare(statement.postgres.into_sql_str()).await.map(drop),
            };
            prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        }
    }

    async fn every_list_of_documents_is_understood_by_the_engine(db: TestDb) {
        let mut statements = crate::documents::every_statement(db.store.kind());
        assert!(statements.len() > 100);
        statements.extend(crate::search::every_statement(db.store.kind()));
        for statement in statements {
            let mut tx = db.store.read().await.unwrap();
            let text = statement.text.clone();
            tx.composed(statement).await.unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }
}
