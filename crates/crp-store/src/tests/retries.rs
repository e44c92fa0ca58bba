//! Trying again is a new job.

use crp_model::{Code, DocumentId, Failure, JobStatus, TaskKind};

use super::{
    both_engines,
    fixtures::{plan, two_stages},
};
use crate::{
    StoreError,
    jobs::{self, JobFilter},
    tasks,
};

both_engines! {
    async fn a_retry_is_a_new_job_with_the_same_plan_and_the_old_one_stays_as_it_was(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", two_stages()).await;
        let refused = jobs::retry(&db.store, &scope, added.job).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "it is not final");
        let task = db.claim(TaskKind::Inspect).await;
        tasks::fail(&db.store, &task, &Failure::new(Code::DamagedFile, "cannot be read"), None).await.unwrap();
        let before = db.job(&scope, added.job).await;
        let again = jobs::retry(&db.store, &scope, added.job).await.unwrap();
        assert_ne!(again, added.job);
        let row = db.job(&scope, again).await;
        assert_eq!((row.retry_of, row.status, row.document_id), (Some(added.job), JobStatus::Queued, added.document));
        assert_eq!(row.plan, two_stages());
        assert_eq!(db.job(&scope, added.job).await, before);
        assert_eq!(db.claim(TaskKind::Inspect).await.job, again);
    }

    async fn a_document_runs_again_with_another_plan(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        db.advance(1.0);
        let again = jobs::add_job(&db.store, &scope, added.document, &two_stages(), crp_model::Priority::Normal).await.unwrap();
        let of_document = JobFilter { document: Some(added.document), ..JobFilter::default() };
        let page = jobs::list(&db.store, &scope, &of_document, None, 10).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|job| (job.id, job.pipeline.as_str())).collect();
        assert_eq!(ids, [(again, "two"), (added.job, "searchable-pdf")]);
        let missing = DocumentId::new(db.store.ambient());
        assert_eq!(jobs::add_job(&db.store, &scope, missing, &plan(), crp_model::Priority::Normal).await, Err(StoreError::NotFound));
    }

    async fn lists_are_paged_newest_first_and_filtered(db: TestDb) {
        let scope = db.organization("one").await;
        let mut all = Vec::new();
        for n in 0..5 {
            all.insert(0, db.upload(&scope, &format!("bytes {n}"), plan()).await.job);
            db.advance(1.0);
        }
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = jobs::list(&db.store, &scope, &JobFilter::default(), cursor, 2).await.unwrap();
            seen.extend(page.items.iter().map(|job| job.id));
            cursor = page.next.map(|next| next.to_string().parse().unwrap());
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        let running = db.claim(TaskKind::Inspect).await.job;
        let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
        let page = jobs::list(&db.store, &scope, &filter, None, 10).await.unwrap();
        assert_eq!(page.items.iter().map(|job| job.id).collect::<Vec<_>>(), [running]);
        assert_eq!(db.job(&scope, all[0]).await.queue_position, Some(3));
    }
}
