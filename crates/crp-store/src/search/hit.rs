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
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    // The parts of the document that the index found; nearly every document has one part.
    FOUND_PARTS =
        sqlite "SELECT p.first_page, p.last_page FROM search_parts p CROSS JOIN search_index i ON i.rowid = p.id
                WHERE p.organization = $1 AND p.document = $2 AND i.search_index MATCH $3 ORDER BY p.id LIMIT 1",
        postgres "SELECT p.first_page, p.last_page FROM search_parts p
                  WHERE p.organization = $1 AND p.document = $2 AND p.words @@ CAST($3 AS text)::tsquery ORDER BY p.id LIMIT 1";
    NEXT_PAGE =
        "SELECT page, content FROM page_texts
         WHERE organization = $1 AND job = $2 AND page > $3 AND page <= $4 ORDER BY page LIMIT 1";
}

/// The best place of each document whose pages hold what is looked for; the others were found by name, title or tags.
pub(crate) async fn hits(
    tx: &mut Tx,
    scope: &Scope,
    query: &SearchQuery,
    documents: &[(DocumentId, JobId)],
) -> Result<HashMap<DocumentId, Hit>, StoreError> {
    let mut hits = HashMap::new();
    for (document, text_job) in documents {
        if let Some(hit) = hit(tx, scope, query, *document, *text_job).await? {
            hits.insert(*document, hit);
        }
    }
    Ok(hits)
}

/// The text of a question for the database's own index.
pub(crate) fn for_index(tx: &Tx, scope: &Scope, query: &SearchQuery) -> String {
    match tx.store().kind() {
        DatabaseKind::Sqlite => query.fts5(&organization_word(scope.organization)),
        DatabaseKind::Postgres => query.tsquery(&organization_lexeme(scope.organization)),
    }
}

async fn hit(tx: &mut Tx, scope: &Scope, query: &SearchQuery, document: DocumentId, text_job: JobId) -> Result<Option<Hit>, StoreError> {
    let question = for_index(tx, scope, query);
    let Some(part) = tx.one(&FOUND_PARTS, args![scope.organization, document, question.as_str()]).await? else { return Ok(None) };
    let (first, last): (u32, u32) = (part.get("first_page")?, part.get("last_page")?);
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
