//! One document.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::DocumentId;
use crp_store::documents;
use uuid::Uuid;

use super::view::DocumentView;
use crate::{Web, auth::principal::Caller, extract::PathOf, problem::Problem};

/// Get a document
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    responses((status = 200, description = "The document", body = DocumentView)))]
pub(crate) async fn get_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<DocumentView>, Problem> {
    Ok(Json(DocumentView::of(documents::get(&web.store, &caller.scope(), DocumentId(id)).await?)))
}
