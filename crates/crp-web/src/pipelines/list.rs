//! The pipelines of an organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::Scope;
use crp_store::{StoreError, pipelines};
use uuid::Uuid;

use super::{resolve, view::PipelineView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{self, PageOf, PageQuery},
    problem::Problem,
};

/// List the pipelines
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "pipelines", params(PageQuery),
    responses((status = 200, description = "A page of pipelines: the built-in ones, the default first, then the saved ones by name", body = PageOf<PipelineView>)))]
pub(crate) async fn list_pipelines(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(mut query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<PipelineView>>, Problem> {
    let scope = caller.scope();
    let saved = pipelines::list(&web.store, &scope).await?;
    let built_in = resolve::built_in().map(|(file, own)| PipelineView::built_in(&file, own));
    let rows: Vec<PipelineView> = built_in.chain(saved.into_iter().map(PipelineView::saved)).collect();
    if let Some(newest) = newest_version(&web, &scope, query.cursor.as_deref(), &rows).await? {
        query.cursor = Some(paging::cursor_of(newest));
    }
    Ok(Json(PageOf::cut(rows, &query, |pipeline| pipeline.id)?))
}

/// A pipeline that was saved again between two pages has another id now; its place in the list is the same.
async fn newest_version(web: &Web, scope: &Scope, cursor: Option<&str>, rows: &[PipelineView]) -> Result<Option<Uuid>, Problem> {
    let Some(id) = cursor.and_then(|cursor| cursor.parse::<Uuid>().ok()) else { return Ok(None) };
    if rows.iter().any(|row| row.id == id) {
        return Ok(None);
    }
    match resolve::find_saved(web, scope, &id.to_string()).await {
        Ok(older) => Ok(rows.iter().find(|row| row.name == older.name).map(|row| row.id)),
        Err(StoreError::NotFound) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
