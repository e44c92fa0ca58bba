//! Running a document again, with the same pipeline or another.

use std::sync::Arc;

use axum::extract::State;
use crp_model::DocumentId;
use crp_store::jobs;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Web,
    accepted::Accepted,
    auth::principal::Caller,
    extract::{OptionalJsonBody, PathOf},
    jobs::view::JobView,
    pipelines::resolve,
    problem::Problem,
};

/// How to run it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunAgain {
    /// Name or id of the pipeline; without it, `searchable-pdf`.
    #[schema(max_length = 64)]
    pipeline: Option<String>,
}

/// Run a document again
///
/// Without a body, through the default pipeline.
#[utoipa::path(post, path = "/api/v1/documents/{id}/jobs", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    request_body = Option<RunAgain>,
    responses((status = 202, description = "The new job", body = JobView, headers(("location" = String, description = "The job")))))]
pub(crate) async fn run_document_again(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    OptionalJsonBody(body): OptionalJsonBody<RunAgain>,
) -> Result<Accepted<JobView>, Problem> {
    let scope = caller.scope();
    let plan = resolve::plan_for(&web, &scope, body.pipeline.as_deref()).await?;
    let job = jobs::add_job(&web.store, &scope, DocumentId(id), &plan).await?;
    let view = JobView::of(jobs::get(&web.store, &scope, job).await?);
    Ok(Accepted { job: view.id, body: view })
}
