//! The history of an organization: what ended, what waited, how long things took.

use crp_model::{ArtifactKind, Code, Failure, JobStatus, Scope, StageType, TaskKind, Timestamp};

use super::{
    both_engines,
    fixtures::{artifact, plan},
    harness::TestDb,
};
use crate::{
    history::{self, Bucket, Buckets, History},
    jobs, tasks,
};

impl TestDb {
    /// Four buckets of a minute; the clock stands at the beginning of the first one.
    fn four_minutes(&self) -> Buckets {
        Buckets { from: self.store.ambient().now(), bucket_seconds: 60, count: 4 }
    }

    async fn history(&self, scope: &Scope, buckets: &Buckets) -> History {
        history::history(&self.store, scope, buckets).await.unwrap()
    }
}

both_engines! {
    async fn a_job_counts_where_it_ended_and_waits_until_it_starts(db: TestDb) {
        let scope = db.organization("one").await;
        let buckets = db.four_minutes();
        db.upload(&scope, "a", plan()).await;
        db.advance(61.0);
        let task = db.up_to_assembly(2).await;
        let never = db.upload(&scope, "b", plan()).await.job;
        db.advance(60.0);
        tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap();
        jobs::cancel(&db.store, &scope, never).await.unwrap();
        let failing = db.upload(&scope, "c", plan()).await.job;
        let task = db.claim(TaskKind::Inspect).await;
        tasks::fail(&db.store, &task, &Failure::new(Code::EncryptedPdf, "a password"), None).await.unwrap();
        assert_eq!(db.job(&scope, failing).await.status, JobStatus::Failed);

        let told = db.history(&scope, &buckets).await;
        let waiting: Vec<u64> = told.buckets.iter().map(|bucket| bucket.waiting).collect();
        assert_eq!(waiting, [1, 1, 0, 0]);
        assert_eq!(told.buckets[0], Bucket { waiting: 1, ..Bucket::default() });
        let third = &told.buckets[2];
        assert_eq!((third.jobs_succeeded, third.jobs_failed, third.jobs_cancelled, third.pages), (1, 1, 1, 2));
        let page = third.ocr_page.unwrap();
        assert!((page.p50_seconds - 1.5).abs() < 1e-9 && (page.p95_seconds - 1.5).abs() < 1e-9);
        assert!((third.stages[&StageType::Ocr].p50_seconds - 60.0).abs() < 1e-9);
        assert_eq!(told.failures, [(Code::EncryptedPdf, 1)]);
    }

    async fn what_happened_before_and_after_is_left_out(db: TestDb) {
        let scope = db.organization("one").await;
        let early = db.upload(&scope, "a", plan()).await.job;
        jobs::cancel(&db.store, &scope, early).await.unwrap();
        db.upload(&scope, "waits since before", plan()).await;
        db.advance(3600.0);
        let told = db.history(&scope, &db.four_minutes()).await;
        assert!(told.buckets.iter().all(|bucket| *bucket == Bucket { waiting: 1, ..Bucket::default() }), "{told:?}");
        let before = Buckets { from: Timestamp(0), bucket_seconds: 60, count: 4 };
        assert_eq!(db.history(&scope, &before).await.buckets[0].jobs_cancelled, 0);
    }
}
