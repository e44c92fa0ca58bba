//! A job as the API shows it.

use crp_model::{Failure, StageType, Warning, labels::Label};
use crp_store::{
    artifacts::ArtifactRow,
    jobs::{JobRow, JobSummary, StageRunRow},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schemas;

/// A job: one document through one pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Id.
    pub(crate) id: Uuid,
    /// State; the last three are final.
    #[schema(schema_with = schemas::job_status)]
    pub(crate) status: &'static str,
    /// How early it is worked on among the organization's own.
    #[schema(schema_with = schemas::priority)]
    pub(crate) priority: &'static str,
    /// Its document.
    pub(crate) document: JobDocument,
    /// The pipeline as it was when the job was made.
    pub(crate) pipeline: JobPipeline,
    /// The pipeline file, when it ran one that is not saved.
    pub(crate) source: Option<String>,
    /// How far it is.
    pub(crate) progress: ProgressView,
    /// Pages that an earlier job had read from the same bytes in the same way, so that this one did not read them again.
    pub(crate) pages_reused: u32,
    /// Seconds until its pages are read, at the rate of those so far; null while that is not known.
    pub(crate) eta_seconds: Option<u64>,
    /// Its stages, in order.
    pub(crate) stages: Vec<StageView>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<FailureView>,
    /// What a person should know about a result that is otherwise good.
    pub(crate) warnings: Vec<WarningView>,
    /// What it left so far, also when it failed.
    pub(crate) artifacts: Vec<ArtifactView>,
    /// The job that it tries again.
    pub(crate) retry_of: Option<Uuid>,
    /// Whether someone asked to cancel it.
    pub(crate) cancel_requested: bool,
    /// When somebody said that its failure needs nobody.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) dismissed_at: Option<String>,
    /// Jobs that are queued before it; null once it runs.
    pub(crate) queue_position: Option<u64>,
    /// The number of its newest event.
    pub(crate) last_event_id: i64,
    /// When it was made.
    #[schema(schema_with = schemas::timestamp)]
    pub(crate) created_at: String,
    /// When a worker took it.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) started_at: Option<String>,
    /// When it became final.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) finished_at: Option<String>,
}

/// The document of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobDocument {
    /// Id.
    pub(crate) id: Uuid,
    /// Name.
    pub(crate) name: String,
}

/// The pipeline of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobPipeline {
    /// Name.
    pub(crate) name: String,
    /// Version; 0 for a built-in pipeline.
    pub(crate) version: u32,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// Pages saved.
    pub(crate) pages_done: u32,
    /// Pages of the document; null until it was opened.
    pub(crate) pages_total: Option<u32>,
}

/// One stage of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageView {
    /// What it does.
    #[serde(rename = "type")]
    #[schema(schema_with = schemas::stage_type)]
    pub(crate) stage_type: &'static str,
    /// State.
    #[schema(schema_with = schemas::job_status)]
    pub(crate) status: &'static str,
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// Tasks that it has.
    pub(crate) tasks_total: u32,
    /// Tasks that are done.
    pub(crate) tasks_done: u32,
    /// When its first attempt began.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) started_at: Option<String>,
    /// When it ended.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) finished_at: Option<String>,
}

/// What went wrong and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureView {
    /// The code; scripts compare it.
    #[schema(schema_with = schemas::failure_code)]
    pub(crate) code: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: String,
    /// Whether trying again can help.
    pub(crate) retryable: bool,
}

/// Something that a person should know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WarningView {
    /// The code.
    #[schema(schema_with = schemas::warning_code)]
    pub(crate) code: &'static str,
    /// The page, if it is about one.
    pub(crate) page: Option<u32>,
    /// What it is.
    pub(crate) message: String,
}

/// What a stage left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactView {
    /// What it is; the last part of its address.
    #[schema(schema_with = schemas::artifact_kind)]
    pub(crate) kind: &'static str,
    /// MIME type.
    pub(crate) media_type: String,
    /// Size in bytes.
    pub(crate) size_bytes: u64,
    /// SHA-256 of the bytes, hexadecimal.
    pub(crate) sha256: String,
    /// Where to download it.
    pub(crate) href: String,
}

