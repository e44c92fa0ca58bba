//! Changing what people know about a document.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::DocumentId;
use crp_store::documents::{self, DocumentChange};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{known, view::DocumentView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::{JsonBody, PathOf},
    problem::Problem,
    schemas,
};

/// What changes; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeDocument {
    /// The title; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 255)]
    title: Option<Option<String>>,
    /// The date that stands on the document, `YYYY-MM-DD`; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = schemas::optional_day)]
    document_date: Option<Option<String>>,
    /// All of its tags, up to 50 of 64 bytes; they keep their case and are compared without it.
    #[schema(max_items = 50)]
    tags: Option<Vec<String>>,
}

/// Change a document
///
/// Its title, date and tags. The original never changes.
#[utoipa::path(patch, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    request_body = ChangeDocument,
    responses((status = 200, description = "The document as it is now", body = DocumentView)))]
pub(crate) async fn change_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    JsonBody(body): JsonBody<ChangeDocument>,
) -> Result<Json<DocumentView>, Problem> {
    let change = body.checked()?;
    Ok(Json(DocumentView::of(documents::change(&web.store, &caller.scope(), DocumentId(id), &change).await?)))
}

impl ChangeDocument {
    fn checked(self) -> Result<DocumentChange, Problem> {
        let title = self.title.map(|title| title.as_deref().map_or(Ok(None), known::title)).transpose()?;
        let document_date = self.document_date.map(|date| date.as_deref().map(known::date).transpose()).transpose()?;
        let tags = self.tags.map(|tags| known::tags("tags", tags)).transpose()?;
        Ok(DocumentChange { title, document_date, tags, ..DocumentChange::default() })
    }
}

/// Tells a field that is null from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}
