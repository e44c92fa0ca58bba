//! The pages of a job, as far as they are read.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{JobId, TextSource};
use crp_store::jobs::{self, PageRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{self, FailureView, WarningView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::{PathOf, QueryOf},
    paging::{self, PageOf, PageQuery},
    problem::Problem,
};

/// A page of the document as the job read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageView {
    /// Its number, from 1.
    page: u32,
    /// `done` or `failed`.
    state: &'static str,
    /// Seconds that it took.
    seconds: f64,
    /// Where its text came from.
    #[schema(value_type = String)]
    source: TextSource,
    /// Mean confidence of its words, 0 to 1; null where nothing was recognised.
    mean_confidence: Option<f32>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
    /// What a person should know about it.
    warnings: Vec<WarningView>,
    /// Where its small picture is; null when there is none.
    thumbnail: Option<String>,
}

/// List the pages of a job
///
/// Those that are saved so far, in order.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/pages", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job"), PageQuery),
    responses((status = 200, description = "A part of the pages, the first at the beginning", body = PageOf<PageView>)))]
pub(crate) async fn list_job_pages(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<PageView>>, Problem> {
    let (after, limit) = paging::check_number(&query)?;
    let pages = jobs::pages(&web.store, &caller.scope(), JobId(id), after, limit).await?;
    Ok(Json(PageOf::numbered(pages, |row| show(id, row))))
}

fn show(job: Uuid, row: PageRow) -> PageView {
    PageView {
        page: row.page.get(),
        state: if row.failure.is_some() { "failed" } else { "done" },
        seconds: row.seconds,
        source: row.source,
        mean_confidence: row.mean_confidence,
        failure: row.failure.map(FailureView::of),
        warnings: row.warnings.into_iter().map(view::warning).collect(),
        thumbnail: row.has_thumbnail.then(|| format!("/api/v1/jobs/{job}/pages/{}/thumbnail", row.page)),
    }
}
