//! Retention and holds: what goes to the trash by itself, and what stays whoever asks.

use std::{collections::BTreeMap, time::Duration};

use crp_model::{Code, DocumentId, Scope, TaskKind};

use super::{
    both_engines,
    fixtures::{plan, plan_of, two_stages},
    harness::TestDb,
};
use crate::{
    StoreError, audit,
    documents::{self, DocumentFilter, DocumentSort},
    jobs,
    retention::{self, Affected, Retention},
};

const DAY: f64 = 24.0 * 3600.0;

fn days(days: Option<u32>, pipelines: &[(&str, Option<u32>)]) -> Retention {
    Retention { days, pipelines: pipelines.iter().map(|(name, days)| ((*name).to_owned(), *days)).collect::<BTreeMap<_, _>>() }
}

impl TestDb {
    /// A document whose only job has ended, a second later than whatever was before.
    async fn at_rest(&self, scope: &Scope, bytes: &str, plan: crp_model::Plan) -> DocumentId {
        self.advance(1.0);
        let added = self.upload(scope, bytes, plan).await;
        jobs::cancel(&self.store, scope, added.job).await.unwrap();
        added.document
    }

    async fn due(&self) -> Vec<DocumentId> {
        retention::due(&self.store, 100).await.unwrap().into_iter().map(|(_, document)| document).collect()
    }

    async fn is_trashed(&self, scope: &Scope, document: DocumentId) -> bool {
        documents::get(&self.store, scope, document).await.unwrap().trashed_at.is_some()
    }
}

fn is_on_hold<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    matches!(&answer, Err(StoreError::Failure(failure)) if failure.code == Code::DocumentOnHold && failure.message.contains("lawsuit"))
}

