//! A document as the API shows it.

use crp_store::{
    documents::{DocumentRow, Hold},
    search::Hit,
};
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
    /// The title that people gave it; null when it has none, then show the name.
    pub(crate) title: Option<String>,
    /// The date that stands on it, `YYYY-MM-DD`.
    #[schema(schema_with = schemas::optional_day)]
    pub(crate) document_date: Option<String>,
    /// Its tags, in alphabetical order.
    pub(crate) tags: Vec<String>,
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
    /// Where the picture of its first page is, of the newest job that has one.
    pub(crate) thumbnail: Option<String>,
    /// When it was uploaded.
    #[schema(schema_with = schemas::timestamp)]
    pub(crate) created_at: String,
    /// When it was moved to the trash; null when it is not there.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) trashed_at: Option<String>,
    /// What keeps it from the trash and from being deleted; null when nothing does.
    pub(crate) hold: Option<HoldView>,
    /// Where on its pages the search found it; null without a search, and when only name, title or tags were found.
    pub(crate) hit: Option<HitView>,
}

/// What keeps a document from the trash and from being deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldView {
    /// Since when.
    #[schema(schema_with = schemas::timestamp)]
    pub(crate) at: String,
    /// Who put it on hold; null when that account is gone.
    pub(crate) by: Option<Uuid>,
    /// Their e-mail address.
    pub(crate) by_email: Option<String>,
    /// Why.
    pub(crate) reason: String,
}

/// Where a document was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitView {
    /// The page.
    pub(crate) page: u32,
    /// The sentence around the words, piece by piece. It is text, never markup.
    pub(crate) parts: Vec<HitPartView>,
}

/// A piece of the sentence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitPartView {
    /// Its text.
    pub(crate) text: String,
    /// Whether it is what was looked for.
    pub(crate) is_match: bool,
}

/// The newest job of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestJob {
    /// Id.
    pub(crate) id: Uuid,
    /// State.
    #[schema(schema_with = schemas::optional_job_status)]
    pub(crate) status: Option<&'static str>,
    /// Name of its pipeline.
    pub(crate) pipeline: Option<String>,
}

impl DocumentView {
    pub(crate) fn of(row: DocumentRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name.as_str().to_owned(),
            title: row.title,
            document_date: row.document_date.map(|day| day.to_string()),
            tags: row.tags,
            media_type: row.media_type.mime(),
            size_bytes: row.size_bytes,
            sha256: row.sha256.to_string(),
            pages_total: row.pages_total,
            duplicate_of: row.duplicate_of.map(|document| document.0),
            latest_job: row.latest_job.map(|id| LatestJob {
                id: id.0,
                status: row.latest_status.map(crp_model::JobStatus::as_str),
                pipeline: row.latest_pipeline,
            }),
            thumbnail: row.thumbnail_job.map(|job| format!("/api/v1/jobs/{job}/pages/1/thumbnail")),
            created_at: row.created_at.rfc3339(),
            trashed_at: row.trashed_at.map(|at| at.rfc3339()),
            hold: row.hold.map(HoldView::of),
            hit: row.hit.map(HitView::of),
        }
    }
}

impl HoldView {
    fn of(hold: Hold) -> Self {
        Self { at: hold.at.rfc3339(), by: hold.by.map(|user| user.0), by_email: hold.by_email, reason: hold.reason }
    }
}

impl HitView {
    fn of(hit: Hit) -> Self {
        let parts = hit.parts.into_iter().map(|part| HitPartView { text: part.text, is_match: part.is_match });
        Self { page: hit.page, parts: parts.collect() }
    }
}
