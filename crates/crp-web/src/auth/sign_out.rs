//! Signing out: the session ends on the server, whoever still has the cookie.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use crp_store::sessions;
use http::{StatusCode, header};

use super::{cookie, principal::Caller};
use crate::{Web, problem::Problem};

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204, description = "Signed out; the cookie is removed")))]
pub(crate) async fn sign_out(State(web): State<Arc<Web>>, caller: Caller) -> Result<impl IntoResponse, Problem> {
    sessions::delete_session(&web.store, caller.token_hash).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&web.settings))]))
}