both_engines! {
    async fn without_a_retention_documents_stay_for_ever(db: TestDb) {
        let scope = db.organization("one").await;
        let document = db.at_rest(&scope, "bytes", plan()).await;
        db.advance(100.0 * 365.0 * DAY);
        assert_eq!(retention::get(&db.store, &scope).await.unwrap(), Retention::default());
        assert!(db.due().await.is_empty());
        assert!(!retention::expire(&db.store, &scope, document).await.unwrap());
        assert!(!db.is_trashed(&scope, document).await);
    }

    async fn a_document_whose_time_is_over_goes_to_the_trash_with_a_line_in_the_log(db: TestDb) {
        let (scope, other) = (db.organization("one").await, db.organization("two").await);
        let document = db.at_rest(&scope, "bytes", plan()).await;
        let theirs = db.at_rest(&other, "bytes", plan()).await;
        let thirty = days(Some(30), &[]);
        retention::set(&db.store, &scope, &thirty).await.unwrap();
        assert_eq!(retention::get(&db.store, &scope).await.unwrap(), thirty);
        db.advance(30.0 * DAY - 2.0);
        assert!(db.due().await.is_empty());
        assert_eq!(retention::affected(&db.store, &scope, &thirty).await.unwrap(), Affected::default());
        db.advance(1.0);
        assert_eq!(db.due().await, [document], "another organization has no retention");
        assert_eq!(retention::affected(&db.store, &scope, &thirty).await.unwrap(), Affected { documents: 1, on_hold: 0 });
        assert!(retention::expire(&db.store, &Scope::system(scope.organization), document).await.unwrap());
        assert!(db.is_trashed(&scope, document).await && !db.is_trashed(&other, theirs).await);
        assert!(!retention::expire(&db.store, &scope, document).await.unwrap(), "it lies there already");
        let log = audit::list(&db.store, &scope, None, 10).await.unwrap().items;
        assert_eq!((log[0].action.as_str(), log[0].actor, log[0].subject), ("document.expired", None, Some(document.0)));
        let set = log.iter().find(|line| line.action == "organization.retention_set").expect("the setting is in the log");
        assert_eq!((&set.detail["retention"]["days"], &set.detail["before"]["days"]), (&serde_json::json!(30), &serde_json::json!(null)));
    }

    async fn what_comes_back_from_the_trash_has_its_time_anew(db: TestDb) {
        let scope = db.organization("one").await;
        let document = db.at_rest(&scope, "bytes", plan()).await;
        retention::set(&db.store, &scope, &days(Some(30), &[])).await.unwrap();
        db.advance(40.0 * DAY);
        assert!(retention::expire(&db.store, &scope, document).await.unwrap());
        documents::restore(&db.store, &scope, document).await.unwrap();
        assert!(db.due().await.is_empty() && !retention::expire(&db.store, &scope, document).await.unwrap());
        db.advance(30.0 * DAY);
        assert_eq!(db.due().await, [document]);
    }

    async fn of_several_jobs_the_longest_retention_counts(db: TestDb) {
        let scope = db.organization("one").await;
        let short = || plan_of("name: short\nstages: [{type: ocr}]\n");
        let document = db.at_rest(&scope, "one", short()).await;
        let second = db.at_rest(&scope, "two", short()).await;
        let job = jobs::add_job(&db.store, &scope, second, &two_stages(), crp_model::Priority::Normal).await.unwrap();
        jobs::cancel(&db.store, &scope, job).await.unwrap();
        let third = db.at_rest(&scope, "three", plan()).await;
        db.advance(20.0 * DAY);
        let due = async |retention: Retention| {
            retention::set(&db.store, &scope, &retention).await.unwrap();
            let due = db.due().await;
            let counted = retention::affected(&db.store, &scope, &retention).await.unwrap();
            assert_eq!(counted.documents, due.len() as u64, "the count and the list agree");
            due
        };
        assert_eq!(due(days(None, &[("short", Some(10))])).await, [document], "the other pipelines keep for ever");
        assert_eq!(due(days(Some(10), &[])).await, [document, second, third]);
        assert_eq!(due(days(Some(10), &[("short", Some(30))])).await, [third], "a pipeline goes before the organization");
        assert_eq!(due(days(Some(10), &[("short", Some(10)), ("two", None)])).await, [document, third], "no days are for ever");
        assert_eq!(due(days(Some(30), &[("short", Some(5)), ("two", Some(20))])).await, [document, second]);
        assert_eq!(due(days(Some(30), &[("short", Some(5)), ("two", Some(21))])).await, [document]);
    }

    async fn a_document_with_a_job_that_has_not_ended_is_not_due(db: TestDb) {
        let scope = db.organization("one").await;
        retention::set(&db.store, &scope, &days(Some(1), &[])).await.unwrap();
        let added = db.upload(&scope, "bytes", plan()).await;
        db.advance(2.0 * DAY);
        assert!(db.due().await.is_empty(), "it is queued");
        db.claim(TaskKind::Inspect).await;
        assert!(db.due().await.is_empty() && !retention::expire(&db.store, &scope, added.document).await.unwrap(), "it is running");
        assert!(!db.is_trashed(&scope, added.document).await);
    }

    async fn a_shorter_retention_that_was_taken_back_in_time_moves_nothing(db: TestDb) {
        let scope = db.organization("one").await;
        let document = db.at_rest(&scope, "bytes", plan()).await;
        db.advance(40.0 * DAY);
        retention::set(&db.store, &scope, &days(Some(30), &[])).await.unwrap();
        assert_eq!(db.due().await, [document]);
        retention::set(&db.store, &scope, &days(Some(60), &[])).await.unwrap();
        assert!(!retention::expire(&db.store, &scope, document).await.unwrap(), "what is set now counts, not what was read before");
    }

    async fn a_hold_keeps_a_document_from_everyone_and_everything_until_it_is_lifted(db: TestDb) {
        let scope = db.organization("one").await;
        let (store, system) = (&db.store, Scope::system(scope.organization));
        let document = db.at_rest(&scope, "bytes", plan()).await;
        retention::set(store, &scope, &days(Some(30), &[])).await.unwrap();
        db.advance(1.0);
        let held = documents::hold(store, &scope, document, "lawsuit 17").await.unwrap().hold.unwrap();
        assert_eq!((held.by, held.by_email.as_deref(), held.reason.as_str()), (scope.actor, Some("owner@one.example"), "lawsuit 17"));
        assert_eq!(held.at, db.clock_now());
        db.advance(40.0 * DAY);
        assert!(db.due().await.is_empty());
        let set = retention::get(store, &scope).await.unwrap();
        assert_eq!(retention::affected(store, &scope, &set).await.unwrap(), Affected { documents: 0, on_hold: 1 });
        for scope in [&scope, &system] {
            assert!(is_on_hold(retention::expire(store, scope, document).await));
            assert!(is_on_hold(documents::trash(store, scope, document).await));
            assert!(is_on_hold(documents::delete(store, scope, document).await));
        }
        let listed = DocumentFilter { on_hold: true, ..DocumentFilter::default() };
        assert_eq!(documents::list(store, &scope, &listed, DocumentSort::Newest, None, 10).await.unwrap().items.len(), 1);
        assert_eq!(documents::release(store, &scope, document).await.unwrap().hold, None);
        assert!(documents::list(store, &scope, &listed, DocumentSort::Newest, None, 10).await.unwrap().items.is_empty());
        db.advance(1.0);
        assert!(retention::expire(store, &scope, document).await.unwrap());
        let log = audit::list(store, &scope, None, 3).await.unwrap().items;
        let told: Vec<&str> = log.iter().map(|line| line.action.as_str()).collect();
        assert_eq!(told, ["document.expired", "document.hold_lifted", "document.held"]);
        assert_eq!((log[1].actor, &log[1].detail["reason"]), (scope.actor, &serde_json::json!("lawsuit 17")));
    }

    async fn a_hold_keeps_what_lies_in_the_trash_already(db: TestDb) {
        let scope = db.organization("one").await;
        let document = db.at_rest(&scope, "bytes", plan()).await;
        documents::trash(&db.store, &scope, document).await.unwrap();
        documents::hold(&db.store, &scope, document, "lawsuit").await.unwrap();
        db.advance(40.0 * DAY);
        let before = db.clock_now().minus(Duration::from_secs(1));
        assert!(documents::expired_trash(&db.store, before, 10).await.unwrap().is_empty());
        assert!(is_on_hold(documents::delete_from_trash(&db.store, &scope, document, before).await));
        documents::restore(&db.store, &scope, document).await.unwrap();
        assert!(is_on_hold(documents::trash(&db.store, &scope, document).await));
    }

    async fn a_hold_keeps_its_first_words_until_others_are_given(db: TestDb) {
        let scope = db.organization("one").await;
        let document = db.at_rest(&scope, "bytes", plan()).await;
        let first = documents::hold(&db.store, &scope, document, "lawsuit").await.unwrap().hold;
        db.advance(5.0);
        assert_eq!(documents::hold(&db.store, &Scope::system(scope.organization), document, "lawsuit").await.unwrap().hold, first);
        let second = documents::hold(&db.store, &Scope::system(scope.organization), document, "audit").await.unwrap().hold.unwrap();
        assert_eq!((second.by, second.reason.as_str(), second.at), (None, "audit", db.clock_now()));
        let log = audit::list(&db.store, &scope, None, 2).await.unwrap().items;
        assert_eq!((&log[0].detail["before"], &log[1].detail["before"]), (&serde_json::json!("lawsuit"), &serde_json::json!(null)));
    }

    async fn a_hold_that_comes_at_the_same_moment_as_the_deletion_is_never_overlooked(db: TestDb) {
        let scope = db.organization("one").await;
        for round in 0..20 {
            let document = db.at_rest(&scope, &format!("bytes {round}"), plan()).await;
            let (one, two) = (db.store.clone(), db.store.clone());
            let hold = tokio::spawn(async move { documents::hold(&one, &scope, document, "lawsuit").await });
            let delete = tokio::spawn(async move { documents::delete(&two, &scope, document).await });
            let (held, deleted) = (hold.await.unwrap(), delete.await.unwrap());
            match deleted {
                Ok(_) => assert_eq!(held.unwrap_err(), StoreError::NotFound),
                refused => assert!(is_on_hold(refused) && held.is_ok()),
            }
        }
    }
}
