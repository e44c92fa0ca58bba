//! Putting a document on hold, and lifting the hold.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::DocumentId;
use crp_store::documents;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{known, view::DocumentView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::{JsonBody, PathOf},
    problem::Problem,
};

/// Why a document is put on hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldDocument {
    /// The reason, one line; everybody who sees the document sees it.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Put a document on hold
///
/// It is neither moved to the trash nor deleted by anybody or anything, retention included, until the hold is lifted. One in the
/// trash stays there. With another reason, a document on hold gets that one.
#[utoipa::path(put, path = "/api/v1/documents/{id}/hold", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    request_body = HoldDocument,
    responses((status = 200, description = "The document", body = DocumentView)))]
pub(crate) async fn hold_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    JsonBody(body): JsonBody<HoldDocument>,
) -> Result<Json<DocumentView>, Problem> {
    let reason = known::hold_reason(&body.reason)?;
    Ok(Json(DocumentView::of(documents::hold(&web.store, &caller.scope(), DocumentId(id), &reason).await?)))
}

/// Lift the hold of a document
///
/// If its retention is over, it goes to the trash within the hour. One that is not on hold stays as it is.
#[utoipa::path(delete, path = "/api/v1/documents/{id}/hold", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    responses((status = 200, description = "The document", body = DocumentView)))]
pub(crate) async fn release_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<DocumentView>, Problem> {
    Ok(Json(DocumentView::of(documents::release(&web.store, &caller.scope(), DocumentId(id)).await?)))
}
