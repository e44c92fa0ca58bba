//! The organization that the session works in.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::organizations::{self, OrganizationRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{PageOf, PageQuery},
    problem::Problem,
    schemas,
};

/// An organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationView {
    /// Id.
    id: Uuid,
    /// Name.
    name: String,
    /// Languages as Tesseract names them; the default of every OCR stage.
    languages: Vec<String>,
    /// When it was made.
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
}

/// List the caller's organizations
///
/// The one that the session works in.
#[utoipa::path(get, path = "/api/v1/organizations", tag = "organization", params(PageQuery),
    responses((status = 200, description = "The organization", body = PageOf<OrganizationView>)))]
pub(crate) async fn list_organizations(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<OrganizationView>>, Problem> {
    let OrganizationRow { id, name, languages, created_at } = organizations::get(&web.store, &caller.scope()).await?;
    let own = OrganizationView { id: id.0, name, languages, created_at: created_at.rfc3339() };
    Ok(Json(PageOf::cut(vec![own], &query, |organization| organization.id)?))
}
