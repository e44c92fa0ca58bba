//! Downloading what a job left.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use crp_model::{ArtifactKind, DocumentName, JobId, LayoutFormat, StageType};
use crp_store::{
    StoreError, artifacts,
    jobs::{self, JobRow},
};
use http::Method;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Web,
    auth::principal::Caller,
    documents::download::{self, MayRedirect},
    extract::{PathOf, QueryOf},
    problem::{Problem, ProblemBody, Refusal},
    schemas,
};

/// Download an artifact
#[utoipa::path(get, path = "/api/v1/jobs/{id}/artifacts/{kind}", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job"), ArtifactPath, ArtifactQuery),
    responses(
        (status = 307, description = "Where the operator wants it: the bucket has the bytes, for a minute",
            headers(("location" = String, description = "A link that gives the artifact to whoever has it"))),
        (status = 200, description = "The artifact's bytes; the layout also as hOCR, ALTO or TSV", content(
            (Vec<u8> = "application/pdf"), (String = "text/plain"), (serde_json::Value = "application/json"), (Vec<u8> = "application/zip"),
            (String = "application/xhtml+xml"), (String = "application/alto+xml"), (String = "text/tab-separated-values"))),
        (status = 422, description = "The kind has no formats to choose from", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn get_artifact(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf((id, kind)): PathOf<(Uuid, String)>,
    QueryOf(query): QueryOf<ArtifactQuery>,
    method: Method,
) -> Result<Response, Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    let kind = ArtifactKind::parse(&kind).ok_or_else(unknown_kind)?;
    if query.format.is_some() && kind != ArtifactKind::Layout {
        return Err(no_formats(kind));
    }
    let job = match jobs::get(&web.store, &scope, job).await {
        Err(StoreError::NotFound) => return Err(Problem::not_found("job")),
        found => found?,
    };
    let artifact = match artifacts::get(&web.store, &scope, job.id, kind).await {
        Err(StoreError::NotFound) => return Err(not_made(&job, kind)),
        found => found?,
    };
    if let Some(format) = query.format {
        return download::send_layout_as(&web, &artifact.object_key, format, &job.document_name).await;
    }
    let name = file_name(&job.document_name, kind);
    let may_redirect = MayRedirect::of(&method, query.redirect);
    download::send_file(&web, &artifact.object_key, artifact.sha256, kind.mime(), &name, may_redirect).await
}

/// The kind in the path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "describes the parameter")]
struct ArtifactPath {
    /// Which artifact.
    #[param(schema_with = schemas::artifact_kind)]
    kind: String,
}

/// What the artifact is wanted as.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactQuery {
    /// The layout in a format of other programs; without it, the JSON that crPipeline keeps. Places are pixels of the picture that the
    /// page was read at.
    #[param(schema_with = schemas::layout_format)]
    format: Option<LayoutFormat>,
    /// `false` asks for the bytes in this answer even where the operator has downloads fetched from the bucket itself; for scripts of a
    /// web page, which may not ask other hosts.
    redirect: Option<bool>,
}

fn no_formats(kind: ArtifactKind) -> Problem {
    Problem::new(Refusal::InvalidValue, format!("Only the layout has formats to choose from, the kind {} has not", kind.as_str()))
}

fn unknown_kind() -> Problem {
    let kinds = ArtifactKind::ALL.map(ArtifactKind::as_str).join(", ");
    Problem::new(Refusal::NotFound, format!("There is no such kind of artifact; the kinds are {kinds}"))
}

/// Why the job has no artifact of this kind: its pipeline makes none, it made none, or it is still at work.
fn not_made(job: &JobRow, kind: ArtifactKind) -> Problem {
    let (stage, what) = match kind {
        ArtifactKind::SearchablePdf => (StageType::Ocr, "searchable PDF"),
        ArtifactKind::Text => (StageType::Ocr, "text"),
        ArtifactKind::Layout => (StageType::Ocr, "layout"),
        ArtifactKind::Thumbnails => (StageType::Ocr, "thumbnails"),
        ArtifactKind::Fields => (StageType::Parse, "fields"),
        ArtifactKind::Report => (StageType::Report, "report"),
    };
    let detail = if !job.stages.iter().any(|run| run.stage == stage) {
        let (pipeline, stage) = (&job.plan.pipeline, stage.as_str());
        format!("This job made no {what}: its pipeline \"{pipeline}\" has no stage of type \"{stage}\"")
    } else if job.status.is_final() {
        format!("This job made no {what}")
    } else {
        format!("This job has made no {what} yet")
    };
    Problem::new(Refusal::NotFound, detail)
}

/// The document's name with another end.
fn file_name(document: &DocumentName, kind: ArtifactKind) -> String {
    let stem = document.stem();
    match kind {
        ArtifactKind::SearchablePdf | ArtifactKind::Text | ArtifactKind::Layout => format!("{stem}.{}", kind.extension()),
        ArtifactKind::Thumbnails | ArtifactKind::Fields | ArtifactKind::Report => format!("{stem}.{}.{}", kind.as_str(), kind.extension()),
    }
}
