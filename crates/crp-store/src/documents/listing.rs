//! The statement behind a list of documents: put together from constant clauses, so that each question has a plan of its own.
//!
//! Every order has an index of what is not in the trash, so that a list without filters reads only its rows. A search is either
//! answered from the index of words (few documents have them) or checked document by document in the list's order (many have them, so a
//! page is full soon).

use crp_model::{Day, JobStatus, Scope};

use super::{
    DocumentFilter, DocumentSort,
    cursor::{DocumentCursor, SortKey},
};
use crate::{
    DatabaseKind, like,
    sql::{Composed, args},
    value::Value,
};

/// Found documents that are ranked by relevance: the newest of them, since ranking reads every one.
pub(crate) const MAX_RANKED: u32 = 1_000;

/// How a search is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// From the index of words.
    FromIndex(String),
    /// Document by document; on PostgreSQL the planner may still decide otherwise.
    ByDocument(String),
}

/// What a list is made of.
pub(super) struct Listing<'a> {
    pub(super) kind: DatabaseKind,
    pub(super) scope: &'a Scope,
    pub(super) filter: &'a DocumentFilter,
    pub(super) words: Option<Words>,
    pub(super) sort: DocumentSort,
    pub(super) cursor: Option<&'a DocumentCursor>,
    pub(super) limit: u32,
}

/// The columns of a document, before `FROM`.
pub(super) const COLUMNS: &str =
    "SELECT d.id, d.name, d.media_type, d.size_bytes, d.sha256, d.pages_total, d.duplicate_of, d.created_by, d.created_at,
        d.title, d.document_date, d.trashed_at, d.held_at, d.held_by, d.hold_reason, d.sort_title, d.text_job, COALESCE(d.document_date, d.created_at / 86400000000) AS day,
        j.id AS latest_job, j.status AS latest_status, j.plan ->> 'pipeline' AS latest_pipeline,
        (SELECT u.email FROM users u WHERE u.id = d.held_by) AS held_by_email,
        (SELECT t.id FROM jobs t JOIN pages g ON g.job = t.id AND g.stage_index = 0 AND g.page = 1
          WHERE t.document = d.id AND g.thumbnail_key IS NOT NULL ORDER BY t.created_at DESC, t.id DESC LIMIT 1) AS thumbnail_job";

/// The newest job of each document.
pub(super) const NEWEST_JOB: &str =
    "LEFT JOIN jobs j ON j.id = (SELECT n.id FROM jobs n WHERE n.document = d.id ORDER BY n.created_at DESC, n.id DESC LIMIT 1)";