/// A job as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobSummaryView {
    /// Id.
    id: Uuid,
    /// State; the last three are final.
    #[schema(schema_with = schemas::job_status)]
    status: &'static str,
    /// How early it is worked on among the organization's own.
    #[schema(schema_with = schemas::priority)]
    priority: &'static str,
    /// Its document.
    document: JobDocument,
    /// Name of the pipeline.
    pipeline: String,
    /// The stage at which it is; null unless it runs.
    #[schema(schema_with = schemas::optional_stage_type)]
    stage: Option<&'static str>,
    /// How far it is.
    progress: ProgressView,
    /// Seconds until its pages are read, at the rate of those so far; null while that is not known.
    eta_seconds: Option<u64>,
    /// Jobs that are queued before it; null once it runs.
    queue_position: Option<u64>,
    /// How many warnings it has.
    warnings: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
    /// The job that it tries again.
    retry_of: Option<Uuid>,
    /// Whether someone asked to cancel it.
    cancel_requested: bool,
    /// When somebody said that its failure needs nobody.
    #[schema(schema_with = schemas::optional_timestamp)]
    dismissed_at: Option<String>,
    /// The number of its newest event.
    last_event_id: i64,
    /// When it was made.
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
    /// When a worker took it.
    #[schema(schema_with = schemas::optional_timestamp)]
    started_at: Option<String>,
    /// When it became final.
    #[schema(schema_with = schemas::optional_timestamp)]
    finished_at: Option<String>,
}

impl JobView {
    pub(crate) fn of(row: JobRow) -> Self {
        let id = row.id.0;
        Self {
            id,
            status: row.status.as_str(),
            priority: row.priority.as_str(),
            document: JobDocument { id: row.document_id.0, name: row.document_name.as_str().to_owned() },
            pipeline: JobPipeline { name: row.plan.pipeline, version: row.plan.version },
            source: row.source,
            eta_seconds: row.eta_seconds,
            progress: ProgressView { pages_done: row.progress.pages_done, pages_total: row.progress.pages_total },
            pages_reused: row.pages_reused,
            stages: row.stages.into_iter().map(stage).collect(),
            failure: row.failure.map(FailureView::of),
            warnings: row.warnings.into_iter().map(warning).collect(),
            artifacts: row.artifacts.into_iter().map(|row| artifact(id, row)).collect(),
            retry_of: row.retry_of.map(|job| job.0),
            cancel_requested: row.cancel_requested,
            dismissed_at: row.dismissed_at.map(|at| at.rfc3339()),
            queue_position: row.queue_position,
            last_event_id: row.last_event_id,
            created_at: row.created_at.rfc3339(),
            started_at: row.started_at.map(|at| at.rfc3339()),
            finished_at: row.finished_at.map(|at| at.rfc3339()),
        }
    }
}

impl JobSummaryView {
    pub(crate) fn of(row: JobSummary) -> Self {
        Self {
            id: row.id.0,
            status: row.status.as_str(),
            priority: row.priority.as_str(),
            document: JobDocument { id: row.document_id.0, name: row.document_name.as_str().to_owned() },
            pipeline: row.pipeline,
            stage: row.stage.map(StageType::as_str),
            eta_seconds: row.eta_seconds,
            queue_position: row.queue_position,
            warnings: row.warnings,
            progress: ProgressView { pages_done: row.progress.pages_done, pages_total: row.progress.pages_total },
            failure: row.failure.map(FailureView::of),
            retry_of: row.retry_of.map(|job| job.0),
            cancel_requested: row.cancel_requested,
            dismissed_at: row.dismissed_at.map(|at| at.rfc3339()),
            last_event_id: row.last_event_id,
            created_at: row.created_at.rfc3339(),
            started_at: row.started_at.map(|at| at.rfc3339()),
            finished_at: row.finished_at.map(|at| at.rfc3339()),
        }
    }
}

impl FailureView {
    pub(crate) fn of(failure: Failure) -> Self {
        Self { code: failure.code.as_str(), message: failure.message, remedy: failure.remedy, retryable: failure.retryable }
    }
}

fn stage(row: StageRunRow) -> StageView {
    StageView {
        stage_type: StageType::as_str(row.stage),
        status: row.status.as_str(),
        attempts: row.attempt,
        tasks_total: row.tasks_total,
        tasks_done: row.tasks_done,
        started_at: row.started_at.map(|at| at.rfc3339()),
        finished_at: row.finished_at.map(|at| at.rfc3339()),
    }
}

pub(super) fn warning(warning: Warning) -> WarningView {
    WarningView { code: warning.code.0.label(), page: warning.page.map(crp_model::PageNo::get), message: warning.message }
}

fn artifact(job: Uuid, row: ArtifactRow) -> ArtifactView {
    ArtifactView {
        kind: row.kind.as_str(),
        media_type: row.media_type,
        size_bytes: row.size_bytes,
        sha256: row.sha256.to_string(),
        href: format!("/api/v1/jobs/{job}/artifacts/{}", row.kind.as_str()),
    }
}
