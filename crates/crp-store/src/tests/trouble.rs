//! A database in trouble: full, away, busy. The first error is the one that is told, and work goes on when it is over.

use crp_metrics::{Exposition, Metrics};
use crp_model::{Ambient, Code};

use super::{both_engines, fixtures::plan, harness};
use crate::{Database, Store, documents, jobs, transaction::Engine};

fn counted(store: &Store, kind: &str) -> bool {
    let (_, text) = store.metrics().render(Exposition::Text);
    text.contains(&format!("crpipeline_db_errors_total{{kind=\"{kind}\"}} 1\n"))
}

#[test]
fn a_full_disk_is_told_as_such_and_the_next_transaction_works_once_there_is_room() {
    harness::on_sqlite(async |db: harness::TestDb| {
        let scope = db.organization("one").await;
        limit_pages(&db.store, true).await;
        let mut large = db.new_document(&scope, "bytes", plan());
        large.idempotency_key = Some("k".repeat(1_000_000));
        let failure = documents::add_with_job(&db.store, &scope, large).await.unwrap_err().failure();
        assert_eq!(failure.code, Code::DiskFull, "{failure}");
        assert!(counted(&db.store, "full"));
        limit_pages(&db.store, false).await;
        db.upload(&scope, "bytes", plan()).await;
        assert!(db.try_claim().await.is_some());
    });
}

/// Lets the database grow no further, or again; it stays so for the one connection that writes.
async fn limit_pages(store: &Store, limited: bool) {
    let mut tx = store.write().await.unwrap();
    let Engine::Sqlite(connection) = tx.engine() else { panic!("only on SQLite") };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut **connection).await.unwrap();
    let most = if limited { pages + 20 } else { 1_000_000 };
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {most}"))).execute(&mut **connection).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable_and_its_url_stays_secret() {
    let database = Database::Postgres("postgres://ada:secret@127.0.0.1:1/none?connect_timeout=1".into());
    assert!(!format!("{database:?}").contains("secret"));
    let opened = tokio::time::timeout(std::time::Duration::from_secs(60), Store::open(&database, Ambient::system(), Metrics::for_tests()));
    let failure = opened.await.unwrap().unwrap_err().failure();
    assert_eq!(failure.code, Code::DatabaseUnavailable);
    assert!(failure.retryable && !failure.to_string().contains("secret"), "{failure}");
    let other = Database::Postgres("mysql://ada:secret@x/y".into());
    let failure = Store::open(&other, Ambient::system(), Metrics::for_tests()).await.unwrap_err().failure();
    assert!(!failure.to_string().contains("secret"), "{failure}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_clear_failure() {
    let database = Database::Sqlite("/nowhere/at/all/crpipeline.db".into());
    let failure = Store::open(&database, Ambient::system(), Metrics::for_tests()).await.unwrap_err().failure();
    assert_eq!(failure.code, Code::DatabaseUnavailable);
}

both_engines! {
    async fn a_closed_store_answers_and_says_that_it_is_unavailable(db: TestDb) {
        db.store.ping().await.unwrap();
        db.store.close().await;
        assert_eq!(db.store.ping().await.unwrap_err().failure().code, Code::DatabaseUnavailable);
        assert!(counted(&db.store, "connection"));
    }

    async fn a_transaction_that_is_dropped_midway_leaves_nothing_and_harms_nobody(db: TestDb) {
        let scope = db.organization("one").await;
        for round in 0..5 {
            let mut tx = db.store.write().await.unwrap();
            jobs::insert::insert_job(&mut tx, &scope, crp_model::DocumentId::new(db.store.ambient()), &plan(), None, crp_model::Priority::Normal).await.unwrap_err();
            drop(tx);
            let mut tx = db.store.write().await.unwrap();
            crate::organizations::insert(&mut tx, "never", &[]).await.unwrap();
            drop(tx);
            db.upload(&scope, &format!("bytes {round}"), plan()).await;
        }
        assert_eq!(crate::setup::organizations(&db.store).await.unwrap().len(), 1);
    }

    async fn a_caller_that_goes_away_during_a_commit_does_not_take_the_wake_up_with_it(db: TestDb) {
        let mut wakeups = db.store.wakeups();
        let mut tx = db.store.write().await.unwrap();
        crate::organizations::insert(&mut tx, "one", &[]).await.unwrap();
        tx.wakes_workers();
        // Asked once, then dropped.
        let _ = futures_util::FutureExt::now_or_never(tx.commit());
        tokio::time::timeout(std::time::Duration::from_secs(60), wakeups.changed()).await.unwrap().unwrap();
        assert_eq!(crate::setup::organizations(&db.store).await.unwrap().len(), 1);
    }

    async fn a_caller_that_goes_away_in_the_middle_leaves_no_lock_behind(db: TestDb) {
        let scope = db.organization("one").await;
        for round in 0..20u32 {
            let upload = documents::add_with_job(&db.store, &scope, db.new_document(&scope, &format!("{round}"), plan()));
            // Dropped after a few steps, as a request is when its client hangs up.
            let _ = futures_util::future::select(Box::pin(upload), Box::pin(steps(round))).await;
        }
        db.upload(&scope, "last", plan()).await;
        while db.try_claim().await.is_some() {}
    }
}

async fn steps(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}
