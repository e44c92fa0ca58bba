//! Another organization's ids lead nowhere: every function with a scope answers as if there were no such thing.

use crp_model::{ArtifactKind, OrganizationId, Scope};

use super::{
    both_engines,
    fixtures::{artifact, plan},
};
use crate::{
    StoreError, artifacts, audit,
    documents::{self, DocumentChange, DocumentFilter, DocumentSort},
    events, history,
    jobs::{self, JobFilter},
    organizations, overview, pipelines, retention, search, sessions, tasks, users,
};

both_engines! {
    async fn another_organizations_ids_are_not_found_by_any_function(db: TestDb) {
        let (owner, stranger) = (db.organization("owner").await, db.organization("stranger").await);
        let added = db.upload(&owner, "bytes", plan()).await;
        let task = db.up_to_assembly(1).await;
        tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap();
        let (pipeline, _) = pipelines::save(&db.store, &owner, "mine", "name: mine").await.unwrap();
        let (store, scope, missing) = (&db.store, &stranger, StoreError::NotFound);

        assert_eq!(documents::get(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(documents::content(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(documents::delete(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(documents::change(store, scope, added.document, &DocumentChange::default()).await.unwrap_err(), missing);
        assert_eq!(documents::trash(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(documents::restore(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(documents::hold(store, scope, added.document, "why").await.unwrap_err(), missing);
        assert_eq!(documents::release(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(retention::expire(store, scope, added.document).await.unwrap_err(), missing);
        assert_eq!(search::index_document(store, scope, added.document, None).await.unwrap_err(), missing);
        assert_eq!(artifacts::newest_of_document(store, scope, added.document, ArtifactKind::Text).await.unwrap_err(), missing);
        assert!(artifacts::newest_of_document(store, &owner, added.document, ArtifactKind::Text).await.is_ok());
        assert_eq!(jobs::get(store, scope, added.job).await.unwrap_err(), missing);
        assert_eq!(jobs::add_job(store, scope, added.document, &plan(), crp_model::Priority::Normal).await.unwrap_err(), missing);
        assert_eq!(jobs::cancel(store, scope, added.job).await.unwrap_err(), missing);
        assert_eq!(jobs::retry(store, scope, added.job).await.unwrap_err(), missing);
        assert_eq!(jobs::dismiss(store, scope, added.job).await.unwrap_err(), missing);
        assert_eq!(jobs::try_pipeline(store, scope, added.document, &plan(), crp_model::Priority::Normal, "name: x").await.unwrap_err(), missing);
        assert_eq!(jobs::prioritize(store, scope, added.job, crp_model::Priority::High).await.unwrap_err(), missing);
        assert_eq!(jobs::pages(store, scope, added.job, 0, 10).await.unwrap_err(), missing);
        assert_eq!(jobs::tasks(store, scope, added.job, 0, 10).await.unwrap_err(), missing);
        assert_eq!(events::history(store, scope, added.job, 0, 10).await.unwrap_err(), missing);
        assert_eq!(tasks::saved_pages(store, scope, added.job, 0).await.unwrap_err(), missing);
        assert_eq!(events::list_after(store, scope, added.job, 0, 10).await.unwrap_err(), missing);
        assert_eq!(artifacts::get(store, scope, added.job, ArtifactKind::Text).await.unwrap_err(), missing);
        assert_eq!(pipelines::get(store, scope, "mine").await.unwrap_err(), missing);
        assert_eq!(pipelines::get(store, scope, &pipeline.to_string()).await.unwrap_err(), missing);
        assert_eq!(pipelines::delete(store, scope, &pipeline.to_string()).await.unwrap_err(), missing);

        assert!(documents::list(store, scope, &DocumentFilter::default(), DocumentSort::Newest, None, 10).await.unwrap().items.is_empty());
        let of_document = JobFilter { document: Some(added.document), ..JobFilter::default() };
        assert!(jobs::list(store, scope, &of_document, None, 10).await.unwrap().items.is_empty());
        let ever = (crp_model::Timestamp(0), crp_model::JobId(uuid::Uuid::nil()));
        assert!(jobs::changed(store, scope, ever, 10).await.unwrap().is_empty());
        assert_eq!(jobs::changed(store, &owner, ever, 10).await.unwrap().len(), 1);
        let now = store.ambient().now();
        let day = history::Buckets { from: now.minus(std::time::Duration::from_secs(3600)), bucket_seconds: 3600, count: 2 };
        let nothing = history::history(store, scope, &day).await.unwrap();
        assert!(nothing.buckets.iter().all(|bucket| *bucket == history::Bucket::default()) && nothing.failures.is_empty());
        assert_eq!(history::history(store, &owner, &day).await.unwrap().buckets[1].jobs_succeeded, 1);
        assert!(pipelines::list(store, scope).await.unwrap().is_empty());
        assert!(pipelines::versions(store, scope).await.unwrap().is_empty());
        assert_eq!(users::list_users(store, scope).await.unwrap().len(), 1);
        let log = audit::list(store, scope, None, 100).await.unwrap();
        assert!(log.items.iter().all(|line| line.subject != Some(added.document.0)));
        let figures = overview::organization_figures(store, scope).await.unwrap();
        assert_eq!((figures.documents, figures.stored_bytes, figures.jobs["succeeded"], figures.users), (0, 0, 0, 1));
        let theirs = overview::organization_figures(store, &owner).await.unwrap();
        assert_eq!((theirs.documents, theirs.stored_bytes, theirs.jobs["succeeded"]), (1, 5, 1));
        assert_eq!(jobs::get(store, &owner, added.job).await.unwrap().id, added.job, "and all of it is still there");
    }

    async fn an_organization_that_is_not_there_owns_nothing(db: TestDb) {
        let nowhere = Scope::system(OrganizationId::new(db.store.ambient()));
        assert_eq!(organizations::get(&db.store, &nowhere).await.unwrap_err(), StoreError::NotFound);
        assert_eq!(organizations::note_export(&db.store, &nowhere).await.unwrap_err(), StoreError::NotFound);
        assert_eq!(organizations::set_languages(&db.store, &nowhere, &[]).await.unwrap_err(), StoreError::NotFound);
        let added = documents::add_with_job(&db.store, &nowhere, db.new_document(&nowhere, "bytes", plan())).await;
        assert_eq!(added.unwrap_err(), StoreError::NotFound);
    }

    async fn a_session_works_in_an_organization_of_its_user_only(db: TestDb) {
        let (owner, stranger) = (db.organization("owner").await, db.organization("stranger").await);
        let session = sessions::NewSession {
            token_hash: [1; 32],
            user: owner.actor.unwrap(),
            organization: stranger.organization,
            expires_at: db.store.ambient().now().plus(std::time::Duration::from_secs(60)),
            user_agent: None,
            address: None,
        };
        assert_eq!(sessions::create_session(&db.store, session).await, Err(StoreError::NotFound));
    }

    async fn a_task_of_a_deleted_document_is_fenced(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        let task = db.up_to_assembly(1).await;
        tasks::finish_stage(&db.store, &task, &[], &[]).await.unwrap();
        documents::delete(&db.store, &scope, added.document).await.unwrap();
        assert_eq!(tasks::finish_stage(&db.store, &task, &[], &[]).await, Err(StoreError::Fenced));
    }
}
