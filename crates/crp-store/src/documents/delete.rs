//! Deleting a document: rows first, objects after the commit. A crash in between leaves objects without rows, never the reverse.

use crp_model::{DocumentId, DocumentName, ObjectKey, Scope, Sha256Hash, Timestamp};
use serde_json::json;

use super::{Deleted, hold};
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    LOCK_DOCUMENT = "SELECT name, sha256, trashed_at, held_at, hold_reason FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    UNFINISHED_JOB =
        "SELECT id FROM jobs WHERE organization = $1 AND document = $2 AND status IN ('queued', 'running') LIMIT 1";
    PAGE_OBJECTS =
        "SELECT p.object_key, p.thumbnail_key FROM pages p JOIN jobs j ON j.id = p.job
         WHERE j.organization = $1 AND j.document = $2";
    ARTIFACT_OBJECTS =
        "SELECT a.object_key FROM artifacts a JOIN jobs j ON j.id = a.job WHERE j.organization = $1 AND j.document = $2";
    JOBS = "SELECT id FROM jobs WHERE organization = $1 AND document = $2 ORDER BY id";
    DELETE_DOCUMENT = "DELETE FROM documents WHERE organization = $1 AND id = $2 AND held_at IS NULL";
    // A statement of its own: on PostgreSQL the next one then sees what an upload of the same bytes has committed meanwhile.
    LOCK_ORIGINAL = "UPDATE originals SET size_bytes = size_bytes WHERE organization = $1 AND sha256 = $2";
    DELETE_ORIGINAL =
        "DELETE FROM originals WHERE organization = $1 AND sha256 = $2
           AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.organization = $1 AND d.sha256 = $2)
         RETURNING object_key";
}

/// Deletes the rows of a document and of its jobs; the caller deletes the objects that are named no more.
///
/// # Errors
/// `NotFound`; `Conflict` while one of its jobs is not final; `document_on_hold`.
pub async fn delete(store: &Store, scope: &Scope, document: DocumentId) -> Result<Deleted, StoreError> {
    delete_if(store, scope, document, |_| true).await
}

/// The same for a document that was moved to the trash before this moment; one that was restored meanwhile is `NotFound`.
///
/// # Errors
/// As [`delete`].
pub async fn delete_from_trash(store: &Store, scope: &Scope, document: DocumentId, before: Timestamp) -> Result<Deleted, StoreError> {
    delete_if(store, scope, document, |trashed_at| trashed_at.is_some_and(|at| at <= before)).await
}

async fn delete_if(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    is_meant: impl Fn(Option<Timestamp>) -> bool,
) -> Result<Deleted, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&LOCK_DOCUMENT, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    if !is_meant(row.opt("trashed_at")?) {
        return Err(StoreError::NotFound);
    }
    hold::refuse_held(&row)?;
    let (name, sha256): (DocumentName, Sha256Hash) = (row.get("name")?, row.get("sha256")?);
    if tx.one(&UNFINISHED_JOB, args![scope.organization, document]).await?.is_some() {
        let sentence = "A job still works on this document; cancel it or wait for its end, then delete the document.";
        return Err(StoreError::Conflict(sentence.to_owned()));
    }
    let derived_objects = derived_objects(&mut tx, scope, document).await?;
    let jobs = tx.all(&JOBS, args![scope.organization, document]).await?.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    tx.run(&DELETE_DOCUMENT, args![scope.organization, document]).await?;
    tx.run(&LOCK_ORIGINAL, args![scope.organization, sha256]).await?;
    let original = tx.one(&DELETE_ORIGINAL, args![scope.organization, sha256]).await?;
    let object_to_delete = original.map(|row| row.get("object_key")).transpose()?;
    let detail = json!({ "name": name, "sha256": sha256 });
    audit::append(&mut tx, scope, "document.deleted", Some(document.0), &detail).await?;
    tx.commit().await?;
    Ok(Deleted { object_to_delete, derived_objects, jobs })
}

async fn derived_objects(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<Vec<ObjectKey>, StoreError> {
    let mut objects: Vec<ObjectKey> = Vec::new();
    for row in tx.all(&PAGE_OBJECTS, args![scope.organization, document]).await? {
        objects.extend(row.opt("object_key")?);
        objects.extend(row.opt("thumbnail_key")?);
    }
    for row in tx.all(&ARTIFACT_OBJECTS, args![scope.organization, document]).await? {
        objects.push(row.get("object_key")?);
    }
    Ok(objects)
}
