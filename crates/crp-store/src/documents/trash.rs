//! The trash: documents that are out of the lists and can be had back, until the server deletes them for good.

use crp_model::{DocumentId, DocumentName, JobId, OrganizationId, Scope, Timestamp};
use serde_json::json;

use super::{DocumentRow, read};
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    LOCK = "SELECT name, trashed_at FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    SET_TRASHED = "UPDATE documents SET trashed_at = $3 WHERE organization = $1 AND id = $2";
    UNFINISHED_JOBS =
        "SELECT id FROM jobs WHERE organization = $1 AND document = $2 AND status IN ('queued', 'running') ORDER BY id";
    EXPIRED = "SELECT organization, id FROM documents WHERE trashed_at IS NOT NULL AND trashed_at <= $1 ORDER BY trashed_at, id LIMIT $2";
}

/// Moves a document to the trash; its jobs that have not ended, which the caller cancels. What lies there already stays as it is.
///
/// # Errors
/// `NotFound`.
pub async fn trash(store: &Store, scope: &Scope, document: DocumentId) -> Result<Vec<JobId>, StoreError> {
    let mut tx = store.write().await?;
    let now = store.ambient().now();
    if let Some(name) = set(&mut tx, scope, document, Some(now)).await? {
        audit::append(&mut tx, scope, "document.trashed", Some(document.0), &json!({ "name": name })).await?;
    }
    let jobs = tx.all(&UNFINISHED_JOBS, args![scope.organization, document]).await?;
    let jobs = jobs.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(jobs)
}

/// Takes a document out of the trash.
///
/// # Errors
/// `NotFound`.
pub async fn restore(store: &Store, scope: &Scope, document: DocumentId) -> Result<DocumentRow, StoreError> {
    let mut tx = store.write().await?;
    if let Some(name) = set(&mut tx, scope, document, None).await? {
        audit::append(&mut tx, scope, "document.restored", Some(document.0), &json!({ "name": name })).await?;
    }
    let restored = read::get_in(&mut tx, scope, document).await?;
    tx.commit().await?;
    Ok(restored)
}

/// Documents of every organization that were moved to the trash before this moment, the longest there first.
///
/// # Errors
/// The database's.
pub async fn expired_trash(store: &Store, before: Timestamp, limit: u32) -> Result<Vec<(OrganizationId, DocumentId)>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&EXPIRED, args![before, limit]).await?;
    rows.iter().map(|row| Ok((row.get("organization")?, row.get("id")?))).collect()
}

/// The name of the document if this changed where it lies.
async fn set(tx: &mut Tx, scope: &Scope, document: DocumentId, at: Option<Timestamp>) -> Result<Option<DocumentName>, StoreError> {
    let row = tx.one(&LOCK, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    let trashed_at: Option<Timestamp> = row.opt("trashed_at")?;
    if trashed_at.is_some() == at.is_some() {
        return Ok(None);
    }
    tx.run(&SET_TRASHED, args![scope.organization, document, at]).await?;
    row.get("name").map(Some)
}