impl Listing<'_> {
    /// The statement for one row more than the limit.
    pub(super) fn statement(&self) -> Composed {
        let mut sql = Composed::new("LIST_DOCUMENTS");
        match (&self.words, self.sort) {
            (Some(words), DocumentSort::Relevance) => self.ranked(&mut sql, words),
            _ => self.ordered(&mut sql),
        }
        sql.add("LIMIT ?", args![self.limit + 1]);
        sql
    }

    fn ordered(&self, sql: &mut Composed) {
        sql.add(COLUMNS, vec![]);
        sql.add("FROM documents d", vec![]);
        sql.add(NEWEST_JOB, vec![]);
        self.filters(sql);
        match (&self.words, self.kind) {
            (None, _) => {}
            (Some(Words::FromIndex(question)), DatabaseKind::Sqlite) => sql.add(
                "AND d.id IN (SELECT p.document FROM search_index i CROSS JOIN search_parts p ON p.id = i.rowid WHERE i.search_index MATCH ?)",
                args![question.as_str()],
            ),
            // An array is made once, so that the plan cannot be to look at every document.
            (Some(Words::FromIndex(question)), DatabaseKind::Postgres) => sql.add(
                "AND d.id = ANY (ARRAY(SELECT p.document FROM search_parts p WHERE p.words @@ CAST(? AS text)::tsquery))",
                args![question.as_str()],
            ),
            (Some(Words::ByDocument(question)), DatabaseKind::Postgres) => sql.add(
                "AND d.id IN (SELECT p.document FROM search_parts p WHERE p.words @@ CAST(? AS text)::tsquery)",
                args![question.as_str()],
            ),
            (Some(Words::ByDocument(question)), DatabaseKind::Sqlite) => sql.add(
                // The index is asked once; with the sign no plan walks what it found for each document.
                "AND EXISTS (SELECT 1 FROM search_parts p WHERE p.document = d.id
                              AND +p.id IN (SELECT i.rowid FROM search_index i WHERE i.search_index MATCH ?))",
                args![question.as_str()],
            ),
        }
        self.order(sql);
    }

    /// The newest found documents with their weight; the smallest weight is the best.
    fn ranked(&self, sql: &mut Composed, words: &Words) {
        match (self.kind, words) {
            (DatabaseKind::Sqlite, Words::FromIndex(question) | Words::ByDocument(question)) => self.ranked_by_bm25(sql, question),
            (DatabaseKind::Postgres, words) => self.ranked_by_ts_rank(sql, words),
        }
        sql.add(COLUMNS, vec![]);
        sql.add(", r.weight FROM ranked r JOIN documents d ON d.id = r.document", vec![]);
        sql.add(NEWEST_JOB, vec![]);
        if let Some(DocumentCursor { key: SortKey::Weight(weight), id, .. }) = self.cursor {
            sql.add("WHERE r.weight > ? OR (r.weight = ? AND d.id < ?)", args![*weight, *weight, *id]);
        }
        sql.add("ORDER BY r.weight, d.id DESC", vec![]);
    }

    fn ranked_by_bm25(&self, sql: &mut Composed, question: &str) {
        sql.add(
            "WITH found AS MATERIALIZED (
             SELECT p.document AS document, bm25(i.search_index, 0.0, 10.0, 1.0) AS weight
             FROM search_index i CROSS JOIN search_parts p ON p.id = i.rowid",
            vec![],
        );
        // Few documents: their ids once, instead of a look at every document that has the words.
        let few = self.few_pass();
        sql.add(
            if few { "WHERE p.document IN (SELECT d.id FROM documents d" } else { "CROSS JOIN documents d ON d.id = p.document" },
            vec![],
        );
        sql.add(NEWEST_JOB, vec![]);
        self.filters(sql);
        sql.add(if few { ")" } else { "" }, vec![]);
        sql.add("AND i.search_index MATCH ? ORDER BY i.rowid DESC LIMIT ?)", args![question, MAX_RANKED]);
        sql.add(", ranked AS MATERIALIZED (SELECT document, min(weight) AS weight FROM found GROUP BY document)", vec![]);
    }

    fn ranked_by_ts_rank(&self, sql: &mut Composed, words: &Words) {
        let (Words::FromIndex(question) | Words::ByDocument(question)) = words;
        let question = question.as_str();
        // What is rare is found in the index before anything else is asked; otherwise a plan may read the words of each document from
        // the newest on, which is right only where many have them.
        if let Words::FromIndex(_) = words {
            sql.add(
                "WITH matching AS MATERIALIZED (SELECT m.id, m.document FROM search_parts m WHERE m.words @@ CAST(? AS text)::tsquery),
                 found AS MATERIALIZED (SELECT p.id, p.document FROM matching p JOIN documents d ON d.id = p.document",
                args![question],
            );
        } else {
            sql.add(
                "WITH found AS MATERIALIZED (SELECT p.id, p.document FROM search_parts p JOIN documents d ON d.id = p.document",
                vec![],
            );
        }
        sql.add(NEWEST_JOB, vec![]);
        self.filters(sql);
        if let Words::ByDocument(_) = words {
            sql.add("AND p.words @@ CAST(? AS text)::tsquery", args![question]);
        }
        sql.add("ORDER BY p.id DESC LIMIT ?)", args![MAX_RANKED]);
        // Weights of D, C, B, A; 1 divides by the logarithm of the length.
        sql.add(
            ", ranked AS MATERIALIZED (
             SELECT f.document, min(CAST(-ts_rank('{0.1, 0.2, 0.4, 1.0}', p.words, CAST(? AS text)::tsquery, 1) AS double precision)) AS weight
             FROM found f JOIN search_parts p ON p.id = f.id GROUP BY f.document)",
            args![question],
        );
    }

    /// Whether an index leads to the few documents that pass the filters.
    fn few_pass(&self) -> bool {
        !self.filter.tags.is_empty() || self.filter.on_hold || self.filter.status.is_some_and(|status| status != JobStatus::Succeeded)
    }

    /// `WHERE` and everything that does not depend on words or order.
    fn filters(&self, sql: &mut Composed) {
        let (filter, organization) = (self.filter, self.scope.organization);
        sql.add("WHERE d.organization = ?", args![organization]);
        sql.add(if filter.in_trash { "AND d.trashed_at IS NOT NULL" } else { "AND d.trashed_at IS NULL" }, vec![]);
        if filter.on_hold {
            sql.add("AND d.held_at IS NOT NULL", vec![]);
        }
        if let Some(status) = filter.status {
            sql.add("AND j.status = ?", args![status.as_str()]);
            // Most documents have a job that succeeded; of the others there are few, and an index leads to them.
            if status != JobStatus::Succeeded {
                sql.add(
                    "AND d.id IN (SELECT s.document FROM jobs s WHERE s.status = ? AND s.organization = ?)",
                    args![status.as_str(), organization],
                );
            }
        }
        if let Some(pipeline) = &filter.pipeline {
            sql.add("AND j.plan ->> 'pipeline' = ?", args![pipeline.as_str()]);
            sql.add(
                "AND d.id IN (SELECT r.document FROM jobs r WHERE r.organization = ? AND r.plan ->> 'pipeline' = ?)",
                args![organization, pipeline.as_str()],
            );
        }
        if let Some(name) = &filter.name_contains {
            sql.add("AND lower(d.name) LIKE ? ESCAPE '!'", args![like::contains(name).as_str()]);
        }
        for tag in &filter.tags {
            let folded = super::tags::folded(tag);
            sql.add(
                "AND d.id IN (SELECT x.document FROM document_tags x WHERE x.organization = ? AND x.folded = ?)",
                args![organization, folded.as_str()],
            );
        }
        if filter.from.is_some() || filter.to.is_some() {
            let (from, to) = (filter.from.unwrap_or(Day::FIRST), filter.to.unwrap_or(Day::LAST));
            sql.add("AND COALESCE(d.document_date, d.created_at / 86400000000) BETWEEN ? AND ?", args![from, to]);
        }
    }

    fn order(&self, sql: &mut Composed) {
        // The cursor's key is of this sort: whoever read the cursor has checked it.
        let after = self.cursor.map(|cursor| (key_of(&cursor.key), cursor.id));
        let (after_one, after_two, order) = match self.sort {
            DocumentSort::Newest | DocumentSort::Relevance => ("AND d.id < ?", "", "ORDER BY d.id DESC"),
            DocumentSort::Oldest => ("AND d.id > ?", "", "ORDER BY d.id"),
            DocumentSort::Title => ("", "AND (d.sort_title, d.id) > (?, ?)", "ORDER BY d.sort_title, d.id"),
            DocumentSort::TitleDescending => ("", "AND (d.sort_title, d.id) < (?, ?)", "ORDER BY d.sort_title DESC, d.id DESC"),
            DocumentSort::Date => (
                "",
                "AND (COALESCE(d.document_date, d.created_at / 86400000000), d.id) > (?, ?)",
                "ORDER BY COALESCE(d.document_date, d.created_at / 86400000000), d.id",
            ),
            DocumentSort::DateDescending => (
                "",
                "AND (COALESCE(d.document_date, d.created_at / 86400000000), d.id) < (?, ?)",
                "ORDER BY COALESCE(d.document_date, d.created_at / 86400000000) DESC, d.id DESC",
            ),
            DocumentSort::Largest => ("", "AND (d.size_bytes, d.id) < (?, ?)", "ORDER BY d.size_bytes DESC, d.id DESC"),
        };
        match after {
            Some((Some(key), id)) => sql.add(after_two, vec![key, Value::from(id)]),
            Some((None, id)) => sql.add(after_one, args![id]),
            None => {}
        }
        sql.add(order, vec![]);
    }
}

