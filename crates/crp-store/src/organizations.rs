//! The organization itself.
use std::num::NonZeroU32;

use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};
use crp_model::{OrganizationId, Scope, Timestamp};

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its languages, Tesseract's codes; the default of every OCR stage.
    pub languages: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

sql! {
    ADD = "INSERT INTO organizations (id, name, languages, created_at) VALUES ($1, $2, $3, $4)";
    GET = "SELECT id, name, languages, created_at FROM organizations WHERE id = $1";
    SET_MAX_RUNNING_TASKS = "UPDATE organizations SET max_running_tasks = $2 WHERE id = $1";
    SET_LANGUAGES = "UPDATE organizations SET languages = $2 WHERE id = $1";
}

/// The scope's organization.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope) -> Result<OrganizationRow, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&GET, args![scope.organization]).await?.ok_or(StoreError::NotFound)?;
    Ok(OrganizationRow {
        id: row.get("id")?,
        name: row.get("name")?,
        languages: row.json("languages")?,
        created_at: row.get("created_at")?,
    })
}

/// Sets its languages.
///
/// # Errors
/// `NotFound`.
pub async fn set_languages(store: &Store, scope: &Scope, languages: &[String]) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    if tx.run(&SET_LANGUAGES, args![scope.organization, Value::json(languages)]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    let detail = serde_json::json!({ "languages": languages });
    audit::append(&mut tx, scope, "organization.languages_set", Some(scope.organization.0), &detail).await?;
    tx.commit().await
}

/// Sets how many of its tasks may run at the same time, instead of what the configuration says for all; `None` takes that back.
///
/// # Errors
/// `NotFound`.
pub async fn set_max_running_tasks(store: &Store, scope: &Scope, most: Option<NonZeroU32>) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    if tx.run(&SET_MAX_RUNNING_TASKS, args![scope.organization, most.map(NonZeroU32::get)]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    let detail = serde_json::json!({ "max_running_tasks": most });
    audit::append(&mut tx, scope, "organization.limited", Some(scope.organization.0), &detail).await?;
    tx.commit().await
}

/// Notes in the audit log that everything of the organization is taken away as a file.
///
/// # Errors
/// `NotFound`.
pub async fn note_export(store: &Store, scope: &Scope) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.one(&GET, args![scope.organization]).await?.ok_or(StoreError::NotFound)?;
    audit::append(&mut tx, scope, "organization.exported", Some(scope.organization.0), &serde_json::json!({})).await?;
    tx.commit().await
}

/// Makes another organization. Works without a scope: only the operator's command line does this.
///
/// # Errors
/// The database's.
pub async fn create(store: &Store, name: &str, languages: &[String]) -> Result<OrganizationId, StoreError> {
    let mut tx = store.write().await?;
    let organization = insert(&mut tx, name, languages).await?;
    let by_operator = Scope::system(organization);
    audit::append(&mut tx, &by_operator, "organization.created", Some(organization.0), &serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(organization)
}

/// Makes an organization.
pub(crate) async fn insert(tx: &mut Tx, name: &str, languages: &[String]) -> Result<OrganizationId, StoreError> {
    let (id, now) = (OrganizationId::new(tx.store().ambient()), tx.store().ambient().now());
    tx.run(&ADD, args![id, name.trim(), Value::json(languages), now]).await?;
    Ok(id)
}
