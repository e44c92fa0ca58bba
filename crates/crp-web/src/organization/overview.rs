//! Figures of the organization.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use crp_store::overview;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Web, auth::principal::Caller, problem::Problem};

/// Figures of the organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    /// Documents.
    documents: u64,
    /// Bytes of stored originals; the same bytes count once.
    stored_bytes: u64,
    /// Jobs by state.
    jobs: BTreeMap<String, u64>,
    /// Users.
    users: u64,
    /// Failed jobs that nobody has dismissed and whose document was not run again since.
    needs_attention: u64,
}

/// Figures of the organization
#[utoipa::path(get, path = "/api/v1/overview", tag = "organization", responses((status = 200, description = "The figures", body = Overview)))]
pub(crate) async fn get_overview(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<Overview>, Problem> {
    let figures = overview::organization_figures(&web.store, &caller.scope()).await?;
    Ok(Json(Overview {
        documents: figures.documents,
        stored_bytes: figures.stored_bytes,
        jobs: figures.jobs,
        users: figures.users,
        needs_attention: figures.needs_attention,
    }))
}
