//! What an export says about itself; the manual describes it (`docs/manual/operations.md`), and what is there stays.

use crp_model::{DocumentId, Failure, JobId, Plan, Sha256Hash, UserId, Warning};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of the format.
pub(super) const FORMAT: &str = "crpipeline-export";
/// Its version; a change that a reader would misunderstand makes another.
pub(super) const VERSION: u32 = 1;

/// `manifest.json`: what is there, and what is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `crpipeline-export`.
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// Version of crPipeline that wrote it.
    pub crpipeline: String,
    /// When it was begun.
    pub created_at: String,
    /// Whose documents these are.
    pub organization: ExportedOrganization,
    /// `documents.jsonl`.
    pub documents: ListFile,
    /// `audit.jsonl`.
    pub audit_log: ListFile,
    /// Jobs of the documents.
    pub jobs: u64,
    /// Files of documents: originals and results.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// The organization's users.
    pub users: Vec<ExportedUser>,
    /// Its pipelines, every version.
    pub pipelines: Vec<ExportedPipeline>,
    /// What should be here and is not, and why.
    pub missing: Vec<Missing>,
    /// Documents that somebody deleted while this was written; files of them may be here, without a line.
    pub deleted_meanwhile: Vec<DocumentId>,
}

/// A file with one JSON object on each line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListFile {
    /// Its name.
    pub file: String,
    /// Its lines.
    pub lines: u64,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Hash,
}

/// The organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedOrganization {
    pub id: Uuid,
    pub name: String,
    pub languages: Vec<String>,
    pub created_at: String,
    /// Days that documents are kept; null for ever.
    pub retention_days: Option<u32>,
    /// The same for pipelines of their own.
    pub pipeline_retention_days: std::collections::BTreeMap<String, Option<u32>>,
}

/// A user; no password, not even its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedUser {
    pub id: UserId,
    pub email: String,
    pub display_name: String,
    pub role: String,
    pub is_active: bool,
    pub created_at: String,
}

/// A version of a saved pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedPipeline {
    pub id: Uuid,
    pub name: String,
    pub version: u32,
    pub created_at: String,
    /// Where its file is.
    pub file: String,
}

/// Something that should be here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Whose it is.
    pub document: DocumentId,
    /// Which job left it; null for an original.
    pub job: Option<JobId>,
    /// `original`, or the kind of the artifact.
    pub kind: String,
    /// The SHA-256 that it should have.
    pub sha256: Sha256Hash,
    /// Why it is not here.
    pub failure: Failure,
}

/// A line of `documents.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExportedDocument {
    pub(super) id: DocumentId,
    /// Where its files are.
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    /// The date that stands on it, `YYYY-MM-DD`.
    pub(super) document_date: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) media_type: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Hash,
    pub(super) pages: Option<u32>,
    pub(super) duplicate_of: Option<DocumentId>,
    pub(super) uploaded_by: Option<UserId>,
    pub(super) uploaded_at: String,
    pub(super) trashed_at: Option<String>,
    pub(super) hold: Option<ExportedHold>,
    /// Its original; null when it is missing.
    pub(super) file: Option<String>,
    /// Its jobs, the oldest first.
    pub(super) jobs: Vec<ExportedJob>,
}

/// The hold of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportedHold {
    pub(super) at: String,
    pub(super) by: Option<UserId>,
    pub(super) reason: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExportedJob {
    pub(super) id: JobId,
    pub(super) status: String,
    /// The pipeline with its stages as they ran.
    pub(super) plan: Plan,
    pub(super) retry_of: Option<JobId>,
    pub(super) created_at: String,
    pub(super) started_at: Option<String>,
    pub(super) finished_at: Option<String>,
    pub(super) failure: Option<Failure>,
    pub(super) warnings: Vec<Warning>,
    pub(super) artifacts: Vec<ExportedArtifact>,
}

/// What a job left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportedArtifact {
    pub(super) kind: String,
    pub(super) media_type: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Hash,
    pub(super) created_at: String,
    /// Where it is; null when it is missing.
    pub(super) file: Option<String>,
}

/// A line of `audit.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExportedAudit {
    pub(super) at: String,
    pub(super) actor: Option<UserId>,
    pub(super) actor_email: Option<String>,
    pub(super) action: String,
    pub(super) subject: Option<Uuid>,
    pub(super) detail: serde_json::Value,
}
