//! One pipeline, by name or id.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::StoreError;

use super::{resolve, view::PipelineView};
use crate::{Web, auth::principal::Caller, extract::PathOf, problem::Problem};

/// Get a pipeline
#[utoipa::path(get, path = "/api/v1/pipelines/{name}", tag = "pipelines",
    params(("name" = String, Path, description = "Name of the pipeline, or id of one of its versions", max_length = 64)),
    responses((status = 200, description = "The pipeline", body = PipelineView)))]
pub(crate) async fn get_pipeline(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(name): PathOf<String>,
) -> Result<Json<PipelineView>, Problem> {
    if let Some((file, own)) = resolve::find_built_in(&name) {
        return Ok(Json(PipelineView::built_in(&file, own)));
    }
    match resolve::find_saved(&web, &caller.scope(), &name).await {
        Ok(row) => Ok(Json(PipelineView::saved(row))),
        Err(StoreError::NotFound) => Err(Problem::not_found("pipeline")),
        Err(other) => Err(other.into()),
    }
}
