//! The pipelines of an organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::pipelines;
use serde::Serialize;
use utoipa::ToSchema;

use super::{resolve, view::PipelineView};
use crate::{Web, auth::principal::Caller, problem::Problem};

/// Every pipeline: the built-in ones, the default first, then the saved ones by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct PipelineList {
    items: Vec<PipelineView>,
}

/// List the pipelines
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "pipelines", responses((status = 200, description = "The pipelines", body = PipelineList)))]
pub(crate) async fn list_pipelines(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<PipelineList>, Problem> {
    let saved = pipelines::list(&web.store, &caller.scope()).await?;
    let built_in = resolve::built_in().map(|(file, source)| PipelineView::built_in(&file, source));
    Ok(Json(PipelineList { items: built_in.chain(saved.into_iter().map(PipelineView::saved)).collect() }))
}
