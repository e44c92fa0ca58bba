//! Holds: a document on hold stays, whoever or whatever would move it to the trash or delete it, until the hold is lifted.

use crp_model::{Code, DocumentId, Failure, Scope, Timestamp};
use serde_json::json;

use super::{DocumentRow, Hold, read as documents};
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    value::Row,
};

sql! {
    LOCK = "SELECT held_at, hold_reason FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    SET =
        "UPDATE documents SET held_at = $3, held_by = $4, hold_reason = $5 WHERE organization = $1 AND id = $2";
    LIFT = "UPDATE documents SET held_at = NULL, held_by = NULL, hold_reason = NULL WHERE organization = $1 AND id = $2";
}

/// Puts a document on hold, also one in the trash. One that is on hold gets the new reason, and with it whoever gives it now.
///
/// # Errors
/// `NotFound`.
pub async fn hold(store: &Store, scope: &Scope, document: DocumentId, reason: &str) -> Result<DocumentRow, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&LOCK, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    let before: Option<String> = row.opt("hold_reason")?;
    if before.as_deref() != Some(reason) {
        tx.run(&SET, args![scope.organization, document, store.ambient().now(), scope.actor, reason]).await?;
        let detail = json!({ "reason": reason, "before": before });
        audit::append(&mut tx, scope, "document.held", Some(document.0), &detail).await?;
    }
    let held = documents::get_in(&mut tx, scope, document).await?;
    tx.commit().await?;
    Ok(held)
}

/// Lifts the hold of a document; one without a hold stays as it is.
///
/// # Errors
/// `NotFound`.
pub async fn release(store: &Store, scope: &Scope, document: DocumentId) -> Result<DocumentRow, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&LOCK, args![scope.organization, document]).await?.ok_or(StoreError::NotFound)?;
    if row.opt::<Timestamp>("held_at")?.is_some() {
        tx.run(&LIFT, args![scope.organization, document]).await?;
        let detail = json!({ "reason": row.opt::<String>("hold_reason")? });
        audit::append(&mut tx, scope, "document.hold_lifted", Some(document.0), &detail).await?;
    }
    let released = documents::get_in(&mut tx, scope, document).await?;
    tx.commit().await?;
    Ok(released)
}

/// Refuses a document on hold; the row was read under its lock and has `held_at` and `hold_reason`.
pub(crate) fn refuse_held(row: &Row) -> Result<(), StoreError> {
    let Some(at) = row.opt::<Timestamp>("held_at")? else { return Ok(()) };
    let reason: String = row.opt("hold_reason")?.unwrap_or_default();
    let day = at.rfc3339().chars().take(10).collect::<String>();
    Err(StoreError::Failure(Failure::new(Code::DocumentOnHold, format!("The document has been on hold since {day}: {reason}"))))
}

/// The hold of a row of a list.
pub(super) fn read(row: &Row) -> Result<Option<Hold>, StoreError> {
    let Some(at) = row.opt("held_at")? else { return Ok(None) };
    Ok(Some(Hold { at, by: row.opt("held_by")?, by_email: row.opt("held_by_email")?, reason: row.opt("hold_reason")?.unwrap_or_default() }))
}
