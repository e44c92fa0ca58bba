//! The original's bytes.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use crp_model::DocumentId;
use crp_store::documents;
use http::Method;
use uuid::Uuid;

use super::download::{self, DownloadQuery};
use crate::{
    Web,
    auth::principal::Caller,
    extract::{PathOf, QueryOf},
    problem::Problem,
};

/// Download the original
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document"), DownloadQuery),
    responses((status = 307, description = "Where the operator wants it: the bucket has the bytes, for a minute", headers(("location" = String, description = "A link that gives the original to whoever has it"))),
    (status = 200, description = "The bytes as they were uploaded", content(
        (Vec<u8> = "application/pdf"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/tiff")))))]
pub(crate) async fn get_document_content(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<DownloadQuery>,
    method: Method,
) -> Result<Response, Problem> {
    let content = documents::content(&web.store, &caller.scope(), DocumentId(id)).await?;
    let may_redirect = query.may_redirect(&method);
    download::send_file(&web, &content.object_key, content.sha256, content.media_type.mime(), content.name.as_str(), may_redirect).await
}
