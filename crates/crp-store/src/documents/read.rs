//! Documents as they are shown.

use crp_model::{DocumentId, JobStatus, Scope};

use super::{Content, DocumentFilter, DocumentRow};
use crate::{
    Cursor, Page, Store, StoreError, paging,
    sql::{args, sql},
    value::Row,
};

macro_rules! documents {
    ($where:literal) => {
        concat!(
            "SELECT d.id, d.name, d.media_type, d.size_bytes, d.sha256, d.pages_total, d.duplicate_of, d.created_by, d.created_at,
                    j.id AS latest_job, j.status AS latest_status
             FROM documents d
             LEFT JOIN jobs j ON j.id = (SELECT n.id FROM jobs n WHERE n.document = d.id ORDER BY n.created_at DESC, n.id DESC LIMIT 1)
             WHERE d.organization = $1 AND ",
            $where
        )
    };
}

sql! {
    GET = documents!("d.id = $2");
    LIST = documents!(
        "d.id < $2 AND (j.status = $3 OR $3 IS NULL) AND (lower(d.name) LIKE $4 ESCAPE '!' OR $4 IS NULL)
         ORDER BY d.id DESC LIMIT $5"
    );
    CONTENT =
        "SELECT o.object_key, d.media_type, d.size_bytes, d.sha256, d.name
         FROM documents d JOIN originals o ON o.organization = d.organization AND o.sha256 = d.sha256
         WHERE d.organization = $1 AND d.id = $2";
}

/// One document.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, document: DocumentId) -> Result<DocumentRow, StoreError> {
    let mut tx = store.read().await?;
    read(&tx.one(&GET, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?)
}

/// The organization's documents, newest first.
///
/// # Errors
/// The database's.
pub async fn list(
    store: &Store,
    scope: &Scope,
    filter: &DocumentFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<DocumentRow>, StoreError> {
    let limit = paging::clamp(limit);
    let status = filter.status.map(JobStatus::as_str);
    let name = filter.name_contains.as_deref().map(contains);
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![scope.organization, paging::before(cursor), status, name.as_deref(), limit + 1]).await?;
    Ok(paging::page(rows.iter().map(read).collect::<Result<_, _>>()?, limit, |document: &DocumentRow| document.id.0))
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

/// A LIKE pattern for text anywhere in a name. Both engines fold the case of ASCII letters only.
fn contains(text: &str) -> String {
    let escaped = text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

fn read(row: &Row) -> Result<DocumentRow, StoreError> {
    Ok(DocumentRow {
        id: row.get("id")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        pages_total: row.opt("pages_total")?,
        duplicate_of: row.opt("duplicate_of")?,
        latest_job: row.opt("latest_job")?,
        latest_status: row.opt("latest_status")?,
        created_by: row.opt("created_by")?,
        created_at: row.get("created_at")?,
    })
}
