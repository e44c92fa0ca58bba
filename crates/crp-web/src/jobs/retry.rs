//! Retrying a job: a new job with the same plan; a final state never reverts.

use std::sync::Arc;

use axum::extract::State;
use crp_model::JobId;
use crp_store::jobs;
use uuid::Uuid;

use super::view::JobView;
use crate::{
    Web,
    accepted::Accepted,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody},
};

/// Retry a job
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job")),
    responses(
        (status = 202, description = "The new job, with `retry_of`", body = JobView, headers(("location" = String, description = "The new job"))),
        (status = 409, description = "The job has not ended yet", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn retry_job(State(web): State<Arc<Web>>, caller: Caller, PathOf(id): PathOf<Uuid>) -> Result<Accepted<JobView>, Problem> {
    let scope = caller.scope();
    let new = jobs::retry(&web.store, &scope, JobId(id)).await?;
    let view = JobView::of(jobs::get(&web.store, &scope, new).await?);
    Ok(Accepted { job: view.id, body: view })
}
