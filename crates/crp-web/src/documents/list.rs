//! The documents of the organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{JobStatus, name::MAX_NAME_BYTES};
use crp_store::documents::{self, DocumentFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::DocumentView;
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{self, PageOf},
    problem::{Problem, Refusal},
    schemas,
};

/// Which documents, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentQuery {
    /// Only documents whose newest job is in this state.
    #[param(schema_with = schemas::job_status)]
    status: Option<JobStatus>,
    /// Only documents whose name contains this, in any case of letters.
    #[param(max_length = 255)]
    name: Option<String>,
    /// `next_cursor` of the page before; without it, the newest documents.
    cursor: Option<String>,
    /// Most documents of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the documents
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents", params(DocumentQuery),
    responses((status = 200, description = "A page of documents, newest first", body = PageOf<DocumentView>)))]
pub(crate) async fn list_documents(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<DocumentQuery>,
) -> Result<Json<PageOf<DocumentView>>, Problem> {
    let (cursor, limit) = paging::check(query.cursor.as_deref(), query.limit)?;
    if query.name.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES || name.contains('\0')) {
        return Err(Problem::new(Refusal::InvalidRequest, format!("\"name\" takes up to {MAX_NAME_BYTES} bytes without NUL")));
    }
    let filter = DocumentFilter { status: query.status, name_contains: query.name.filter(|name| !name.is_empty()) };
    let page = documents::list(&web.store, &caller.scope(), &filter, cursor, limit).await?;
    Ok(Json(PageOf::of(page, DocumentView::of)))
}
