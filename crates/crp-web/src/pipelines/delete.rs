//! Deleting a saved pipeline; jobs keep their plans.

use std::sync::Arc;

use axum::extract::State;
use crp_store::{StoreError, pipelines};
use http::StatusCode;

use super::resolve;
use crate::{
    Web,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody, Refusal},
};

/// Delete a pipeline
///
/// Every version of it is removed. Jobs that were made with it keep their plans.
#[utoipa::path(delete, path = "/api/v1/pipelines/{name}", tag = "pipelines",
    params(("name" = String, Path, description = "Name of the pipeline, or id of one of its versions", max_length = 64)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "A built-in pipeline stays", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete_pipeline(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(name): PathOf<String>,
) -> Result<StatusCode, Problem> {
    if let Some((file, _)) = resolve::find_built_in(&name) {
        return Err(Problem::new(Refusal::Conflict, format!("\"{}\" is a built-in pipeline and stays", file.name)));
    }
    let scope = caller.scope();
    let found = resolve::find_saved(&web, &scope, &name).await;
    let deleted = match found {
        Ok(row) => pipelines::delete(&web.store, &scope, &row.name).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) => Err(Problem::not_found("pipeline")),
        Err(other) => Err(other.into()),
    }
}
