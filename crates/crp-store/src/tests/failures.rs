//! Failed attempts, lost workers, fences.

use std::time::Duration;

use crp_model::{
    Cause, Code, Failure, JobStatus, StageType, TaskKind,
    labels::{FinalStatus, StageOutcome},
};

use super::{
    both_engines,
    fixtures::{LEASE, good_page, page, plan},
};
use crate::{StoreError, tasks};

fn crash() -> Failure {
    Failure::new(Code::EngineCrashed, "the engine died")
}

both_engines! {
    async fn a_failed_attempt_waits_for_its_backoff_and_the_last_one_fails_the_job(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let backoff = Some(Duration::from_secs(30));
        for attempt in 1..=2 {
            let task = db.claim(TaskKind::Inspect).await;
            assert_eq!(task.attempt, attempt);
            db.advance(2.0);
            let committed = tasks::fail(&db.store, &task, &crash(), backoff).await.unwrap();
            assert_eq!(committed.retried, Some(StageType::Ocr));
            let stage = committed.stage_ended.unwrap();
            assert_eq!((stage.outcome, stage.attempt), (StageOutcome::Error, attempt));
            assert!((stage.seconds - 2.0).abs() < 1e-9, "each attempt has its own duration");
            assert!(db.try_claim().await.is_none(), "not before the backoff has passed");
            db.advance(30.0);
        }
        let task = db.claim(TaskKind::Inspect).await;
        let committed = tasks::fail(&db.store, &task, &crash(), backoff).await.unwrap();
        assert_eq!(committed.retried, None);
        assert_eq!(committed.stage_ended.unwrap().attempt, 3);
        let ended = committed.job_ended.unwrap();
        assert_eq!((ended.status, ended.failure_cause), (FinalStatus::Failed, Some(Cause::Ocr)));
        let row = db.job(&scope, job).await;
        assert_eq!((row.status, row.failure), (JobStatus::Failed, Some(crash())));
        assert!(db.try_claim().await.is_none());
    }

    async fn a_failure_without_backoff_ends_the_job_and_takes_the_other_tasks_with_it(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        db.inspect(4, 1).await;
        let (first, second) = (db.claim(TaskKind::Pages).await, db.claim(TaskKind::Pages).await);
        let late = Failure::new(Code::PageTimeout, "page 1 took too long");
        let committed = tasks::fail(&db.store, &first, &late, None).await.unwrap();
        assert_eq!(committed.stage_ended.unwrap().outcome, StageOutcome::Timeout);
        assert_eq!(committed.job_ended.unwrap().failure_cause, Some(Cause::Timeout));
        assert!(db.try_claim().await.is_none(), "the ranges that waited are cancelled");
        let held = [(second.id, second.fence)];
        let renewed = tasks::renew(&db.store, second.worker, &held, LEASE).await.unwrap();
        assert_eq!(renewed[0].state, tasks::LeaseState::Lost, "and who reads another range is told");
        assert_eq!(tasks::finish_pages(&db.store, &second).await, Err(StoreError::Fenced));
    }

    async fn an_expired_lease_is_rescued_and_its_old_holder_changes_nothing(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(2, 2).await;
        let stale = db.claim(TaskKind::Pages).await;
        tasks::save_page(&db.store, &stale, &good_page(&stale, page(1)), "The words of a page.").await.unwrap();
        db.advance(LEASE.as_secs_f64() + 1.0);
        let rescued = tasks::rescue_expired(&db.store).await.unwrap();
        assert_eq!(rescued.len(), 1);
        assert_eq!((rescued[0].task, rescued[0].committed.retried), (stale.id, Some(StageType::Ocr)));
        assert!(tasks::rescue_expired(&db.store).await.unwrap().is_empty(), "once");

        let task = db.claim(TaskKind::Pages).await;
        assert_eq!((task.id, task.attempt, task.fence), (stale.id, 1, stale.fence + 1), "a page was saved: no attempt spent");
        let before = db.job(&scope, job).await;
        assert_eq!(tasks::save_page(&db.store, &stale, &good_page(&stale, page(2)), "The words of a page.").await, Err(StoreError::Fenced));
        assert_eq!(tasks::finish_pages(&db.store, &stale).await, Err(StoreError::Fenced));
        assert_eq!(tasks::fail(&db.store, &stale, &crash(), None).await, Err(StoreError::Fenced));
        assert_eq!(tasks::hand_back(&db.store, &stale, Duration::ZERO).await, Err(StoreError::Fenced));
        assert_eq!(tasks::finish_cancelled(&db.store, &stale).await, Err(StoreError::Fenced));
        assert_eq!(db.job(&scope, job).await, before);
        let saved = tasks::saved_pages(&db.store, &scope, job, 0).await.unwrap();
        assert_eq!(saved.len(), 1, "the page that was saved before stays saved");
        db.read_pages(&task).await;
        db.claim(TaskKind::Assemble).await;
    }

    async fn a_task_that_loses_its_worker_again_and_again_is_given_up(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        for attempt in 1..=tasks::MAX_ATTEMPTS {
            let task = db.claim(TaskKind::Inspect).await;
            db.advance(LEASE.as_secs_f64() + 1.0);
            let rescued = tasks::rescue_expired(&db.store).await.unwrap();
            assert_eq!(rescued[0].task, task.id);
            assert_eq!(rescued[0].committed.job_ended.is_some(), attempt == tasks::MAX_ATTEMPTS);
        }
        let row = db.job(&scope, job).await;
        assert_eq!((row.status, row.failure.unwrap().code), (JobStatus::Failed, Code::WorkerLost));
    }

    async fn an_attempt_that_saved_a_page_is_not_spent_when_its_worker_is_lost(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(8, 8).await;
        for number in 1..=tasks::MAX_ATTEMPTS + 2 {
            let task = db.claim(TaskKind::Pages).await;
            assert_eq!(task.attempt, 1, "each restart made progress");
            tasks::save_page(&db.store, &task, &good_page(&task, page(number)), "The words of a page.").await.unwrap();
            db.advance(LEASE.as_secs_f64() + 1.0);
            assert!(tasks::rescue_expired(&db.store).await.unwrap()[0].committed.job_ended.is_none());
        }
        for attempt in 1..=tasks::MAX_ATTEMPTS {
            assert_eq!(db.claim(TaskKind::Pages).await.attempt, attempt, "without progress attempts are spent");
            db.advance(LEASE.as_secs_f64() + 1.0);
            tasks::rescue_expired(&db.store).await.unwrap();
        }
        assert_eq!(db.job(&scope, job).await.failure.unwrap().code, Code::WorkerLost);
    }

    async fn a_page_that_fails_in_every_attempt_is_no_progress(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(2, 2).await;
        for attempt in 1..=tasks::MAX_ATTEMPTS {
            let task = db.claim(TaskKind::Pages).await;
            assert_eq!(task.attempt, attempt);
            let failed = tasks::SavedPage { failure: Some(crash()), ..good_page(&task, page(1)) };
            tasks::save_page(&db.store, &task, &failed, "The words of a page.").await.unwrap();
            db.advance(LEASE.as_secs_f64() + 1.0);
            tasks::rescue_expired(&db.store).await.unwrap();
        }
        assert_eq!(db.job(&scope, job).await.failure.unwrap().code, Code::WorkerLost);
    }

    async fn a_task_has_the_attempts_that_are_configured(db: TestDb) {
        let scope = db.organization("one").await;
        let store = db.store.clone().with_max_attempts(1);
        crate::documents::add_with_job(&store, &scope, db.new_document(&scope, "bytes", plan())).await.unwrap();
        let task = tasks::claim(&store, db.worker(), LEASE).await.unwrap().unwrap();
        assert_eq!(task.max_attempts, 1);
        let ended = tasks::fail(&store, &task, &crash(), Some(Duration::ZERO)).await.unwrap();
        assert!(ended.job_ended.is_some(), "the only attempt was the last one");
        db.upload(&scope, "other bytes", plan()).await;
        assert_eq!(db.claim(TaskKind::Inspect).await.max_attempts, tasks::MAX_ATTEMPTS);
    }

    async fn two_rescuers_at_once_spend_one_attempt(db: TestDb) {
        let scope = db.organization("one").await;
        for n in 0..5 {
            db.upload(&scope, &format!("bytes {n}"), plan()).await;
            db.claim(TaskKind::Inspect).await;
        }
        db.advance(LEASE.as_secs_f64() + 1.0);
        let other = db.another_process().await;
        let (one, two) = tokio::join!(tasks::rescue_expired(&db.store), tasks::rescue_expired(&other));
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 5);
        for _ in 0..5 {
            assert_eq!(db.claim(TaskKind::Inspect).await.attempt, 2);
        }
        other.close().await;
    }

    async fn a_new_process_takes_back_what_the_dead_one_held_without_waiting_for_leases(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        let task = db.claim(TaskKind::Inspect).await;
        let released = tasks::release_all_of_previous_process(&db.store).await.unwrap();
        assert_eq!(released.len(), 1);
        let again = db.claim(TaskKind::Inspect).await;
        assert_eq!((again.id, again.attempt), (task.id, 2), "at once, and the attempt is spent: the document may have killed it");
    }

    async fn handing_back_spends_no_attempt_and_keeps_the_place_in_the_queue(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.advance(1.0);
        db.upload(&scope, "younger", plan()).await;
        for _ in 0..5 {
            let task = db.claim(TaskKind::Inspect).await;
            assert_eq!((task.job, task.attempt), (job, 1));
            tasks::hand_back(&db.store, &task, Duration::ZERO).await.unwrap();
            db.advance(1.0);
        }
        let task = db.claim(TaskKind::Inspect).await;
        tasks::hand_back(&db.store, &task, Duration::from_secs(60)).await.unwrap();
        assert_ne!(db.claim(TaskKind::Inspect).await.job, job, "with a delay it waits");
        assert!(db.try_claim().await.is_none());
    }

    async fn two_ranges_that_fail_together_are_both_tried_again_and_end_one_attempt(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(2, 1).await;
        let (first, second) = (db.claim(TaskKind::Pages).await, db.claim(TaskKind::Pages).await);
        let soon = Some(Duration::from_secs(1));
        let (one, two) = (
            tasks::fail(&db.store, &first, &crash(), soon).await.unwrap(),
            tasks::fail(&db.store, &second, &crash(), soon).await.unwrap(),
        );
        assert!(one.stage_ended.is_some() && two.stage_ended.is_none());
        assert_eq!((one.retried, two.retried), (Some(StageType::Ocr), Some(StageType::Ocr)));
        db.advance(2.0);
        for _ in 0..2 {
            let task = db.claim(TaskKind::Pages).await;
            db.read_pages(&task).await;
        }
        let task = db.claim(TaskKind::Assemble).await;
        let ended = tasks::finish_stage(&db.store, &task, &[], &[]).await.unwrap();
        assert_eq!(ended.stage_ended.unwrap().attempt, 2);
        assert_eq!(db.job(&scope, job).await.status, JobStatus::Succeeded);
    }
}