fn key_of(key: &SortKey) -> Option<Value> {
    match key {
        SortKey::None => None,
        SortKey::Number(number) => Some(Value::from(*number)),
        SortKey::Text(text) => Some(Value::from(text.as_str())),
        SortKey::Weight(weight) => Some(Value::from(*weight)),
    }
}

/// Every statement that a list can be put together to: each order with and without a cursor, each filter alone and all of them.
#[cfg(test)]
pub(crate) fn every_statement(kind: DatabaseKind) -> Vec<Composed> {
    use crp_model::{DocumentId, OrganizationId};
    let scope = Scope::system(OrganizationId(uuid::Uuid::nil()));
    let document = DocumentId(uuid::Uuid::nil());
    let mut all = vec![super::read::one(&scope, document), super::tags::of_documents(&scope, &[document, document])];
    let query = crate::search::SearchQuery::parse("\"two words\" be").unwrap().unwrap();
    let question = if kind == DatabaseKind::Sqlite { query.fts5("x") } else { query.tsquery("@x") };
    let ways = [None, Some(Words::FromIndex(question.clone())), Some(Words::ByDocument(question))];
    for filter in every_filter() {
        for (sort, words) in DocumentSort::ALL.into_iter().flat_map(|sort| ways.iter().map(move |words| (sort, words.clone()))) {
            if sort == DocumentSort::Relevance && words.is_none() {
                continue;
            }
            let key = match sort {
                DocumentSort::Newest | DocumentSort::Oldest => SortKey::None,
                DocumentSort::Title | DocumentSort::TitleDescending => SortKey::Text(String::new()),
                DocumentSort::Relevance => SortKey::Weight(0.0),
                _ => SortKey::Number(0),
            };
            let cursor = DocumentCursor { sort, key, id: uuid::Uuid::nil() };
            for cursor in [None, Some(&cursor)] {
                let listing = Listing { kind, scope: &scope, filter: &filter, words: words.clone(), sort, cursor, limit: 10 };
                all.push(listing.statement());
            }
        }
    }
    all
}

#[cfg(test)]
fn every_filter() -> Vec<DocumentFilter> {
    let text = Some("x".to_owned());
    let all = DocumentFilter {
        words: None,
        status: Some(JobStatus::Failed),
        pipeline: text.clone(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        from: Some(Day::FIRST),
        to: None,
        name_contains: text.clone(),
        on_hold: true,
        in_trash: true,
    };
    let none = DocumentFilter::default();
    vec![
        DocumentFilter { status: all.status, ..none.clone() },
        DocumentFilter { status: Some(JobStatus::Succeeded), ..none.clone() },
        DocumentFilter { pipeline: text.clone(), ..none.clone() },
        DocumentFilter { tags: all.tags.clone(), ..none.clone() },
        DocumentFilter { on_hold: true, ..none.clone() },
        DocumentFilter { to: Some(Day::LAST), ..none.clone() },
        DocumentFilter { name_contains: text, ..none.clone() },
        none,
        all,
    ]
}
