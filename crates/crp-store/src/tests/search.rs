//! Searching: what is found, where, by whom, and in which order; no text is a syntax error.

use crp_model::{DocumentId, DocumentName, Scope, TaskKind};

use super::{
    both_engines,
    fixtures::{good_page, plan, two_stages},
    harness::TestDb,
};
use crate::{
    documents::{self, Added, DocumentChange, DocumentFilter, DocumentRow, DocumentSort},
    jobs,
    search::SearchQuery,
    tasks,
};

/// Uploads a document of this name, a second after everything before it.
pub(super) async fn upload(db: &TestDb, scope: &Scope, name: &str) -> Added {
    db.advance(1.0);
    let mut new = db.new_document(scope, name, plan());
    new.name = DocumentName::from_client(name).unwrap();
    documents::add_with_job(&db.store, scope, new).await.unwrap()
}

/// Takes the oldest job to its end; its pages hold these texts.
pub(super) async fn read(db: &TestDb, texts: &[&str]) {
    let assemble = read_up_to_assembly(db, texts).await;
    tasks::finish_stage(&db.store, &assemble, &[], &[]).await.unwrap();
}

async fn read_up_to_assembly(db: &TestDb, texts: &[&str]) -> tasks::ClaimedTask {
    db.inspect(u32::try_from(texts.len()).unwrap(), 1).await;
    for _ in texts {
        let task = db.claim(TaskKind::Pages).await;
        let page = task.range.unwrap().first;
        tasks::save_page(&db.store, &task, &good_page(&task, page), texts[page.index()]).await.unwrap();
        tasks::finish_pages(&db.store, &task).await.unwrap();
    }
    db.claim(TaskKind::Assemble).await
}

pub(super) async fn found(db: &TestDb, scope: &Scope, question: &str, sort: DocumentSort) -> Vec<DocumentRow> {
    let filter = DocumentFilter { words: SearchQuery::parse(question).unwrap(), ..DocumentFilter::default() };
    documents::list(&db.store, scope, &filter, sort, None, 100).await.unwrap().items
}

async fn ids(db: &TestDb, scope: &Scope, question: &str) -> Vec<DocumentId> {
    found(db, scope, question, DocumentSort::Newest).await.into_iter().map(|row| row.id).collect()
}

fn shown(row: &DocumentRow) -> Option<(u32, String)> {
    let hit = row.hit.as_ref()?;
    Some((hit.page, hit.parts.iter().map(|part| if part.is_match { format!("[{}]", part.text) } else { part.text.clone() }).collect()))
}

