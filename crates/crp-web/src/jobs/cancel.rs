//! Cancelling a job: at once if nothing runs, else its workers are told.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{JobId, Scope};
use crp_store::jobs::{self, CancelOutcome};
use http::StatusCode;
use uuid::Uuid;

use super::view::JobView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody, Refusal},
};

/// Cancel a job
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "Cancelled", body = JobView),
        (status = 202, description = "Its tasks are running and are being told to stop", body = JobView),
        (status = 409, description = "The job had already ended", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn cancel_job(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    // In a task of its own: a client that goes away must not keep an ended job from being counted.
    let task = tokio::spawn(async move {
        let status = cancel(&web, &scope, job).await?;
        Ok((status, Json(JobView::of(jobs::get(&web.store, &scope, job).await?))))
    });
    task.await.map_err(|_| Problem::internal("Cancelling the job panicked"))?
}

async fn cancel(web: &Web, scope: &Scope, job: JobId) -> Result<StatusCode, Problem> {
    match jobs::cancel(&web.store, scope, job).await? {
        CancelOutcome::Cancelled(committed) => {
            // This process made the job final, so it counts it, after the commit.
            committed.count(&web.metrics);
            Ok(StatusCode::OK)
        }
        CancelOutcome::Requested => Ok(StatusCode::ACCEPTED),
        CancelOutcome::AlreadyFinal(status) => {
            Err(Problem::new(Refusal::AlreadyFinal, format!("The job has ended: it is {}", status.as_str())))
        }
    }
}
