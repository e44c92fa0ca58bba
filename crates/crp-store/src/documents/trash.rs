//! The trash: documents that are out of the lists and can be had back, until the server deletes them for good.

use crp_model::{DocumentId, DocumentName, JobId, OrganizationId, Scope, Timestamp};
use serde_json::json;

use super::{DocumentRow, hold, read};
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    transaction::Tx,
    value::Row,
};

sql! {
    LOCK = "SELECT name, trashed_at, held_at, hold_reason FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    SET_TRASHED = "UPDATE documents SET trashed_at = $3 WHERE organization = $1 AND id = $2 AND held_at IS NULL";
    // Its time begins anew: otherwise the next expiry would take it away again.
    RESTORE = "UPDATE documents SET trashed_at = NULL, kept_from = $3 WHERE organization = $1 AND id = $2";
    UNFINISHED_JOBS =
        "SELECT id FROM jobs WHERE organization = $1 AND document = $2 AND status IN ('queued', 'running') ORDER BY id";
    EXPIRED =
        "SELECT organization, id FROM documents WHERE trashed_at IS NOT NULL AND trashed_at <= $1 AND held_at IS NULL
         ORDER BY trashed_at, id LIMIT $2";
}

/// Moves a document to the trash; its jobs that have not ended, which the caller cancels. What lies there already stays as it is.
///
/// # Errors
/// `NotFound`; `document_on_hold`.
pub async fn trash(store: &Store, scope: &Scope, document: DocumentId) -> Result<Vec<JobId>, StoreError> {
    let mut tx = store.write().await?;
    if let Some(name) = move_in(&mut tx, scope, document).await? {
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
    let row = lock(&mut tx, scope, document).await?;
    if row.opt::<Timestamp>("trashed_at")?.is_some() {
        tx.run(&RESTORE, args![scope.organization, document, store.ambient().now()]).await?;
        let name: DocumentName = row.get("name")?;
        audit::append(&mut tx, scope, "document.restored", Some(document.0), &json!({ "name": name })).await?;
    }
    let restored = read::get_in(&mut tx, scope, document).await?;
    tx.commit().await?;
    Ok(restored)
}

/// Documents of every organization that were moved to the trash before this moment, the longest there first; none that is on hold.
///
/// # Errors
/// The database's.
pub async fn expired_trash(store: &Store, before: Timestamp, limit: u32) -> Result<Vec<(OrganizationId, DocumentId)>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&EXPIRED, args![before, limit]).await?;
    rows.iter().map(|row| Ok((row.get("organization")?, row.get("id")?))).collect()
}

/// Moves a document to the trash, unless it is on hold; its name, if it was not there before.
pub(crate) async fn move_in(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<Option<DocumentName>, StoreError> {
    let row = lock(tx, scope, document).await?;
    if row.opt::<Timestamp>("trashed_at")?.is_some() {
        return Ok(None);
    }
    hold::refuse_held(&row)?;
    let now = tx.store().ambient().now();
    tx.run(&SET_TRASHED, args![scope.organization, document, now]).await?;
    row.get("name").map(Some)
}

/// Locks the document until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<Row, StoreError> {
    tx.one(&LOCK, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)
}
