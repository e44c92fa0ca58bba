//! Another priority for a job that waits or runs.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{JobId, Priority};
use crp_store::jobs;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::JobView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::{JsonBody, PathOf},
    problem::{Problem, ProblemBody, Refusal},
    schemas,
};

/// The new priority.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPriority {
    /// How early it is worked on among the organization's own.
    #[schema(schema_with = schemas::priority)]
    priority: String,
}

/// Change a job's priority
///
/// It counts from the job's next task on. Between organizations it decides only where both have as much running.
#[utoipa::path(put, path = "/api/v1/jobs/{id}/priority", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job")),
    request_body = NewPriority,
    responses(
        (status = 200, description = "The job with its new priority", body = JobView),
        (status = 409, description = "The job has ended", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn put_job_priority(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    JsonBody(body): JsonBody<NewPriority>,
) -> Result<Json<JobView>, Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    jobs::prioritize(&web.store, &scope, job, read_priority(&body.priority)?).await?;
    Ok(Json(JobView::of(jobs::get(&web.store, &scope, job).await?)))
}

/// The priority of this name.
///
/// # Errors
/// `invalid_value`.
pub(crate) fn read_priority(name: &str) -> Result<Priority, Problem> {
    let names = || Priority::ALL.map(Priority::as_str).join(", ");
    Priority::parse(name).ok_or_else(|| Problem::new(Refusal::InvalidValue, format!("\"priority\" is one of {}", names())))
}
