//! The story of a job: its events as a list, for who reads them later.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::JobId;
use crp_store::events::{self, Event};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Web,
    auth::principal::Caller,
    extract::{PathOf, QueryOf},
    paging::{self, PageOf, PageQuery},
    problem::Problem,
    schemas,
};

/// Something that happened to a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct HappenedView {
    /// Its number in the job, from 1.
    id: i64,
    /// What happened.
    #[schema(schema_with = schemas::event_kind)]
    kind: &'static str,
    /// When.
    #[schema(schema_with = schemas::timestamp)]
    at: String,
    /// The facts, such as `pages_done` and `pages_total`.
    #[schema(value_type = Object)]
    facts: serde_json::Value,
}

/// Read the story of a job
///
/// Its events as a list; `GET /api/v1/jobs/{id}/events` sends the same while they happen.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/history", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job"), PageQuery),
    responses((status = 200, description = "A part of the story, oldest first", body = PageOf<HappenedView>)))]
pub(crate) async fn get_job_history(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<HappenedView>>, Problem> {
    let (after, limit) = paging::check_number(&query)?;
    let events = events::history(&web.store, &caller.scope(), JobId(id), after.into(), limit).await?;
    Ok(Json(PageOf::numbered(events, show)))
}

fn show(event: Event) -> HappenedView {
    HappenedView { id: event.id, kind: event.kind.as_str(), at: event.at.rfc3339(), facts: event.payload }
}
