//! Cancelling in every state.

use std::time::Duration;

use crp_model::{Code, Failure, JobStatus, TaskKind, labels::FinalStatus};

use super::{
    both_engines,
    fixtures::{LEASE, plan},
};
use crate::{
    StoreError,
    jobs::{self, CancelOutcome},
    tasks,
};

both_engines! {
    async fn a_queued_job_is_cancelled_at_once(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let CancelOutcome::Cancelled(committed) = jobs::cancel(&db.store, &scope, job).await.unwrap() else { panic!("at once") };
        let ended = committed.job_ended.unwrap();
        assert_eq!((ended.status, ended.seconds_since_start), (FinalStatus::Cancelled, None));
        assert!(db.try_claim().await.is_none());
        assert_eq!(jobs::cancel(&db.store, &scope, job).await.unwrap(), CancelOutcome::AlreadyFinal(JobStatus::Cancelled));
        let row = db.job(&scope, job).await;
        assert_eq!((row.status, row.stages[0].status), (JobStatus::Cancelled, JobStatus::Cancelled));
    }

    async fn a_job_that_waits_for_its_backoff_is_cancelled_at_once(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.claim(TaskKind::Inspect).await;
        let failure = Failure::new(Code::EngineCrashed, "died");
        tasks::fail(&db.store, &task, &failure, Some(Duration::from_secs(60))).await.unwrap();
        assert!(matches!(jobs::cancel(&db.store, &scope, job).await.unwrap(), CancelOutcome::Cancelled(_)));
    }

    async fn workers_hear_of_it_with_their_renewal_and_the_last_one_ends_the_job(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(3, 1).await;
        let (first, second) = (db.claim(TaskKind::Pages).await, db.claim(TaskKind::Pages).await);
        assert!(matches!(tasks::finish_cancelled(&db.store, &first).await, Err(StoreError::Conflict(_))), "nobody asked");
        assert_eq!(jobs::cancel(&db.store, &scope, job).await.unwrap(), CancelOutcome::Requested);
        assert_eq!(jobs::cancel(&db.store, &scope, job).await.unwrap(), CancelOutcome::Requested, "asking twice is fine");
        assert!(db.try_claim().await.is_none(), "the third range does not start");
        let renewed = tasks::renew(&db.store, first.worker, &[(first.id, first.fence)], LEASE).await.unwrap();
        assert_eq!(renewed[0].state, tasks::LeaseState::CancelRequested);
        assert_eq!(tasks::finish_cancelled(&db.store, &first).await.unwrap().job_ended, None);
        assert_eq!(db.job(&scope, job).await.status, JobStatus::Running, "one still holds a task");
        let ended = tasks::finish_cancelled(&db.store, &second).await.unwrap().job_ended.unwrap();
        assert_eq!(ended.status, FinalStatus::Cancelled);
        assert_eq!(db.job(&scope, job).await.status, JobStatus::Cancelled);
    }

    async fn whatever_a_worker_does_with_the_task_of_a_cancelled_job_ends_it_as_cancelled(db: TestDb) {
        let scope = db.organization("one").await;
        let failure = Failure::new(Code::EngineCrashed, "died");
        for way in ["finishes", "fails", "hands back", "is lost"] {
            let job = db.upload(&scope, way, plan()).await.job;
            let task = db.claim(TaskKind::Inspect).await;
            assert_eq!(jobs::cancel(&db.store, &scope, job).await.unwrap(), CancelOutcome::Requested);
            let committed = match way {
                "finishes" => tasks::finish_inspect(&db.store, &task, 3, &crp_model::PageRange::split(3, 1), &[]).await.unwrap(),
                "fails" => tasks::fail(&db.store, &task, &failure, Some(Duration::ZERO)).await.unwrap(),
                "hands back" => tasks::hand_back(&db.store, &task, Duration::ZERO).await.unwrap(),
                _ => {
                    db.advance(LEASE.as_secs_f64() + 1.0);
                    tasks::rescue_expired(&db.store).await.unwrap().remove(0).committed
                }
            };
            assert_eq!(committed.job_ended.map(|ended| ended.status), Some(FinalStatus::Cancelled), "the worker {way}");
            assert_eq!(committed.retried, None);
            assert!(db.try_claim().await.is_none(), "the worker {way}");
        }
    }

    async fn the_task_that_assembles_may_end_a_cancelled_job_and_its_artifacts_are_kept(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.up_to_assembly(1).await;
        jobs::cancel(&db.store, &scope, job).await.unwrap();
        let made = [super::fixtures::artifact(&task, crp_model::ArtifactKind::Text)];
        let ended = tasks::finish_stage(&db.store, &task, &made, &[]).await.unwrap().job_ended.unwrap();
        assert_eq!(ended.status, FinalStatus::Cancelled);
        assert_eq!(db.job(&scope, job).await.artifacts.len(), 1);
    }

    async fn cancelling_while_others_claim_leaves_no_task_behind(db: TestDb) {
        let scope = db.organization("one").await;
        for round in 0..10 {
            let job = db.upload(&scope, &format!("bytes {round}"), plan()).await.job;
            let (claimed, cancelled) = tokio::join!(
                tasks::claim(&db.store, db.worker(), LEASE),
                jobs::cancel(&db.store, &scope, job),
            );
            match (claimed.unwrap(), cancelled.unwrap()) {
                (Some(task), CancelOutcome::Requested) => {
                    assert!(tasks::finish_cancelled(&db.store, &task).await.unwrap().job_ended.is_some());
                }
                (None, CancelOutcome::Cancelled(_)) => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(db.job(&scope, job).await.status, JobStatus::Cancelled);
            assert!(db.try_claim().await.is_none());
        }
    }
}
