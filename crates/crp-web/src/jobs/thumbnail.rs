//! The small picture of one page.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use crp_model::{JobId, ObjectKey, PageNo};
use crp_store::jobs;
use uuid::Uuid;

use crate::{Web, auth::principal::Caller, documents::download, extract::PathOf, problem::Problem};

/// Get the picture of a page
#[utoipa::path(get, path = "/api/v1/jobs/{id}/pages/{page}/thumbnail", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job"), ("page" = u32, Path, description = "Number of the page, from 1", minimum = 1)),
    responses((status = 200, description = "A small picture of the page", body = Vec<u8>, content_type = "image/jpeg")))]
pub(crate) async fn get_thumbnail(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf((id, page)): PathOf<(Uuid, u32)>,
) -> Result<Response, Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    jobs::get(&web.store, &scope, job).await?;
    let missing = || Problem::not_found("picture");
    let key = ObjectKey::thumbnail(scope.organization, job, PageNo::new(page).ok_or_else(missing)?);
    // Pictures come as pages are saved; one that is not there yet is no damage.
    web.objects.head(&key).await?.ok_or_else(missing)?;
    download::show(&web, &key, "image/jpeg").await
}
