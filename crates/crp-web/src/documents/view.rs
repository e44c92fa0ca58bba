//! A document as the API shows it.

use crp_store::documents::DocumentRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schemas;

/// A document: an immutable original.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentView {
    /// Id.
    pub(crate) id: Uuid,
    /// Name, cleaned: never a path.
    pub(crate) name: String,
    /// Format, told by the first bytes.
    #[schema(schema_with = schemas::media_type)]
    pub(crate) media_type: &'static str,
    /// Size in bytes.
    pub(crate) size_bytes: u64,
    /// SHA-256 of the bytes, hexadecimal.
    pub(crate) sha256: String,
    /// Pages; null until it was opened.
    pub(crate) pages_total: Option<u32>,
    /// The first document with the same bytes.
    pub(crate) duplicate_of: Option<Uuid>,
    /// Its newest job.
    pub(crate) latest_job: Option<LatestJob>,
    /// When it was uploaded.
    #[schema(schema_with = schemas::timestamp)]
    pub(crate) created_at: String,
}

/// The newest job of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestJob {
    /// Id.
    pub(crate) id: Uuid,
    /// State.
    #[schema(schema_with = schemas::optional_job_status)]
    pub(crate) status: Option<&'static str>,
}

impl DocumentView {
    pub(crate) fn of(row: DocumentRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name.as_str().to_owned(),
            media_type: row.media_type.mime(),
            size_bytes: row.size_bytes,
            sha256: row.sha256.to_string(),
            pages_total: row.pages_total,
            duplicate_of: row.duplicate_of.map(|document| document.0),
            latest_job: row.latest_job.map(|id| LatestJob { id: id.0, status: row.latest_status.map(crp_model::JobStatus::as_str) }),
            created_at: row.created_at.rfc3339(),
        }
    }
}
