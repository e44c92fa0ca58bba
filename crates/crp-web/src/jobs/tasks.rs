//! The tasks of a job: who did what when.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::JobId;
use crp_store::jobs::{self, TaskRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::FailureView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::{PathOf, QueryOf},
    paging::{self, PageOf, PageQuery},
    problem::Problem,
    schemas,
};

/// A task of a job, in its newest attempt.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskView {
    /// What is done.
    #[schema(schema_with = schemas::task_kind)]
    kind: &'static str,
    /// Type of the stage that it belongs to.
    #[schema(schema_with = schemas::stage_type)]
    stage: &'static str,
    /// Its first page; null when it is about the whole document.
    first_page: Option<u32>,
    /// Its last page.
    last_page: Option<u32>,
    /// State.
    #[schema(schema_with = schemas::task_state)]
    state: &'static str,
    /// Attempts so far.
    attempt: u32,
    /// The worker that has it, or had it last.
    worker: Option<Uuid>,
    /// When it was made.
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
    /// When it may begin at the earliest.
    #[schema(schema_with = schemas::timestamp)]
    run_after: String,
    /// When its newest attempt began.
    #[schema(schema_with = schemas::optional_timestamp)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(schema_with = schemas::optional_timestamp)]
    finished_at: Option<String>,
    /// Why its newest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
}

/// List the tasks of a job
#[utoipa::path(get, path = "/api/v1/jobs/{id}/tasks", tag = "jobs", params(("id" = Uuid, Path, description = "Id of the job"), PageQuery),
    responses((status = 200, description = "A part of the tasks, stage by stage in the order in which they were made", body = PageOf<TaskView>)))]
pub(crate) async fn list_job_tasks(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<TaskView>>, Problem> {
    let (skipped, limit) = paging::check_number(&query)?;
    let tasks = jobs::tasks(&web.store, &caller.scope(), JobId(id), skipped, limit).await?;
    Ok(Json(PageOf::numbered(tasks, show)))
}

fn show(row: TaskRow) -> TaskView {
    TaskView {
        kind: row.kind.as_str(),
        stage: row.stage.as_str(),
        first_page: row.first_page.map(crp_model::PageNo::get),
        last_page: row.last_page.map(crp_model::PageNo::get),
        state: row.state.as_str(),
        attempt: row.attempt,
        worker: row.worker.map(|worker| worker.0),
        created_at: row.created_at.rfc3339(),
        run_after: row.run_after.rfc3339(),
        started_at: row.started_at.map(|at| at.rfc3339()),
        finished_at: row.finished_at.map(|at| at.rfc3339()),
        failure: row.failure.map(FailureView::of),
    }
}
