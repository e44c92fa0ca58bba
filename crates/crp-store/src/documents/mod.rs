//! Documents: immutable originals, one stored object for the same bytes.

mod add;
mod delete;
mod read;

use crp_model::{DocumentId, DocumentName, JobId, JobStatus, MediaType, ObjectKey, Plan, Sha256Hash, Timestamp, UserId};

pub use add::add_with_job;
pub use delete::delete;
pub use read::{content, get, list};

#[cfg(test)]
pub(crate) const STATEMENTS: [&[&crate::sql::Statement]; 3] = [add::STATEMENTS, delete::STATEMENTS, read::STATEMENTS];
/// An upload whose bytes are already stored.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Its id.
    pub document: DocumentId,
    /// Its name.
    pub name: DocumentName,
    /// Its format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// Where this upload's bytes are.
    pub object_key: ObjectKey,
    /// The plan of its first job.
    pub plan: Plan,
    /// What the client sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}
/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The document.
    pub document: DocumentId,
    /// Its first job.
    pub job: JobId,
    /// The first document with the same bytes.
    pub duplicate_of: Option<DocumentId>,
    /// Whether this is the answer to an earlier request with the same key.
    pub replayed: bool,
    /// An object that no row names: the caller deletes it.
    pub unneeded_object: Option<ObjectKey>,
}
/// A document as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its id.
    pub id: DocumentId,
    /// Its name.
    pub name: DocumentName,
    /// Its format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// Pages, once it was opened.
    pub pages_total: Option<u32>,
    /// The first document with the same bytes, while that exists.
    pub duplicate_of: Option<DocumentId>,
    /// Its newest job.
    pub latest_job: Option<JobId>,
    /// State of its newest job.
    pub latest_status: Option<JobStatus>,
    /// Who uploaded it.
    pub created_by: Option<UserId>,
    /// When it was uploaded.
    pub created_at: Timestamp,
}
/// Which documents to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentFilter {
    /// State of the newest job.
    pub status: Option<JobStatus>,
    /// Part of the name, in any case of letters.
    pub name_contains: Option<String>,
}
/// Objects that no row names any more: the caller deletes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The original, unless another document has the same bytes.
    pub object_to_delete: Option<ObjectKey>,
    /// Pages, thumbnails and artifacts of its jobs.
    pub derived_objects: Vec<ObjectKey>,
    /// Its jobs: a crash between object and row leaves objects under their prefixes that no row ever named.
    pub jobs: Vec<JobId>,
}
/// Where the original's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Key of the bytes.
    pub object_key: ObjectKey,
    /// Their format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// The document's name.
    pub name: DocumentName,
}
