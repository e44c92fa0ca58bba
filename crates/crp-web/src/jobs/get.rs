//! One job.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::JobId;
use crp_store::jobs;
use uuid::Uuid;

use super::view::JobView;
use crate::{Web, auth::principal::Caller, extract::PathOf, problem::Problem};

/// Get a job
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job")),
    responses((status = 200, description = "The job", body = JobView)))]
pub(crate) async fn get_job(State(web): State<Arc<Web>>, caller: Caller, PathOf(id): PathOf<Uuid>) -> Result<Json<JobView>, Problem> {
    Ok(Json(JobView::of(jobs::get(&web.store, &caller.scope(), JobId(id)).await?)))
}
