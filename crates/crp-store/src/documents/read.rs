//! Documents as they are shown.

use std::collections::HashMap;

use crp_model::{DocumentId, JobId, JobStatus, Scope};

use super::{
    Content, DocumentCursor, DocumentFilter, DocumentRow, DocumentSort, hold,
    listing::{COLUMNS, Listing, NEWEST_JOB, Words},
    tags,
};
use crate::{
    DatabaseKind, Page, Store, StoreError, paging,
    search::{self, SearchQuery},
    sql::{Composed, args, sql},
    transaction::Tx,
    value::Row,
};

/// From so many found documents on, documents are checked in the list's order instead of sorting all that were found.
const MANY_FOUND: u32 = if cfg!(test) { 3 } else { 2_000 };
/// The same for the newest documents, which are ranked then: joining and sorting what was found is cheap beside reading the words of
/// each document that is checked.
const MANY_FOUND_TO_RANK: u32 = if cfg!(test) { 3 } else { 20_000 };

sql! {
    CONTENT =
        "SELECT o.object_key, d.media_type, d.size_bytes, d.sha256, d.name
         FROM documents d JOIN originals o ON o.organization = d.organization AND o.sha256 = d.sha256
         WHERE d.organization = $1 AND d.id = $2";
    FOUND_UP_TO =
        sqlite "SELECT count(*) AS n FROM (SELECT rowid FROM search_index WHERE search_index MATCH $1 LIMIT $2)",
        postgres "SELECT count(*) AS n FROM (SELECT id FROM search_parts WHERE words @@ CAST($1 AS text)::tsquery LIMIT $2) AS found";
}

/// One document.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, document: DocumentId) -> Result<DocumentRow, StoreError> {
    let mut tx = store.read().await?;
    get_in(&mut tx, scope, document).await
}

/// One document, as this transaction sees it.
pub(super) async fn get_in(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<DocumentRow, StoreError> {
    let rows = tx.composed(one(scope, document)).await?;
    let mut found = read(rows.first().ok_or(StoreError::NotFound)?)?;
    tags::add_to(tx, scope, std::slice::from_mut(&mut found)).await?;
    Ok(found)
}

/// The statement for one document.
pub(super) fn one(scope: &Scope, document: DocumentId) -> Composed {
    let mut sql = Composed::new("GET_DOCUMENT");
    sql.add(COLUMNS, vec![]);
    sql.add("FROM documents d", vec![]);
    sql.add(NEWEST_JOB, vec![]);
    sql.add("WHERE d.organization = ? AND d.id = ?", args![scope.organization, document]);
    sql
}

/// The organization's documents, in this order. Without words in the filter, relevance means the newest first.
///
/// # Errors
/// `Conflict` when the cursor is of another order.
pub async fn list(
    store: &Store,
    scope: &Scope,
    filter: &DocumentFilter,
    sort: DocumentSort,
    cursor: Option<&DocumentCursor>,
    limit: u32,
) -> Result<Page<DocumentRow, DocumentCursor>, StoreError> {
    let limit = paging::clamp(limit);
    let sort = if filter.words.is_none() && sort == DocumentSort::Relevance { DocumentSort::Newest } else { sort };
    if cursor.is_some_and(|cursor| cursor.sort != sort) {
        return Err(StoreError::Conflict("The cursor is of a list in another order.".to_owned()));
    }
    let mut tx = store.read().await?;
    let words = match &filter.words {
        Some(query) => Some(how_to_search(&mut tx, scope, query, sort).await?),
        None => None,
    };
    let listing = Listing { kind: store.kind(), scope, filter, words, sort, cursor, limit };
    let rows = tx.composed(listing.statement()).await?;
    let kept = &rows[..rows.len().min(limit as usize)];
    let mut items = kept.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let next = match (rows.len() > kept.len(), kept.last(), items.last()) {
        (true, Some(row), Some(document)) => Some(cursor_behind(sort, row, document)?),
        _ => None,
    };
    tags::add_to(&mut tx, scope, &mut items).await?;
    if let Some(query) = &filter.words {
        add_hits(&mut tx, scope, query, kept, &mut items).await?;
    }
    Ok(Page { items, next })
}

async fn how_to_search(tx: &mut Tx, scope: &Scope, query: &SearchQuery, sort: DocumentSort) -> Result<Words, StoreError> {
    let question = search::for_index(tx, scope, query);
    let many = match (sort, tx.store().kind()) {
        // Its index gives the newest first by itself.
        (DocumentSort::Relevance, DatabaseKind::Sqlite) => return Ok(Words::FromIndex(question)),
        (DocumentSort::Relevance, DatabaseKind::Postgres) => MANY_FOUND_TO_RANK,
        _ => MANY_FOUND,
    };
    let found = tx.one(&FOUND_UP_TO, args![question.as_str(), many]).await?;
    let found: u32 = found.map_or(Ok(0), |row| row.get("n"))?;
    Ok(if found < many { Words::FromIndex(question) } else { Words::ByDocument(question) })
}

fn cursor_behind(sort: DocumentSort, row: &Row, document: &DocumentRow) -> Result<DocumentCursor, StoreError> {
    let title: String = row.get("sort_title")?;
    let weight = if sort == DocumentSort::Relevance { row.opt("weight")? } else { None };
    Ok(DocumentCursor::behind(sort, document, &title, row.get("day")?, weight))
}

async fn add_hits(tx: &mut Tx, scope: &Scope, query: &SearchQuery, rows: &[Row], items: &mut [DocumentRow]) -> Result<(), StoreError> {
    let mut texts: Vec<(DocumentId, JobId)> = Vec::new();
    for (row, document) in rows.iter().zip(items.iter()) {
        texts.extend(row.opt("text_job")?.map(|job| (document.id, job)));
    }
    let mut hits: HashMap<_, _> = search::hits(tx, scope, query, &texts).await?;
    for document in items {
        document.hit = hits.remove(&document.id);
    }
    Ok(())
}

/// Where the original's bytes are.
///
/// # Errors
/// `NotFound`.
pub async fn content(store: &Store, scope: &Scope, document: DocumentId) -> Result<Content, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&CONTENT, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    Ok(Content {
        object_key: row.get("object_key")?,
        media_type: row.get("media_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        name: row.get("name")?,
    })
}

fn read(row: &Row) -> Result<DocumentRow, StoreError> {
    let status: Option<JobStatus> = row.opt("latest_status")?;
    Ok(DocumentRow {
        id: row.get("id")?,
        name: row.get("name")?,
        title: row.opt("title")?,
        document_date: row.opt("document_date")?,
        tags: Vec::new(),
        media_type: row.get("media_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        pages_total: row.opt("pages_total")?,
        duplicate_of: row.opt("duplicate_of")?,
        latest_job: row.opt("latest_job")?,
        latest_status: status,
        latest_pipeline: row.opt("latest_pipeline")?,
        thumbnail_job: row.opt("thumbnail_job")?,
        created_by: row.opt("created_by")?,
        created_at: row.get("created_at")?,
        trashed_at: row.opt("trashed_at")?,
        hold: hold::read(row)?,
        hit: None,
    })
}
