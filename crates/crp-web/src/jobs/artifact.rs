//! Downloading what a job left.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use crp_model::{ArtifactKind, DocumentName, JobId};
use crp_store::{artifacts, jobs};
use uuid::Uuid;

use crate::{
    Web,
    auth::principal::Caller,
    documents::download::{self, Disposition},
    extract::PathOf,
    problem::Problem,
    schemas,
};

/// Download an artifact
#[utoipa::path(get, path = "/api/v1/jobs/{id}/artifacts/{kind}", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job"), ArtifactPath),
    responses((status = 200, description = "The artifact's bytes", content(
        (Vec<u8> = "application/pdf"), (String = "text/plain"), (serde_json::Value = "application/json"), (Vec<u8> = "application/zip")))))]
pub(crate) async fn get_artifact(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf((id, kind)): PathOf<(Uuid, ArtifactKind)>,
) -> Result<Response, Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    let artifact = artifacts::get(&web.store, &scope, job, kind).await?;
    let name = file_name(&jobs::get(&web.store, &scope, job).await?.document_name, kind);
    download::send(&web, &artifact.object_key, kind.mime(), &name, Disposition::Attachment).await
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

/// The document's name with another end.
fn file_name(document: &DocumentName, kind: ArtifactKind) -> String {
    let stem = document.stem();
    match kind {
        ArtifactKind::SearchablePdf | ArtifactKind::Text | ArtifactKind::Layout => format!("{stem}.{}", kind.extension()),
        ArtifactKind::Thumbnails | ArtifactKind::Fields | ArtifactKind::Report => format!("{stem}.{}.{}", kind.as_str(), kind.extension()),
    }
}
