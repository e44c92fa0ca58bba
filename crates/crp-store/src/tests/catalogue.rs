//! Lists of documents: their orders and filters, tags, what people change, the trash.

use crp_model::{Day, JobStatus};

use super::{
    both_engines,
    fixtures::plan,
    harness::TestDb,
    search::{found, read, upload},
};
use crate::{
    StoreError, audit,
    documents::{self, DocumentChange, DocumentFilter, DocumentSort},
    jobs, overview,
    search::SearchQuery,
};
use crp_model::Scope;

/// Names of a list in pages of two, walked from cursor to cursor.
async fn walk(db: &TestDb, scope: &Scope, filter: &DocumentFilter, sort: DocumentSort) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let page = documents::list(&db.store, scope, filter, sort, cursor.as_ref(), 2).await.unwrap();
        assert!(page.items.len() <= 2);
        names.extend(page.items.iter().map(|row| row.name.as_str().to_owned()));
        match page.next {
            // As a client sends it back.
            Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            None => return names,
        }
    }
}

fn titled(title: &str) -> DocumentChange {
    DocumentChange { title: Some(Some(title.to_owned())), ..DocumentChange::default() }
}

fn dated(day: &str) -> DocumentChange {
    DocumentChange { document_date: Some(Some(day.parse().unwrap())), ..DocumentChange::default() }
}

fn tagged(tags: &[&str]) -> DocumentChange {
    DocumentChange { tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()), ..DocumentChange::default() }
}

/// Seven documents of different names, sizes and dates; they hold the word "common".
async fn seven(db: &TestDb, scope: &Scope) {
    for (name, title, day) in [
        ("delta.pdf", None, None),
        ("b.pdf", Some("Ärger"), Some("2024-05-01")),
        ("alpha-longer.pdf", None, Some("2024-05-01")),
        ("z.pdf", Some("arger"), None),
        ("Echo.pdf", None, Some("1999-12-31")),
        ("echo.pdf", None, Some("2030-01-01")),
        ("x.pdf", Some("Zulu"), None),
    ] {
        let document = upload(db, scope, name).await.document;
        read(db, &["common"]).await;
        let title = title.map(|title: &str| Some(title.to_owned()));
        let document_date = day.map(|day: &str| Some(day.parse().unwrap()));
        documents::change(&db.store, scope, document, &DocumentChange { title, document_date, ..DocumentChange::default() }).await.unwrap();
    }
}

