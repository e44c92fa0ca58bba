//! What a page has to know before it shows anything: whether somebody is signed in, and whether anybody could be.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::{me::Me, principal};
use crate::{
    Web,
    problem::{Problem, Refusal},
};

/// How the caller stands with this installation.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionState {
    /// Whether there is an organization yet; before that only the one-time link leads anywhere.
    is_set_up: bool,
    /// The caller; null for one who is not signed in.
    me: Option<Me>,
}

/// Ask whether one is signed in
///
/// Unlike `GET /api/v1/me`, not being signed in is an answer, not a refusal.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, description = "How the caller stands", body = SessionState)))]
pub(crate) async fn get_session_state(State(web): State<Arc<Web>>, headers: HeaderMap) -> Result<Json<SessionState>, Problem> {
    let me = match principal::authenticate(&web, &headers).await {
        Ok(caller) => Some(Me::of(&caller.session)),
        Err(problem) if problem.code == Refusal::NotSignedIn.as_str() => None,
        Err(problem) => return Err(problem),
    };
    let is_set_up = me.is_some() || crp_store::setup::is_set_up(&web.store).await?;
    Ok(Json(SessionState { is_set_up, me }))
}
