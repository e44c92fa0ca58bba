//! What stages left.
use crp_model::{ArtifactId, ArtifactKind, JobId, ObjectKey, Scope, Sha256Hash, Timestamp};
use crate::{Store, StoreError};
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
/// The job's artifact of this kind.
pub async fn get(_store: &Store, _scope: &Scope, _job: JobId, _kind: ArtifactKind) -> Result<ArtifactRow, StoreError> { todo!() }
