//! Dismissing a failed job: it needs nobody any more, and leaves the list of those that do.

use std::sync::Arc;

use axum::extract::State;
use crp_model::JobId;
use crp_store::jobs;
use http::StatusCode;
use uuid::Uuid;

use crate::{
    Web,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody},
};

/// Dismiss a failed job
///
/// It stays failed and stays in the lists, but no longer among the jobs that need attention. Doing so again changes nothing.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/dismiss", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job")),
    responses(
        (status = 204, description = "Dismissed"),
        (status = 409, description = "The job did not fail", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn dismiss_job(State(web): State<Arc<Web>>, caller: Caller, PathOf(id): PathOf<Uuid>) -> Result<StatusCode, Problem> {
    jobs::dismiss(&web.store, &caller.scope(), JobId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
