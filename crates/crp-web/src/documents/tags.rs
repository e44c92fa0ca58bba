//! The tags that the organization uses.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::documents;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Web, auth::principal::Caller, problem::Problem};

/// The tags of the organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagList {
    /// The tags in alphabetical order, up to 1000 of them.
    items: Vec<TagView>,
}

/// A tag.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagView {
    /// The tag, in one of the spellings that are in use.
    tag: String,
    /// Documents that have it, without those in the trash.
    documents: u64,
}

/// List the tags
#[utoipa::path(get, path = "/api/v1/tags", tag = "documents", responses((status = 200, description = "The tags that are in use", body = TagList)))]
pub(crate) async fn list_tags(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<TagList>, Problem> {
    let tags = documents::tags(&web.store, &caller.scope()).await?;
    Ok(Json(TagList { items: tags.into_iter().map(|row| TagView { tag: row.tag, documents: row.documents }).collect() }))
}
