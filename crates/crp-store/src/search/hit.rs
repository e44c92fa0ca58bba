//! Where on its pages a document was found.

use std::collections::HashMap;

use crp_model::{DocumentId, JobId, Scope};

use super::{
    organization_lexeme, organization_word,
    query::SearchQuery,
    sentence::{Hit, best_place},
};
use crate::{
    DatabaseKind, StoreError,
    sql::{Composed, args, sql},
    transaction::Tx,
    value::Value,
};

sql! {
    NEXT_PAGE =
        "SELECT page, content FROM page_texts
         WHERE organization = $1 AND job = $2 AND page > $3 AND page <= $4 ORDER BY page LIMIT 1";
}

/// First and last page of a part.
type Stretch = (u32, u32);

/// The best place of each document whose pages hold what is looked for; the others were found by name, title or tags.
pub(crate) async fn hits(
    tx: &mut Tx,
    scope: &Scope,
    query: &SearchQuery,
    documents: &[(DocumentId, JobId)],
) -> Result<HashMap<DocumentId, Hit>, StoreError> {
    let mut hits = HashMap::new();
    let parts = found_parts(tx, scope, query, documents).await?;
    for (document, text_job) in documents {
        let Some(pages) = parts.get(document) else { continue };
        if let Some(hit) = hit(tx, scope, query, *text_job, *pages).await? {
            hits.insert(*document, hit);
        }
    }
    Ok(hits)
}

/// The pages of each of these found documents that are looked at. Nearly every document has one part, which then is what was found;
/// among the parts of a book the index is asked once for all books, since a question costs it as much as all that it finds.
async fn found_parts(
    tx: &mut Tx,
    scope: &Scope,
    query: &SearchQuery,
    documents: &[(DocumentId, JobId)],
) -> Result<HashMap<DocumentId, Stretch>, StoreError> {
    let mut found = HashMap::new();
    if documents.is_empty() {
        return Ok(found);
    }
    let mut books = Vec::new();
    for row in tx.composed(parts_of(scope, documents.iter().map(|(document, _)| *document))).await? {
        let document: DocumentId = row.get("document")?;
        if row.get::<u32>("parts")? == 1 {
            found.insert(document, (row.get("first_page")?, row.get("last_page")?));
        } else {
            books.push(document);
        }
    }
    if !books.is_empty() {
        let question = for_index(tx, scope, query);
        for row in tx.composed(matching_parts(tx.store().kind(), scope, books.into_iter(), &question)).await? {
            // The first in the order of pages.
            found.entry(row.get("document")?).or_insert((row.get("first_page")?, row.get("last_page")?));
        }
    }
    Ok(found)
}

/// How many parts documents have, and from which page to which.
fn parts_of(scope: &Scope, documents: impl Iterator<Item = DocumentId>) -> Composed {
    let mut sql = Composed::new("PARTS_OF_DOCUMENTS");
    sql.add(
        "SELECT p.document, count(*) AS parts, min(p.first_page) AS first_page, max(p.last_page) AS last_page
         FROM search_parts p WHERE p.organization = ? AND p.document IN",
        args![scope.organization],
    );
    sql.add_list(documents.map(Value::from).collect());
    sql.add("GROUP BY p.document", vec![]);
    sql
}

/// The parts of these documents that the index finds, in the order of their pages.
fn matching_parts(kind: DatabaseKind, scope: &Scope, documents: impl Iterator<Item = DocumentId>, question: &str) -> Composed {
    let mut sql = Composed::new("MATCHING_PARTS");
    match kind {
        DatabaseKind::Sqlite => {
            sql.add(
                "SELECT p.document, p.first_page, p.last_page FROM search_parts p WHERE p.organization = ? AND p.document IN",
                args![scope.organization],
            );
            sql.add_list(documents.map(Value::from).collect());
            // With the sign no plan asks the index for each part.
            sql.add(
                "AND +p.id IN (SELECT i.rowid FROM search_index i WHERE i.search_index MATCH ?) ORDER BY p.document, p.first_page",
                args![question],
            );
        }
        DatabaseKind::Postgres => {
            // Put aside, so that no plan asks the index for everything that it finds.
            sql.add(
                "WITH theirs AS MATERIALIZED (SELECT p.document, p.first_page, p.last_page, p.words FROM search_parts p
                 WHERE p.organization = ? AND p.document IN",
                args![scope.organization],
            );
            sql.add_list(documents.map(Value::from).collect());
            sql.add(
                ") SELECT document, first_page, last_page FROM theirs WHERE words @@ CAST(? AS text)::tsquery ORDER BY document, first_page",
                args![question],
            );
        }
    }
    sql
}

/// The text of a question for the database's own index.
pub(crate) fn for_index(tx: &Tx, scope: &Scope, query: &SearchQuery) -> String {
    match tx.store().kind() {
        DatabaseKind::Sqlite => query.fts5(&organization_word(scope.organization)),
        DatabaseKind::Postgres => query.tsquery(&organization_lexeme(scope.organization)),
    }
}

async fn hit(tx: &mut Tx, scope: &Scope, query: &SearchQuery, text_job: JobId, (first, last): Stretch) -> Result<Option<Hit>, StoreError> {
    let mut best: Option<(usize, Hit)> = None;
    let mut page = first.saturating_sub(1);
    while let Some(row) = tx.one(&NEXT_PAGE, args![scope.organization, text_job, page, last]).await? {
        page = row.get("page")?;
        let content: String = row.get("content")?;
        let Some(found) = best_place(&content, query) else { continue };
        if best.as_ref().is_none_or(|(terms, _)| found.terms > *terms) {
            best = Some((found.terms, Hit { page, parts: found.parts }));
        }
        if found.terms == query.terms.len() {
            break;
        }
    }
    Ok(best.map(|(_, hit)| hit))
}

/// Both statements about parts, for tests of all statements.
#[cfg(test)]
pub(crate) fn every_statement(kind: DatabaseKind) -> [Composed; 2] {
    let scope = Scope::system(crp_model::OrganizationId(uuid::Uuid::nil()));
    let documents = [DocumentId(uuid::Uuid::nil()); 2];
    let query = SearchQuery::parse("\"two words\" be").expect("a short question").expect("words");
    let question = match kind {
        DatabaseKind::Sqlite => query.fts5("x"),
        DatabaseKind::Postgres => query.tsquery("@x"),
    };
    [parts_of(&scope, documents.into_iter()), matching_parts(kind, &scope, documents.into_iter(), &question)]
}
