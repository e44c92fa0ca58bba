//! The jobs of the organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{DocumentId, JobStatus, name::MAX_NAME_BYTES};
use crp_store::jobs::{self, JobFilter, JobGroup};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::JobSummaryView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{self, PageOf},
    problem::{Problem, Refusal},
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
    /// Only jobs of this group; each job is in exactly one.
    #[param(inline)]
    group: Option<GroupName>,
    /// Only jobs of documents whose name contains this, in any case of letters.
    #[param(max_length = 255)]
    q: Option<String>,
    /// `next_cursor` of the page before; without it, the newest jobs.
    cursor: Option<String>,
    /// Most jobs of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// What jobs ask of people.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupName {
    /// Failed, not dismissed, and the document was not run again since.
    Attention,
    /// Queued or running.
    Active,
    /// All others.
    Done,
}

impl GroupName {
    fn group(self) -> JobGroup {
        match self {
            GroupName::Attention => JobGroup::Attention,
            GroupName::Active => JobGroup::Active,
            GroupName::Done => JobGroup::Done,
        }
    }
}

/// List the jobs
///
/// `group=attention` are jobs that failed, were not dismissed, and whose document was not run again since; `active` are those that
/// are queued or running; `done` are all others.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A page of jobs, newest first", body = PageOf<JobSummaryView>)))]
pub(crate) async fn list_jobs(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<JobQuery>,
) -> Result<Json<PageOf<JobSummaryView>>, Problem> {
    let (cursor, limit) = paging::check(query.cursor.as_deref(), query.limit)?;
    if query.q.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES || name.contains('\0')) {
        return Err(Problem::new(Refusal::InvalidRequest, format!("\"q\" takes up to {MAX_NAME_BYTES} bytes without NUL")));
    }
    let filter = JobFilter {
        status: query.status,
        document: query.document.map(DocumentId),
        group: query.group.map(GroupName::group),
        name_contains: query.q.filter(|name| !name.is_empty()),
    };
    Ok(Json(PageOf::of(jobs::list(&web.store, &caller.scope(), &filter, cursor, limit).await?, JobSummaryView::of)))
}
