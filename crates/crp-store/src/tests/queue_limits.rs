//! Limits of running tasks, and priorities.

use std::{num::NonZeroU32, time::Duration};

use crp_model::{Priority, Scope, TaskKind};

use super::{
    both_engines,
    fixtures::{LEASE, plan, two_stages},
    harness::TestDb,
};
use crate::{
    StoreError, audit, documents, jobs, organizations,
    tasks::{self, QueueLimits},
};

impl TestDb {
    /// The same database through a store with these limits.
    fn limited(&self, per_organization: u32, ocr: u32, parse: u32) -> TestDb {
        let limits = QueueLimits {
            per_organization: NonZeroU32::new(per_organization),
            per_stage: [NonZeroU32::new(ocr), NonZeroU32::new(parse), None, None],
        };
        TestDb { store: self.store.clone().with_queue_limits(limits), ..self.clone() }
    }

    async fn upload_with(&self, scope: &Scope, bytes: &str, priority: Priority) -> crp_model::JobId {
        let new = documents::NewDocument { priority, ..self.new_document(scope, bytes, plan()) };
        documents::add_with_job(&self.store, scope, new).await.unwrap().job
    }
}

both_engines! {
    async fn an_organization_has_no_more_running_than_its_limit_and_others_go_on(db: TestDb) {
        let (many, one) = (db.organization("many").await, db.organization("one").await);
        for n in 0..4 {
            db.upload(&many, &format!("many {n}"), plan()).await;
        }
        db.advance(1.0);
        db.upload(&one, "single", plan()).await;
        let db = db.limited(2, 0, 0);
        let mut first = None;
        let mut taken = Vec::new();
        while let Some(task) = db.try_claim().await {
            taken.push(task.scope.organization);
            first.get_or_insert(task);
        }
        taken.sort();
        let mut expected = [many.organization, many.organization, one.organization];
        expected.sort();
        assert_eq!(taken, expected);
        // A limit of its own goes before; it is taken back by none.
        organizations::set_max_running_tasks(&db.store, &many, NonZeroU32::new(3)).await.unwrap();
        assert_eq!(db.claim(TaskKind::Inspect).await.scope.organization, many.organization);
        assert!(db.try_claim().await.is_none());
        assert!(db.try_claim().await.is_none());
        // What ends makes room.
        tasks::hand_back(&db.store, &first.unwrap(), Duration::ZERO).await.unwrap();
        organizations::set_max_running_tasks(&db.store, &many, None).await.unwrap();
        assert!(db.try_claim().await.is_none());
        organizations::set_max_running_tasks(&db.store, &many, NonZeroU32::new(3)).await.unwrap();
        db.claim(TaskKind::Inspect).await;
        let log = audit::list(&db.store, &many, None, 100).await.unwrap();
        assert_eq!(log.items.iter().filter(|line| line.action == "organization.limited").count(), 3);
    }

    async fn a_limit_of_one_organization_alone_needs_no_other(db: TestDb) {
        let scope = db.organization("one").await;
        for n in 0..3 {
            db.upload(&scope, &format!("bytes {n}"), plan()).await;
        }
        organizations::set_max_running_tasks(&db.store, &scope, NonZeroU32::new(1)).await.unwrap();
        db.claim(TaskKind::Inspect).await;
        assert!(db.try_claim().await.is_none());
    }

    async fn a_full_stage_is_passed_over_and_the_next_one_goes_on(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "first", two_stages()).await;
        let task = db.up_to_assembly(1).await;
        tasks::finish_stage(&db.store, &task, &[], &[]).await.unwrap();
        for n in 0..3 {
            db.upload(&scope, &format!("later {n}"), two_stages()).await;
        }
        let db = db.limited(0, 1, 1);
        let mut kinds = Vec::new();
        while let Some(task) = db.try_claim().await {
            kinds.push(task.kind);
        }
        kinds.sort_by_key(|kind| kind.as_str());
        assert_eq!(kinds, [TaskKind::Inspect, TaskKind::Stage], "one of each stage");
        db.limited(0, 2, 1).claim(TaskKind::Inspect).await;
    }

    async fn a_limit_holds_also_when_eight_claim_at_once(db: TestDb) {
        let scope = db.organization("one").await;
        for n in 0..12 {
            db.upload(&scope, &format!("bytes {n}"), plan()).await;
        }
        let other_process = TestDb { store: db.another_process().await, ..db.clone() };
        let stores = [db.limited(3, 0, 0), other_process.limited(3, 0, 0)];
        let claimers = (0..8).map(|n| {
            let db = stores[n % 2].clone();
            tokio::spawn(async move { tasks::claim(&db.store, db.worker(), LEASE).await.unwrap().is_some() })
        });
        let mut taken = 0;
        for claimer in claimers.collect::<Vec<_>>() {
            taken += u32::from(claimer.await.unwrap());
        }
        assert_eq!(taken, 3);
        other_process.store.close().await;
    }

    async fn the_highest_priority_comes_first_and_its_place_says_so(db: TestDb) {
        let scope = db.organization("one").await;
        let mut made = Vec::new();
        for (n, priority) in [Priority::Low, Priority::Normal, Priority::High, Priority::Normal].into_iter().enumerate() {
            made.push(db.upload_with(&scope, &format!("bytes {n}"), priority).await);
            db.advance(0.1);
        }
        let order = [made[2], made[1], made[3], made[0]];
        for (place, job) in (0u64..).zip(order) {
            assert_eq!(db.job(&scope, job).await.queue_position, Some(place));
        }
        let listed = jobs::list(&db.store, &scope, &jobs::JobFilter::default(), None, 10).await.unwrap().items;
        for row in listed {
            assert_eq!(row.queue_position, order.iter().position(|job| *job == row.id).map(|place| place as u64));
        }
        for job in order {
            assert_eq!(db.claim(TaskKind::Inspect).await.job, job);
        }
    }

    async fn another_priority_counts_from_the_next_task_on_and_ends_with_the_job(db: TestDb) {
        let scope = db.organization("one").await;
        let (first, second) = (db.upload(&scope, "first", plan()).await.job, db.upload(&scope, "second", plan()).await.job);
        jobs::prioritize(&db.store, &scope, second, Priority::High).await.unwrap();
        jobs::prioritize(&db.store, &scope, second, Priority::High).await.unwrap();
        assert_eq!(db.job(&scope, second).await.priority, Priority::High);
        let task = db.claim(TaskKind::Inspect).await;
        assert_eq!(task.job, second);
        tasks::finish_inspect(&db.store, &task, 2, &crp_model::PageRange::split(2, 1), &[]).await.unwrap();
        let task = db.claim(TaskKind::Pages).await;
        assert_eq!(task.job, second, "its later tasks have it, too");
        jobs::prioritize(&db.store, &scope, second, Priority::Low).await.unwrap();
        tasks::hand_back(&db.store, &task, Duration::ZERO).await.unwrap();
        assert_eq!(db.claim(TaskKind::Inspect).await.job, first);
        jobs::cancel(&db.store, &scope, first).await.unwrap();
        let log = audit::list(&db.store, &scope, None, 100).await.unwrap();
        assert_eq!(log.items.iter().filter(|line| line.action == "job.prioritized").count(), 2, "the same again is no change");
        let third = db.upload(&scope, "third", plan()).await.job;
        jobs::cancel(&db.store, &scope, third).await.unwrap();
        assert!(matches!(jobs::prioritize(&db.store, &scope, third, Priority::High).await, Err(StoreError::Conflict(_))));
        let again = jobs::retry(&db.store, &scope, third).await.unwrap();
        assert_eq!(db.job(&scope, again).await.priority, Priority::Normal);
    }
}
