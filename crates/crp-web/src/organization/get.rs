//! The organization that the session works in.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::organizations::{self, OrganizationRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Web, auth::principal::Caller, problem::Problem, schemas};

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

/// The organizations of the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationList {
    items: Vec<OrganizationView>,
}

/// List the caller's organizations
///
/// The one that the session works in.
#[utoipa::path(get, path = "/api/v1/organizations", tag = "organization",
    responses((status = 200, description = "The organization", body = OrganizationList)))]
pub(crate) async fn list_organizations(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<OrganizationList>, Problem> {
    let OrganizationRow { id, name, languages, created_at } = organizations::get(&web.store, &caller.scope()).await?;
    Ok(Json(OrganizationList { items: vec![OrganizationView { id: id.0, name, languages, created_at: created_at.rfc3339() }] }))
}
