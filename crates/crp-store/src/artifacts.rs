//! What stages left.
use crate::{
    Store, StoreError,
    sql::{args, sql},
    transaction::Tx,
    value::Row,
};
use crp_model::{ArtifactId, ArtifactKind, DocumentId, JobId, ObjectKey, Scope, Sha256Hash, Timestamp};

/// An artifact to note; its object is already stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its kind; one of each per job.
    pub kind: ArtifactKind,
    /// Where its bytes are.
    pub object_key: ObjectKey,
    /// MIME type.
    pub media_type: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
}
/// A stored artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Its id.
    pub id: ArtifactId,
    /// Its kind.
    pub kind: ArtifactKind,
    /// Where its bytes are.
    pub object_key: ObjectKey,
    /// MIME type.
    pub media_type: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// When it was noted.
    pub created_at: Timestamp,
}

sql! {
    GET =
        "SELECT id, kind, object_key, media_type, size_bytes, sha256, created_at FROM artifacts
         WHERE organization = $1 AND job = $2 AND kind = $3";
    OF_JOB =
        "SELECT id, kind, object_key, media_type, size_bytes, sha256, created_at FROM artifacts
         WHERE organization = $1 AND job = $2 ORDER BY created_at, kind";
    NEWEST_OF_DOCUMENT =
        "SELECT a.id, a.kind, a.object_key, a.media_type, a.size_bytes, a.sha256, a.created_at
         FROM jobs j JOIN artifacts a ON a.job = j.id
         WHERE j.organization = $1 AND j.document = $2 AND a.kind = $3 AND j.status = 'succeeded'
         ORDER BY j.created_at DESC, j.id DESC LIMIT 1";
    PUT =
        "INSERT INTO artifacts (id, organization, job, kind, object_key, media_type, size_bytes, sha256, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (job, kind) DO UPDATE SET object_key = excluded.object_key, media_type = excluded.media_type,
             size_bytes = excluded.size_bytes, sha256 = excluded.sha256, created_at = excluded.created_at";
}

/// The job's artifact of this kind.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope, job: JobId, kind: ArtifactKind) -> Result<ArtifactRow, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&GET, args![scope.organization, job, kind.as_str()]).await?;
    read(&row.ok_or(StoreError::NotFound)?)
}

/// The artifact of this kind that the document's newest succeeded job left.
///
/// # Errors
/// `NotFound`, also when no job has succeeded yet.
pub async fn newest_of_document(store: &Store, scope: &Scope, document: DocumentId, kind: ArtifactKind) -> Result<ArtifactRow, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&NEWEST_OF_DOCUMENT, args![scope.organization, document, kind.as_str()]).await?;
    read(&row.ok_or(StoreError::NotFound)?)
}

/// Every artifact of the job, oldest first.
pub(crate) async fn of_job(tx: &mut Tx, scope: &Scope, job: JobId) -> Result<Vec<ArtifactRow>, StoreError> {
    tx.all(&OF_JOB, args![scope.organization, job]).await?.iter().map(read).collect()
}

/// Notes an artifact; a second one of its kind takes the place of the first.
pub(crate) async fn put(tx: &mut Tx, scope: &Scope, job: JobId, new: &NewArtifact) -> Result<(), StoreError> {
    let (id, now) = (ArtifactId::new(tx.store().ambient()), tx.store().ambient().now());
    let (kind, key, media_type) = (new.kind.as_str(), &new.object_key, new.media_type.as_str());
    tx.run(&PUT, args![id, scope.organization, job, kind, key, media_type, new.size_bytes, new.sha256, now]).await.map(drop)
}

fn read(row: &Row) -> Result<ArtifactRow, StoreError> {
    Ok(ArtifactRow {
        id: row.get("id")?,
        kind: row.get("kind")?,
        object_key: row.get("object_key")?,
        media_type: row.get("media_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        created_at: row.get("created_at")?,
    })
}