both_engines! {
    async fn every_order_goes_on_from_page_to_page_with_and_without_a_search(db: TestDb) {
        let scope = db.organization("one").await;
        seven(&db, &scope).await;
        let all = DocumentFilter::default();
        let searched = DocumentFilter { words: SearchQuery::parse("common").unwrap(), ..all.clone() };
        let newest = ["x.pdf", "echo.pdf", "Echo.pdf", "z.pdf", "alpha-longer.pdf", "b.pdf", "delta.pdf"];
        let by_title = ["alpha-longer.pdf", "b.pdf", "z.pdf", "delta.pdf", "Echo.pdf", "echo.pdf", "x.pdf"];
        let by_date = ["Echo.pdf", "b.pdf", "alpha-longer.pdf", "delta.pdf", "z.pdf", "x.pdf", "echo.pdf"];
        let reversed = |names: [&'static str; 7]| names.into_iter().rev().collect::<Vec<_>>();
        for filter in [&all, &searched] {
            assert_eq!(walk(&db, &scope, filter, DocumentSort::Newest).await, newest);
            assert_eq!(walk(&db, &scope, filter, DocumentSort::Oldest).await, reversed(newest));
            assert_eq!(walk(&db, &scope, filter, DocumentSort::Title).await, by_title);
            assert_eq!(walk(&db, &scope, filter, DocumentSort::TitleDescending).await, reversed(by_title));
            assert_eq!(walk(&db, &scope, filter, DocumentSort::Date).await, by_date);
            assert_eq!(walk(&db, &scope, filter, DocumentSort::DateDescending).await, reversed(by_date));
            let largest = walk(&db, &scope, filter, DocumentSort::Largest).await;
            assert_eq!((largest.len(), largest[0].as_str()), (7, "alpha-longer.pdf"));
        }
        let mut ranked = walk(&db, &scope, &searched, DocumentSort::Relevance).await;
        ranked.sort();
        ranked.dedup();
        assert_eq!(ranked.len(), 7, "each is on exactly one page");
        let first = documents::list(&db.store, &scope, &all, DocumentSort::Title, None, 2).await.unwrap();
        let refused = documents::list(&db.store, &scope, &all, DocumentSort::Largest, first.next.as_ref(), 2).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "a cursor belongs to its order");
    }

    async fn filters_hold_one_by_one_and_together(db: TestDb) {
        let scope = db.organization("one").await;
        seven(&db, &scope).await;
        upload(&db, &scope, "queued.pdf").await;
        let names = async |filter: DocumentFilter| walk(&db, &scope, &filter, DocumentSort::Oldest).await;
        let none = DocumentFilter::default;
        let day = |text: &str| Some(text.parse::<Day>().unwrap());
        assert_eq!(names(DocumentFilter { status: Some(JobStatus::Queued), ..none() }).await, ["queued.pdf"]);
        assert_eq!(names(DocumentFilter { status: Some(JobStatus::Succeeded), ..none() }).await.len(), 7);
        assert_eq!(names(DocumentFilter { pipeline: Some("searchable-pdf".to_owned()), ..none() }).await.len(), 8);
        assert_eq!(names(DocumentFilter { pipeline: Some("other".to_owned()), ..none() }).await.len(), 0);
        assert_eq!(names(DocumentFilter { from: day("2024-05-01"), to: day("2024-05-01"), ..none() }).await, ["b.pdf", "alpha-longer.pdf"]);
        assert_eq!(names(DocumentFilter { to: day("1999-12-31"), ..none() }).await, ["Echo.pdf"]);
        let uploaded = day("2025-10-09");
        assert_eq!(names(DocumentFilter { from: uploaded, to: uploaded, ..none() }).await.len(), 4, "without a date the upload's day counts");
        let words = SearchQuery::parse("common").unwrap();
        let several = DocumentFilter { words, name_contains: Some("ECHO".to_owned()), from: day("2000-01-01"), ..none() };
        assert_eq!(names(several).await, ["echo.pdf"]);
    }

    async fn tags_keep_their_case_and_are_compared_without_it(db: TestDb) {
        let scope = db.organization("one").await;
        let one = upload(&db, &scope, "one.pdf").await.document;
        let two = upload(&db, &scope, "two.pdf").await.document;
        let changed = documents::change(&db.store, &scope, one, &tagged(&["Zoo", " Steuer ", "STEUER", "Äpfel"])).await.unwrap();
        assert_eq!(changed.tags, ["STEUER", "Zoo", "Äpfel"]);
        let add = DocumentChange { add_tags: vec!["steuer".to_owned(), "2026".to_owned()], remove_tags: vec!["ZOO".to_owned()], ..DocumentChange::default() };
        assert_eq!(documents::change(&db.store, &scope, two, &add).await.unwrap().tags, ["2026", "steuer"]);
        let listed = async || {
            let tags = documents::tags(&db.store, &scope).await.unwrap();
            tags.into_iter().map(|row| (row.tag.to_lowercase(), row.documents)).collect::<Vec<_>>()
        };
        let told = |tags: &[(&str, u64)]| tags.iter().map(|(tag, n)| ((*tag).to_owned(), *n)).collect::<Vec<_>>();
        assert_eq!(listed().await, told(&[("2026", 1), ("steuer", 2), ("zoo", 1), ("äpfel", 1)]));
        let both = DocumentFilter { tags: vec!["Steuer".to_owned(), "zoo".to_owned()], ..DocumentFilter::default() };
        assert_eq!(walk(&db, &scope, &both, DocumentSort::Newest).await, ["one.pdf"]);
        documents::trash(&db.store, &scope, one).await.unwrap();
        assert_eq!(listed().await, told(&[("2026", 1), ("steuer", 1)]));
        let many: Vec<String> = (0..49).map(|at| format!("tag {at}")).collect();
        let too_many = DocumentChange { add_tags: many, ..DocumentChange::default() };
        assert!(matches!(documents::change(&db.store, &scope, two, &too_many).await, Err(StoreError::Conflict(_))));
        assert_eq!(documents::get(&db.store, &scope, two).await.unwrap().tags, ["2026", "steuer"]);
    }

    async fn a_change_is_in_the_log_once_and_what_stays_the_same_is_no_change(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "one.pdf").await.document;
        documents::change(&db.store, &scope, document, &titled("Letter")).await.unwrap();
        documents::change(&db.store, &scope, document, &titled("Letter")).await.unwrap();
        let changed = documents::change(&db.store, &scope, document, &dated("2024-02-29")).await.unwrap();
        assert_eq!((changed.title.as_deref(), changed.document_date.map(|day| day.to_string())), (Some("Letter"), Some("2024-02-29".to_owned())));
        let cleared = DocumentChange { title: Some(None), document_date: Some(None), ..DocumentChange::default() };
        let changed = documents::change(&db.store, &scope, document, &cleared).await.unwrap();
        assert_eq!((changed.title, changed.document_date), (None, None));
        assert!(found(&db, &scope, "letter", DocumentSort::Newest).await.is_empty(), "what was removed is not found");
        let log = audit::list(&db.store, &scope, None, 100).await.unwrap();
        assert_eq!(log.items.iter().filter(|line| line.action == "document.changed").count(), 3);
        let stranger = db.organization("two").await;
        assert_eq!(documents::change(&db.store, &stranger, document, &titled("x")).await.unwrap_err(), StoreError::NotFound);
    }

    async fn the_trash_hides_a_document_everywhere_and_gives_it_back(db: TestDb) {
        let scope = db.organization("one").await;
        let (document, job) = {
            let added = upload(&db, &scope, "one.pdf").await;
            (added.document, added.job)
        };
        read(&db, &["needle"]).await;
        let at_work = upload(&db, &scope, "two.pdf").await;
        assert_eq!(documents::trash(&db.store, &scope, document).await.unwrap(), []);
        assert_eq!(documents::trash(&db.store, &scope, at_work.document).await.unwrap(), [at_work.job], "the caller stops its job");
        let all = DocumentFilter::default();
        let trashed = DocumentFilter { in_trash: true, ..all.clone() };
        assert_eq!(walk(&db, &scope, &all, DocumentSort::Newest).await.len(), 0);
        assert_eq!(walk(&db, &scope, &trashed, DocumentSort::Title).await, ["one.pdf", "two.pdf"]);
        assert!(found(&db, &scope, "needle", DocumentSort::Relevance).await.is_empty());
        assert_eq!(overview::organization_figures(&db.store, &scope).await.unwrap().documents, 0);
        assert!(documents::get(&db.store, &scope, document).await.unwrap().trashed_at.is_some());
        let refused = jobs::add_job(&db.store, &scope, document, &plan(), crp_model::Priority::Normal).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let refused = jobs::retry(&db.store, &scope, job).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let restored = documents::restore(&db.store, &scope, document).await.unwrap();
        assert_eq!(restored.trashed_at, None);
        assert_eq!(found(&db, &scope, "needle", DocumentSort::Relevance).await.len(), 1);
        let log = audit::list(&db.store, &scope, None, 100).await.unwrap();
        let count = |action: &str| log.items.iter().filter(|line| line.action == action).count();
        assert_eq!((count("document.trashed"), count("document.restored")), (2, 1));
        let stranger = db.organization("two").await;
        assert_eq!(documents::trash(&db.store, &stranger, document).await, Err(StoreError::NotFound));
        assert_eq!(documents::restore(&db.store, &stranger, document).await, Err(StoreError::NotFound));
    }

    async fn what_lay_in_the_trash_long_enough_is_deleted_unless_it_was_restored(db: TestDb) {
        let scope = db.organization("one").await;
        let (old, young) = (upload(&db, &scope, "old.pdf").await, upload(&db, &scope, "young.pdf").await);
        for added in [&old, &young] {
            jobs::cancel(&db.store, &scope, added.job).await.unwrap();
        }
        documents::trash(&db.store, &scope, old.document).await.unwrap();
        let before = db.store.ambient().now();
        db.advance(10.0);
        documents::trash(&db.store, &scope, young.document).await.unwrap();
        let expired = documents::expired_trash(&db.store, before, 10).await.unwrap();
        assert_eq!(expired, [(scope.organization, old.document)]);
        documents::restore(&db.store, &scope, old.document).await.unwrap();
        assert_eq!(documents::delete_from_trash(&db.store, &scope, old.document, before).await, Err(StoreError::NotFound));
        documents::trash(&db.store, &scope, old.document).await.unwrap();
        let now = db.store.ambient().now();
        assert!(documents::delete_from_trash(&db.store, &scope, old.document, now).await.unwrap().object_to_delete.is_some());
        assert_eq!(documents::get(&db.store, &scope, old.document).await, Err(StoreError::NotFound));
    }
}
