//! Claiming: exclusive, fair, in order.

use std::{collections::HashSet, time::Duration};

use crp_model::{JobStatus, TaskKind};

use super::{
    both_engines,
    fixtures::{LEASE, plan},
};
use crate::{jobs, tasks};

both_engines! {
    async fn no_task_is_claimed_twice_by_eight_at_once(db: TestDb) {
        let scope = db.organization("one").await;
        for n in 0..20 {
            db.upload(&scope, &format!("bytes {n}"), plan()).await;
        }
        let other_process = db.another_process().await;
        let claimers = (0..8).map(|n| {
            let store = if n % 2 == 0 { db.store.clone() } else { other_process.clone() };
            let worker = db.worker();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(task) = tasks::claim(&store, worker, LEASE).await.unwrap() {
                    mine.push(task.id);
                }
                mine
            })
        });
        let mut all = Vec::new();
        for claimer in claimers.collect::<Vec<_>>() {
            all.extend(claimer.await.unwrap());
        }
        assert_eq!(all.len(), 20, "every task is claimed");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 20, "and none twice");
        other_process.close().await;
    }

    async fn an_organization_with_one_document_does_not_wait_behind_ten(db: TestDb) {
        let (many, one) = (db.organization("many").await, db.organization("one").await);
        for n in 0..10 {
            db.upload(&many, &format!("many {n}"), plan()).await;
        }
        db.advance(1.0);
        let single = db.upload(&one, "single", plan()).await;
        let first = db.claim(TaskKind::Inspect).await;
        assert_eq!(first.scope.organization, many.organization, "the oldest first while nobody runs");
        let second = db.claim(TaskKind::Inspect).await;
        assert_eq!(second.job, single.job, "then the organization that has nothing running");
    }

    async fn with_a_single_slot_organizations_take_turns(db: TestDb) {
        let (many, one) = (db.organization("many").await, db.organization("one").await);
        for n in 0..4 {
            db.upload(&many, &format!("many {n}"), plan()).await;
        }
        db.advance(1.0);
        let single = db.upload(&one, "single", plan()).await;
        for expected in [many.organization, one.organization, many.organization, one.organization] {
            let task = db.claim(TaskKind::Inspect).await;
            assert_eq!(task.scope.organization, expected, "nothing runs, and the other waits longer for its turn");
            db.advance(1.0);
            let failure = crp_model::Failure::new(crp_model::Code::EngineCrashed, "died");
            tasks::fail(&db.store, &task, &failure, Some(Duration::ZERO)).await.unwrap();
        }
        assert_eq!(jobs::get(&db.store, &one, single.job).await.unwrap().stages[0].attempt, 2);
    }

    async fn the_oldest_task_of_an_organization_comes_first(db: TestDb) {
        let scope = db.organization("one").await;
        let mut jobs = Vec::new();
        for n in 0..3 {
            jobs.push(db.upload(&scope, &format!("bytes {n}"), plan()).await.job);
            db.advance(0.1);
        }
        for job in jobs {
            assert_eq!(db.claim(TaskKind::Inspect).await.job, job);
        }
        assert!(db.try_claim().await.is_none());
    }

    async fn the_first_claim_starts_job_and_stage_and_tells_how_long_it_waited(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        let queued = db.job(&scope, added.job).await;
        assert_eq!((queued.status, queued.queue_position), (JobStatus::Queued, Some(0)));
        db.advance(2.5);
        let task = db.claim(TaskKind::Inspect).await;
        assert_eq!(task.job_was_queued_seconds, Some(2.5));
        assert_eq!((task.attempt, task.fence, task.pages_total), (1, 1, None));
        assert_eq!(task.document.id, added.document);
        assert_eq!(task.plan, plan());
        let running = db.job(&scope, added.job).await;
        assert_eq!((running.status, running.queue_position), (JobStatus::Running, None));
        assert_eq!(running.stages[0].attempt, 1);
        tasks::hand_back(&db.store, &task, Duration::ZERO).await.unwrap();
        assert_eq!(db.claim(TaskKind::Inspect).await.job_was_queued_seconds, None, "a job starts once");
    }

    async fn a_renewed_lease_is_owned_and_another_fence_is_lost(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        let task = db.claim(TaskKind::Inspect).await;
        let held = [(task.id, task.fence), (task.id, task.fence - 1)];
        let renewals = tasks::renew(&db.store, task.worker, &held, LEASE).await.unwrap();
        assert_eq!(renewals[0].state, tasks::LeaseState::Owned);
        assert_eq!(renewals[1].state, tasks::LeaseState::Lost);
        let other = tasks::renew(&db.store, db.worker(), &held[..1], LEASE).await.unwrap();
        assert_eq!(other[0].state, tasks::LeaseState::Lost, "a lease belongs to its worker");
        db.advance(LEASE.as_secs_f64() - 1.0);
        tasks::renew(&db.store, task.worker, &held[..1], LEASE).await.unwrap();
        db.advance(LEASE.as_secs_f64() - 1.0);
        assert!(tasks::rescue_expired(&db.store).await.unwrap().is_empty(), "renewed in time");
    }

    async fn a_claim_that_meets_a_busy_job_waits_and_then_takes_the_task(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        let store = db.store.clone();
        let mut holder = store.write().await.unwrap();
        jobs::lock::lock(&mut holder, scope.organization, added.job).await.unwrap();
        let worker = db.worker();
        let claimer = {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    if let Some(task) = tasks::claim(&store, worker, Duration::from_secs(10)).await.unwrap() {
                        return task;
                    }
                }
            })
        };
        tokio::task::yield_now().await;
        drop(holder);
        assert_eq!(claimer.await.unwrap().job, added.job);
    }

    async fn whoever_waits_for_work_is_woken_by_a_commit_and_not_before(db: TestDb) {
        let scope = db.organization("one").await;
        let mut wakeups = db.store.wakeups();
        assert!(!wakeups.has_changed().unwrap());
        db.upload(&scope, "bytes", plan()).await;
        assert!(wakeups.has_changed().unwrap());
        wakeups.mark_unchanged();
        let task = db.claim(TaskKind::Inspect).await;
        assert!(!wakeups.has_changed().unwrap());
        tasks::hand_back(&db.store, &task, Duration::ZERO).await.unwrap();
        assert!(wakeups.has_changed().unwrap());
    }
}