both_engines! {
    async fn words_of_pages_name_title_and_tags_find_a_document_and_its_page(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "Kündigung 2026.pdf").await.document;
        assert_eq!(ids(&db, &scope, "kundigung").await, [document], "the name is found before anything was read");
        read(&db, &["Sehr geehrte Frau Müller.\n", "Die offene\nRechnung Nr. 4711-B ist fällig. Danke.\n"]).await;
        let change = DocumentChange { title: Some(Some("Strom".to_owned())), tags: Some(vec!["Haus & Hof".to_owned()]), ..DocumentChange::default() };
        documents::change(&db.store, &scope, document, &change).await.unwrap();
        let hit = |page, text: &str| Some((page, text.to_owned()));
        let cases = [
            ("mueller", None),
            ("MULLER", Some(hit(1, "Sehr geehrte Frau [Müller]."))),
            ("rech", Some(hit(2, "Die offene [Rechnung] Nr. 4711-B ist fällig."))),
            ("\"offene Rechnung\"", Some(hit(2, "Die [offene Rechnung] Nr. 4711-B ist fällig."))),
            ("\"Rechnung offene\"", None),
            ("4711-b", Some(hit(2, "Die offene Rechnung Nr. [4711-B] ist fällig."))),
            ("geehrte fällig", Some(hit(1, "Sehr [geehrte] Frau Müller."))),
            ("strom 2026 hof rechnung", Some(hit(2, "Die offene [Rechnung] Nr. 4711-B ist fällig."))),
            ("strom haus", Some(None)),
            ("rechnung fehlt", None),
            ("rech danke", None),
        ];
        for (question, expected) in cases {
            for sort in DocumentSort::ALL {
                let rows = found(&db, &scope, question, sort).await;
                assert_eq!(rows.first().map(shown), expected, "{question} by {}", sort.as_str());
            }
        }
    }

    async fn a_search_finds_nothing_of_another_organization(db: TestDb) {
        let (owner, stranger) = (db.organization("owner").await, db.organization("stranger").await);
        let mine = upload(&db, &owner, "mine.pdf").await.document;
        read(&db, &["secret words"]).await;
        let theirs = upload(&db, &stranger, "theirs.pdf").await.document;
        read(&db, &["secret words"]).await;
        for sort in DocumentSort::ALL {
            assert_eq!(found(&db, &owner, "secret", sort).await.iter().map(|row| row.id).collect::<Vec<_>>(), [mine]);
            assert_eq!(found(&db, &stranger, "secret", sort).await.iter().map(|row| row.id).collect::<Vec<_>>(), [theirs]);
        }
        let word = owner.organization.0.simple().to_string();
        assert!(ids(&db, &stranger, &word).await.is_empty() && ids(&db, &stranger, &format!("@{word}")).await.is_empty());
    }

    async fn the_text_of_the_newest_job_that_succeeded_counts(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "a.pdf").await.document;
        let assemble = read_up_to_assembly(&db, &["first"]).await;
        assert!(ids(&db, &scope, "first").await.is_empty(), "the job has not succeeded yet");
        tasks::finish_stage(&db.store, &assemble, &[], &[]).await.unwrap();
        assert_eq!(ids(&db, &scope, "first").await, [document]);
        db.advance(1.0);
        let failed = jobs::add_job(&db.store, &scope, document, &two_stages(), crp_model::Priority::Normal).await.unwrap();
        read(&db, &["second"]).await;
        assert!(ids(&db, &scope, "second").await.is_empty(), "its second stage has not run yet");
        jobs::cancel(&db.store, &scope, failed).await.unwrap();
        assert_eq!(ids(&db, &scope, "first").await, [document], "a job that did not succeed changes nothing");
        db.advance(1.0);
        jobs::add_job(&db.store, &scope, document, &plan(), crp_model::Priority::Normal).await.unwrap();
        read(&db, &["third"]).await;
        assert!(ids(&db, &scope, "first").await.is_empty());
        assert_eq!(ids(&db, &scope, "third").await, [document]);
        documents::delete(&db.store, &scope, document).await.unwrap();
        assert!(ids(&db, &scope, "third").await.is_empty());
    }

    async fn no_text_that_somebody_types_is_an_error(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "a.pdf").await.document;
        read(&db, &["Robert'); DROP TABLE documents;-- & | ! : * ( ) <-> \\ \" ' NEAR AND OR NOT \0 end"]).await;
        let hostile = [
            "\"", "'", "''", "\"\"", "*", "a*", "(", ")", "()", "-", "NOT", "AND", "OR", "NEAR(a b)", "a NEAR b", "about:x", "words : x",
            "organization:x", "^a", "a ^ b", "{a b}:c", "a + b", "a <-> b", "a:*", "!a", "a & | b", "\\", "\\'", "x'); DROP TABLE documents;--",
            "$1", "?", "?1", ":p", "@x", "%", "_", "\0", "a\0b", "\u{202e}", "\u{feff}", "é\u{301}\u{301}", "\u{1f600}", "𝔘𝔫𝔦", "½", "İ",
            "\"unclosed phrase", "a \"b\" c\"d", "''''''", "--", "/* */", "0x41", "1e309", "\n\t\r", "请求书", "العربية", "हिन्दी",
        ];
        for question in hostile {
            for sort in DocumentSort::ALL {
                found(&db, &scope, question, sort).await;
            }
        }
        assert_eq!(ids(&db, &scope, "x'); DROP TABLE documents;--").await, []);
        assert_eq!(ids(&db, &scope, "Robert'); DROP TABLE").await, [document]);
        assert_eq!(ids(&db, &scope, "--").await, [document], "without a word it is no search");
    }

    async fn scripts_without_blanks_and_decomposed_letters_are_found(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "a.pdf").await.document;
        read(&db, &["請求書です。支払いは三十日以内。 हिन्दी भाषा Cafe\u{301} ﬁnal"]).await;
        for question in ["請求書", "支払", "三十日以内", "हिन्दी", "café", "CAFE", "final", "fin"] {
            assert_eq!(ids(&db, &scope, question).await, [document], "{question}");
        }
        assert_eq!(ids(&db, &scope, "請書").await, [], "its characters do not stand in a row");
    }

    async fn what_people_wrote_counts_more_than_what_a_page_mentions(db: TestDb) {
        let scope = db.organization("one").await;
        let titled = upload(&db, &scope, "Mietvertrag.pdf").await.document;
        read(&db, &["Wohnung"]).await;
        let mentions = upload(&db, &scope, "Brief.pdf").await.document;
        read(&db, &["Im Mietvertrag steht es anders, und noch vieles andere steht in diesem langen Brief."]).await;
        let ranked = found(&db, &scope, "mietvertrag", DocumentSort::Relevance).await;
        assert_eq!(ranked.iter().map(|row| row.id).collect::<Vec<_>>(), [titled, mentions]);
    }

    async fn a_book_is_found_by_its_last_page(db: TestDb) {
        let scope = db.organization("one").await;
        let document = upload(&db, &scope, "book.pdf").await.document;
        let page = "filler ".repeat(5_000);
        let last = format!("{page} needle in hay");
        read(&db, &[&page, &page, &page, &page, &last]).await;
        let rows = found(&db, &scope, "\"needle in hay\"", DocumentSort::Newest).await;
        assert_eq!(rows.iter().map(|row| (row.id, row.hit.as_ref().unwrap().page)).collect::<Vec<_>>(), [(document, 5)]);
        assert_eq!(found(&db, &scope, "filler", DocumentSort::Relevance).await.len(), 1, "a document of several parts is one document");
    }
}
