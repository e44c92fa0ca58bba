//! The jobs of the organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{DocumentId, JobStatus};
use crp_store::jobs::{self, JobFilter};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::JobSummaryView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{self, PageOf},
    problem::Problem,
    schemas,
};

/// Which jobs, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobQuery {
    /// Only jobs in this state.
    #[param(schema_with = schemas::job_status)]
    status: Option<JobStatus>,
    /// Only jobs of this document.
    document: Option<Uuid>,
    /// `next_cursor` of the page before; without it, the newest jobs.
    cursor: Option<String>,
    /// Most jobs of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the jobs
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A page of jobs, newest first", body = PageOf<JobSummaryView>)))]
pub(crate) async fn list_jobs(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<JobQuery>,
) -> Result<Json<PageOf<JobSummaryView>>, Problem> {
    let (cursor, limit) = paging::check(query.cursor.as_deref(), query.limit)?;
    let filter = JobFilter { status: query.status, document: query.document.map(DocumentId) };
    Ok(Json(PageOf::of(jobs::list(&web.store, &caller.scope(), &filter, cursor, limit).await?, JobSummaryView::of)))
}
