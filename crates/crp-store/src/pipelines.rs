//! Saved pipelines. The built-in ones are no rows; whoever resolves a name looks at them first.
use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    value::Row,
};
use crp_model::{PipelineId, Scope, Timestamp};

/// The newest version of a saved pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineRow {
    /// Id of this version.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// The pipeline file as it was saved.
    pub source: String,
    /// When this version was saved.
    pub created_at: Timestamp,
}

sql! {
    LIST =
        "SELECT p.id, p.name, p.version, p.source, p.created_at FROM pipelines p
         WHERE p.organization = $1
           AND p.version = (SELECT max(v.version) FROM pipelines v WHERE v.organization = p.organization AND v.name = p.name)
         ORDER BY p.name";
    VERSIONS =
        "SELECT id, name, version, source, created_at FROM pipelines WHERE organization = $1 ORDER BY name, version";
    BY_NAME =
        "SELECT id, name, version, source, created_at FROM pipelines
         WHERE organization = $1 AND name = $2 ORDER BY version DESC LIMIT 1";
    BY_ID = "SELECT id, name, version, source, created_at FROM pipelines WHERE organization = $1 AND id = $2";
    ADD =
        "INSERT INTO pipelines (id, organization, name, version, source, created_by, created_at)
         SELECT $1, $2, $3, COALESCE(max(version), 0) + 1, $4, $5, $6 FROM pipelines WHERE organization = $2 AND name = $3
         RETURNING version";
    DELETE = "DELETE FROM pipelines WHERE organization = $1 AND name = $2";
}

/// The newest version of every pipeline, by name.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<PipelineRow>, StoreError> {
    let mut tx = store.read().await?;
    tx.all(&LIST, args![scope.organization]).await?.iter().map(read).collect()
}

/// Every version of every pipeline, by name.
///
/// # Errors
/// The database's.
pub async fn versions(store: &Store, scope: &Scope) -> Result<Vec<PipelineRow>, StoreError> {
    let mut tx = store.read().await?;
    tx.all(&VERSIONS, args![scope.organization]).await?.iter().map(read).collect()
}

/// The newest version of the pipeline with this name, or exactly the version with this id.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, name_or_id: &str) -> Result<PipelineRow, StoreError> {
    let mut tx = store.read().await?;
    let row = match name_or_id.parse::<PipelineId>() {
        Ok(id) => tx.one(&BY_ID, args![scope.organization, id]).await?,
        Err(_) => tx.one(&BY_NAME, args![scope.organization, name_or_id]).await?,
    };
    read(&row.ok_or(StoreError::NotFound)?)
}

/// Saves a new version. The caller has checked the source.
///
/// # Errors
/// `Conflict` when another version was saved at the same moment.
pub async fn save(store: &Store, scope: &Scope, name: &str, source: &str) -> Result<(PipelineId, u32), StoreError> {
    let (id, now) = (PipelineId::new(store.ambient()), store.ambient().now());
    let mut tx = store.write().await?;
    let added = tx.one(&ADD, args![id, scope.organization, name, source, scope.actor, now]).await;
    let added = added.map_err(|e| e.or_conflict("Someone else saved this pipeline at the same moment; look at it and save again."))?;
    let version: u32 = added.ok_or(StoreError::NotFound)?.get("version")?;
    let detail = serde_json::json!({ "name": name, "version": version });
    audit::append(&mut tx, scope, "pipeline.saved", Some(id.0), &detail).await?;
    tx.commit().await?;
    Ok((id, version))
}

/// Removes every version of the pipeline with this name, or of the one that this id belongs to. Jobs keep their plans.
///
/// # Errors
/// `NotFound`.
pub async fn delete(store: &Store, scope: &Scope, name_or_id: &str) -> Result<(), StoreError> {
    let found = get(store, scope, name_or_id).await?;
    let mut tx = store.write().await?;
    if tx.run(&DELETE, args![scope.organization, found.name.as_str()]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    let detail = serde_json::json!({ "name": found.name });
    audit::append(&mut tx, scope, "pipeline.deleted", Some(found.id.0), &detail).await?;
    tx.commit().await
}

fn read(row: &Row) -> Result<PipelineRow, StoreError> {
    Ok(PipelineRow {
        id: row.get("id")?,
        name: row.get("name")?,
        version: row.get("version")?,
        source: row.get("source")?,
        created_at: row.get("created_at")?,
    })
}
