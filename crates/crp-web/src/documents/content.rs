//! The original's bytes.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use crp_model::DocumentId;
use crp_store::documents;
use uuid::Uuid;

use super::download::{self, Disposition};
use crate::{Web, auth::principal::Caller, extract::PathOf, problem::Problem};

/// Download the original
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    responses((status = 200, description = "The bytes as they were uploaded", content(
        (Vec<u8> = "application/pdf"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/tiff")))))]
pub(crate) async fn get_document_content(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
) -> Result<Response, Problem> {
    let content = documents::content(&web.store, &caller.scope(), DocumentId(id)).await?;
    download::send(&web, &content.object_key, content.media_type.mime(), content.name.as_str(), Disposition::Attachment).await
}
