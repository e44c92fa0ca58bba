//! Several processes on one PostgreSQL: each hears of the others' commits, and one clock judges the leases.

use std::time::Duration;

use crp_metrics::Metrics;
use crp_model::{Ambient, Scope, TaskKind, Timestamp};

use super::{
    fixtures::{LEASE, plan},
    harness::{self, TestDb},
};
use crate::{
    Database, Store,
    jobs::{self, CancelOutcome},
    tasks,
};

/// Longer than any word takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process whose own clock goes wrong by so many seconds.
async fn process(db: &TestDb, wrong_by_seconds: i64) -> Store {
    let now = Ambient::system().now().0 + wrong_by_seconds * 1_000_000;
    let (ambient, _) = Ambient::manual(Timestamp(now), now.unsigned_abs());
    Store::open_shared(&db.database, ambient, Metrics::for_tests()).await.expect("another process opens the database")
}

/// The database with a process of a right clock in the place of the one with the test's clock.
async fn upload(db: &TestDb, store: &Store, bytes: &str) -> (Scope, crate::documents::Added) {
    let db = TestDb { store: store.clone(), ..db.clone() };
    let scope = db.organization(bytes).await;
    let added = db.upload(&scope, bytes, plan()).await;
    (scope, added)
}

#[test]
fn a_commit_of_one_process_wakes_the_worker_and_the_watcher_of_another() {
    harness::on_postgres(|db| async move {
        let (one, other) = (process(&db, 0).await, process(&db, 0).await);
        let mut wakeups = other.wakeups();
        // The first wake-up says that it listens.
        tokio::time::timeout(PATIENCE, wakeups.changed()).await.expect("it listens").unwrap();
        let (scope, added) = upload(&db, &one, "a").await;
        tokio::time::timeout(PATIENCE, wakeups.changed()).await.expect("it hears of the new task").unwrap();
        let task = tasks::claim(&other, db.worker(), LEASE).await.unwrap().expect("the task can be claimed");
        let mut changes = other.job_changes(added.job);
        assert_eq!(jobs::cancel(&one, &scope, task.job).await.unwrap(), CancelOutcome::Requested);
        assert!(tokio::time::timeout(PATIENCE, changes.changed()).await.expect("the watcher hears of it"));
        tokio::time::timeout(PATIENCE, wakeups.changed()).await.expect("the lease's owner hears of it").unwrap();
        one.close().await;
        other.close().await;
    });
}

#[test]
fn whoever_loses_the_line_looks_by_himself_once_it_is_back() {
    harness::on_postgres(|db| async move {
        let (one, other) = (process(&db, 0).await, process(&db, 0).await);
        let mut wakeups = other.wakeups();
        tokio::time::timeout(PATIENCE, wakeups.changed()).await.expect("it listens").unwrap();
        wakeups.mark_unchanged();
        harness::cut_connections(&db).await;
        tokio::time::timeout(PATIENCE, wakeups.changed()).await.expect("it listens again").unwrap();
        upload(&db, &one, "a").await;
        assert!(tasks::claim(&other, db.worker(), LEASE).await.unwrap().is_some());
        one.close().await;
        other.close().await;
    });
}

#[test]
fn leases_are_judged_by_the_databases_clock_whatever_the_machines_say() {
    harness::on_postgres(|db| async move {
        let (late, right, early) = (process(&db, -3600).await, process(&db, 0).await, process(&db, 3600).await);
        let (_, added) = upload(&db, &late, "a").await;
        // Nobody has to wait for an hour until the time of the task has come, and nobody's lease is over before it began.
        let task = tasks::claim(&right, db.worker(), LEASE).await.unwrap().expect("the task is due");
        assert_eq!((task.job, task.kind), (added.job, TaskKind::Inspect));
        for other in [&late, &early] {
            assert_eq!(tasks::rescue_expired(other).await.unwrap(), [], "the lease holds");
            assert!(tasks::claim(other, db.worker(), LEASE).await.unwrap().is_none());
        }
        let held = [(task.id, task.fence)];
        assert_eq!(tasks::renew(&right, task.worker, &held, Duration::ZERO).await.unwrap()[0].state, tasks::LeaseState::Owned);
        // The clocks of two processes agree as well as their questions travelled, not to the microsecond.
        let over = async { while tasks::rescue_expired(&early).await.unwrap().is_empty() {} };
        tokio::time::timeout(PATIENCE, over).await.expect("the lease is over");
        for store in [late, right, early] {
            store.close().await;
        }
    });
}

#[test]
fn a_process_that_is_frozen_in_a_transaction_keeps_its_locks_for_seconds_only() {
    harness::on_postgres(|db| async move {
        let (frozen, other) = (process(&db, 0).await, process(&db, 0).await);
        let (scope, added) = upload(&db, &frozen, "a").await;
        let mut held = frozen.write().await.unwrap();
        jobs::lock::lock(&mut held, scope.organization, added.job).await.unwrap();
        // The row is locked, so this waits; nothing ends the transaction but the database.
        let cancelled = tokio::time::timeout(2 * PATIENCE, jobs::cancel(&other, &scope, added.job)).await.expect("the lock is let go");
        assert!(matches!(cancelled.unwrap(), CancelOutcome::Cancelled(_)));
        assert!(held.commit().await.is_err(), "who wakes up later finds that it is over");
        frozen.close().await;
        other.close().await;
    });
}

#[test]
fn a_file_that_is_opened_as_shared_is_one_process_with_its_own_clock() {
    harness::on_sqlite(|db| async move {
        let Database::Sqlite(_) = &db.database else { unreachable!("a test on SQLite") };
        db.store.close().await;
        let store = Store::open_shared(&db.database, db.store.ambient().clone(), Metrics::for_tests()).await.unwrap();
        assert_eq!(store.ambient().now(), db.clock_now());
        let mut wakeups = store.wakeups();
        upload(&db, &store, "a").await;
        assert!(wakeups.has_changed().unwrap());
        wakeups.mark_unchanged();
        store.close().await;
    });
}
