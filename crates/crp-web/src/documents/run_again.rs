//! Running a document again, with the same pipeline, another, or one that is not saved.

use std::sync::Arc;

use axum::extract::State;
use crp_model::{DocumentId, JobId, Scope};
use crp_store::jobs;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Web,
    accepted::Accepted,
    auth::principal::Caller,
    extract::{OptionalJsonBody, PathOf},
    jobs::{prioritize::read_priority, view::JobView},
    pipelines::resolve,
    problem::{Problem, Refusal},
    schemas,
};

/// How to run it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunAgain {
    /// Name or id of the pipeline; without it, `searchable-pdf`.
    #[schema(max_length = 64)]
    pipeline: Option<String>,
    /// A pipeline file to try without saving it, instead of `pipeline`.
    #[schema(max_length = 65536)]
    source: Option<String>,
    /// How early it is worked on among the organization's own; without it, `normal`.
    #[schema(schema_with = schemas::priority)]
    priority: Option<String>,
}

/// Run a document again
///
/// Without a body, through the default pipeline; with `source`, through a pipeline that is not saved.
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
    let job = add_job(&web, &scope, DocumentId(id), body).await?;
    let view = JobView::of(jobs::get(&web.store, &scope, job).await?);
    Ok(Accepted { job: view.id, body: view })
}

async fn add_job(web: &Web, scope: &Scope, document: DocumentId, body: RunAgain) -> Result<JobId, Problem> {
    let priority = body.priority.as_deref().map(read_priority).transpose()?.unwrap_or_default();
    match (body.pipeline, body.source) {
        (Some(_), Some(_)) => Err(Problem::new(Refusal::InvalidValue, "\"pipeline\" and \"source\" exclude each other; send one of them")),
        (None, Some(source)) => {
            let plan = resolve::plan_of_source(web, scope, &source).await?;
            Ok(jobs::try_pipeline(&web.store, scope, document, &plan, priority, &source).await?)
        }
        (pipeline, None) => {
            let plan = resolve::plan_for(web, scope, pipeline.as_deref()).await?;
            Ok(jobs::add_job(&web.store, scope, document, &plan, priority).await?)
        }
    }
}
