//! Rows that this version cannot read: they end, and the queue goes on.

use crp_metrics::Exposition;
use crp_model::{Code, Failure, JobId, JobStatus, Scope, TaskKind};

use super::{
    both_engines,
    fixtures::{LEASE, plan},
    harness::TestDb,
};
use crate::{
    Store, StoreError, documents,
    jobs::{self, JobFilter},
    sql::{Statement, args},
    tasks,
};

static SPOIL: Statement = Statement {
    name: "SPOIL",
    sqlite: "UPDATE jobs SET plan = '{\"pipeline\": \"from the future\"}' WHERE id = $1",
    postgres: "UPDATE jobs SET plan = '{\"pipeline\": \"from the future\"}' WHERE id = $1",
};

/// Gives the job a plan that no version has ever written.
async fn spoil(store: &Store, job: JobId) {
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.run(&SPOIL, args![job]).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn state(db: &TestDb, scope: &Scope, job: JobId) -> (JobStatus, Option<Failure>) {
    let listed = jobs::list(&db.store, scope, &JobFilter::default(), None, 100).await.unwrap();
    let row = listed.items.into_iter().find(|row| row.id == job).unwrap();
    (row.status, row.failure)
}

fn failed_jobs(db: &TestDb) -> bool {
    let (_, text) = db.store.metrics().render(Exposition::Text);
    text.contains("jobs_total{status=\"failed\"} 30\n")
}

both_engines! {
    async fn jobs_that_cannot_be_read_are_failed_and_the_next_one_is_claimed(db: TestDb) {
        let scope = db.organization("one").await;
        let mut spoiled = Vec::new();
        for n in 0..30 {
            let job = db.upload(&scope, &format!("bytes {n}"), plan()).await.job;
            spoil(&db.store, job).await;
            spoiled.push(job);
            db.advance(0.001);
        }
        let good = db.upload(&scope, "good bytes", plan()).await.job;
        assert_eq!(db.claim(TaskKind::Inspect).await.job, good);
        for job in spoiled {
            let (status, failure) = state(&db, &scope, job).await;
            assert_eq!((status, failure.unwrap().code), (JobStatus::Failed, Code::Internal));
        }
        assert!(failed_jobs(&db));
        assert!(db.try_claim().await.is_none());
    }

    async fn a_lost_task_that_cannot_be_read_is_failed_and_the_others_are_rescued(db: TestDb) {
        let scope = db.organization("one").await;
        let first = db.upload(&scope, "bytes", plan()).await;
        let stale = db.claim(TaskKind::Inspect).await;
        db.advance(0.001);
        let second = db.upload(&scope, "other bytes", plan()).await.job;
        db.claim(TaskKind::Inspect).await;
        spoil(&db.store, first.job).await;
        db.advance(LEASE.as_secs_f64() + 1.0);
        let rescued = tasks::rescue_expired(&db.store).await.unwrap();
        assert_eq!(rescued.iter().map(|one| (one.job, one.committed.job_ended.is_some())).collect::<Vec<_>>(), [(first.job, true), (second, false)]);
        assert_eq!(state(&db, &scope, first.job).await.0, JobStatus::Failed);
        assert!(tasks::rescue_expired(&db.store).await.unwrap().is_empty());
        let held = [(stale.id, stale.fence)];
        let renewed = tasks::renew(&db.store, stale.worker, &held, LEASE).await.unwrap();
        assert_eq!(renewed[0].state, tasks::LeaseState::Lost);
        assert_eq!(db.claim(TaskKind::Inspect).await.job, second);
    }

    async fn a_renewed_task_that_cannot_be_read_is_not_taken_away(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.claim(TaskKind::Inspect).await;
        spoil(&db.store, job).await;
        assert!(tasks::rescue_expired(&db.store).await.unwrap().is_empty());
        assert_eq!(state(&db, &scope, job).await.0, JobStatus::Running);
    }

    async fn a_job_that_cannot_be_read_says_so_and_its_document_can_be_deleted(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        spoil(&db.store, added.job).await;
        assert!(db.try_claim().await.is_none());
        assert!(matches!(jobs::get(&db.store, &scope, added.job).await, Err(StoreError::Unreadable(_))));
        documents::delete(&db.store, &scope, added.document).await.unwrap();
    }
}
