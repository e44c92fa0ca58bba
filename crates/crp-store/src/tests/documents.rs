//! Uploads: duplicates, idempotency, lists, deletion.

use crp_model::{ArtifactKind, DocumentName, JobStatus, TaskKind};

use super::{
    both_engines,
    fixtures::{artifact, plan, two_stages},
};
use crate::{
    StoreError,
    documents::{self, DocumentFilter, DocumentSort},
    jobs, tasks,
};

both_engines! {
    async fn the_same_bytes_are_linked_and_not_stored_twice(db: TestDb) {
        let scope = db.organization("one").await;
        let first = db.upload(&scope, "bytes", plan()).await;
        assert_eq!((first.duplicate_of, &first.unneeded_object), (None, &None));
        db.advance(1.0);
        let new = db.new_document(&scope, "bytes", plan());
        let second = documents::add_with_job(&db.store, &scope, new.clone()).await.unwrap();
        assert_eq!(second.duplicate_of, Some(first.document));
        assert_eq!(second.unneeded_object, Some(new.object_key));
        assert_ne!((second.document, second.job), (first.document, first.job), "a document and a job of its own");
        let (one, two) = (
            documents::content(&db.store, &scope, first.document).await.unwrap(),
            documents::content(&db.store, &scope, second.document).await.unwrap(),
        );
        assert_eq!(one.object_key, two.object_key);
        let elsewhere = db.organization("two").await;
        let third = db.upload(&elsewhere, "bytes", plan()).await;
        assert_eq!((third.duplicate_of, third.unneeded_object), (None, None), "another organization shares nothing");
    }

    async fn the_same_bytes_at_the_same_moment_keep_one_object(db: TestDb) {
        let scope = db.organization("one").await;
        let uploads = (0..6).map(|_| {
            let (store, new) = (db.store.clone(), db.new_document(&scope, "bytes", plan()));
            tokio::spawn(async move { documents::add_with_job(&store, &scope, new).await.unwrap() })
        });
        let mut kept = 0;
        for upload in uploads.collect::<Vec<_>>() {
            kept += usize::from(upload.await.unwrap().unneeded_object.is_none());
        }
        assert_eq!(kept, 1);
    }

    async fn a_request_sent_again_with_its_key_gets_the_first_answer(db: TestDb) {
        let scope = db.organization("one").await;
        let keyed = |bytes: &str, plan| documents::NewDocument {
            idempotency_key: Some("key-1".to_owned()),
            ..db.new_document(&scope, bytes, plan)
        };
        let first = documents::add_with_job(&db.store, &scope, keyed("bytes", plan())).await.unwrap();
        let again = keyed("bytes", plan());
        let object = again.object_key.clone();
        let replayed = documents::add_with_job(&db.store, &scope, again).await.unwrap();
        assert_eq!((replayed.document, replayed.job, replayed.replayed), (first.document, first.job, true));
        assert_eq!(replayed.unneeded_object, Some(object));
        for other in [keyed("other bytes", plan()), keyed("bytes", two_stages())] {
            let refused = documents::add_with_job(&db.store, &scope, other).await;
            assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        }
        let all = documents::list(&db.store, &scope, &DocumentFilter::default(), DocumentSort::Newest, None, 10).await.unwrap();
        assert_eq!(all.items.len(), 1);
        let elsewhere = db.organization("two").await;
        let mut theirs = db.new_document(&elsewhere, "bytes", plan());
        theirs.idempotency_key = Some("key-1".to_owned());
        assert!(!documents::add_with_job(&db.store, &elsewhere, theirs).await.unwrap().replayed);
        db.advance(25.0 * 3600.0);
        let later = documents::add_with_job(&db.store, &scope, keyed("bytes", plan())).await.unwrap();
        assert!(!later.replayed, "a day later the key is free");
    }

    async fn one_key_sent_twice_at_once_makes_one_document(db: TestDb) {
        let scope = db.organization("one").await;
        let send = || {
            let mut new = db.new_document(&scope, "bytes", plan());
            new.idempotency_key = Some("key".to_owned());
            let store = db.store.clone();
            tokio::spawn(async move { documents::add_with_job(&store, &scope, new).await.unwrap() })
        };
        let (one, two) = (send(), send());
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        assert_eq!(one.document, two.document);
        assert!(one.replayed != two.replayed);
    }

    async fn a_document_at_work_is_not_deleted_and_a_finished_one_goes_with_everything(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        let object = documents::content(&db.store, &scope, added.document).await.unwrap().object_key;
        assert!(matches!(documents::delete(&db.store, &scope, added.document).await, Err(StoreError::Conflict(_))));
        let task = db.up_to_assembly(2).await;
        assert!(matches!(documents::delete(&db.store, &scope, added.document).await, Err(StoreError::Conflict(_))));
        tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap();
        let deleted = documents::delete(&db.store, &scope, added.document).await.unwrap();
        assert_eq!(deleted.object_to_delete, Some(object));
        assert_eq!(deleted.derived_objects.len(), 5, "two pages, two thumbnails, one artifact");
        assert_eq!(deleted.jobs, [added.job]);
        let prefix = crp_model::ObjectKey::job_prefix(scope.organization, added.job);
        assert!(deleted.derived_objects.iter().all(|key| key.as_str().starts_with(&prefix)), "what has no row lies there, too");
        assert_eq!(documents::get(&db.store, &scope, added.document).await, Err(StoreError::NotFound));
        assert_eq!(jobs::get(&db.store, &scope, added.job).await, Err(StoreError::NotFound));
        assert_eq!(documents::delete(&db.store, &scope, added.document).await, Err(StoreError::NotFound));
    }

    async fn an_object_that_another_document_shares_stays(db: TestDb) {
        let scope = db.organization("one").await;
        let first = db.upload(&scope, "bytes", plan()).await;
        db.advance(1.0);
        let second = db.upload(&scope, "bytes", plan()).await;
        for job in [first.job, second.job] {
            jobs::cancel(&db.store, &scope, job).await.unwrap();
        }
        assert_eq!(documents::delete(&db.store, &scope, first.document).await.unwrap().object_to_delete, None);
        let row = documents::get(&db.store, &scope, second.document).await.unwrap();
        assert_eq!(row.duplicate_of, None, "the first one is gone");
        assert!(documents::delete(&db.store, &scope, second.document).await.unwrap().object_to_delete.is_some());
    }

    async fn documents_are_found_by_part_of_their_name_and_state_of_their_newest_job(db: TestDb) {
        let scope = db.organization("one").await;
        for name in ["Invoice 1.pdf", "letter.pdf", "100%_sure!.pdf"] {
            let mut new = db.new_document(&scope, name, plan());
            new.name = DocumentName::from_client(name).unwrap();
            documents::add_with_job(&db.store, &scope, new).await.unwrap();
            db.advance(1.0);
        }
        let names = async |text: &str| {
            let filter = DocumentFilter { name_contains: Some(text.to_owned()), ..DocumentFilter::default() };
            let page = documents::list(&db.store, &scope, &filter, DocumentSort::Newest, None, 10).await.unwrap();
            page.items.iter().map(|document| document.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("INVOICE").await, ["Invoice 1.pdf"]);
        assert_eq!(names("%_s").await, ["100%_sure!.pdf"], "the text is no pattern");
        assert_eq!(names("e!").await, ["100%_sure!.pdf"]);
        assert_eq!(names(".pdf").await, ["100%_sure!.pdf", "letter.pdf", "Invoice 1.pdf"], "newest first");
        db.claim(TaskKind::Inspect).await;
        let filter = DocumentFilter { status: Some(JobStatus::Running), ..DocumentFilter::default() };
        let running = documents::list(&db.store, &scope, &filter, DocumentSort::Newest, None, 10).await.unwrap();
        assert_eq!(running.items.len(), 1);
        assert_eq!(running.items[0].latest_status, Some(JobStatus::Running));
        let first = documents::list(&db.store, &scope, &DocumentFilter::default(), DocumentSort::Newest, None, 2).await.unwrap();
        let rest = documents::list(&db.store, &scope, &DocumentFilter::default(), DocumentSort::Newest, first.next.as_ref(), 2).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 1, None));
    }

    async fn a_nul_in_a_text_is_no_way_to_break_a_row(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.claim(TaskKind::Inspect).await;
        let failure = crp_model::Failure::new(crp_model::Code::DamagedFile, "before\0after");
        tasks::fail(&db.store, &task, &failure, None).await.unwrap();
        assert_eq!(db.job(&scope, job).await.failure.unwrap().message, "before\u{fffd}after");
    }
}
