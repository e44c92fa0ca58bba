//! The suite of the store. Every test of `both_engines!` runs on SQLite and on PostgreSQL.

mod accounts;
mod cancelling;
mod catalogue;
mod claiming;
mod documents;
mod ends;
mod events;
mod every_order;
mod failures;
mod fixtures;
mod harness;
mod history;
mod isolation;
mod model;
mod neighbours;
mod plans;
mod queue_limits;
mod read_before;
mod retention;
mod retries;
mod schema;
mod search;
mod statements;
mod storm;
mod transfer;
mod trouble;
mod unreadable;
mod watched;
mod watching;

/// Makes of each function two tests, `sqlite::NAME` and `postgres::NAME`, each on a database of its own.
macro_rules! both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: TestDb) $body:block)*) => {
        $($(#[$attribute])* async fn $name($db: $crate::tests::harness::TestDb) $body)*

        mod sqlite {
            $(#[test] fn $name() { $crate::tests::harness::on_sqlite(super::$name); })*
        }

        mod postgres {
            $(#[test] fn $name() { $crate::tests::harness::on_postgres(super::$name); })*
        }
    };
}

pub(crate) use both_engines;
