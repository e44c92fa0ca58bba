//! The caller's sessions: where they are signed in, and ending one of them.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::SessionId;
use crp_store::{
    StoreError,
    sessions::{self, SessionRow},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::principal::Caller;
use crate::{
    Web,
    extract::{PathOf, QueryOf},
    paging::{PageOf, PageQuery},
    problem::Problem,
    schemas,
};

/// A session of the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Id; it signs nobody in.
    id: Uuid,
    /// When it began.
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
    /// When it was last used, to the minute.
    #[schema(schema_with = schemas::timestamp)]
    last_seen_at: String,
    /// When it ends.
    #[schema(schema_with = schemas::timestamp)]
    expires_at: String,
    /// The browser or program, as it named itself.
    user_agent: Option<String>,
    /// The address from which it began.
    address: Option<String>,
    /// Whether it is the session of this request.
    is_current: bool,
}

/// List your sessions
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session", params(PageQuery),
    responses((status = 200, description = "A page of the sessions that have not ended, newest first", body = PageOf<SessionView>)))]
pub(crate) async fn list_sessions(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<SessionView>>, Problem> {
    let rows = sessions::list_sessions(&web.store, caller.principal().user).await?;
    let shown = rows.into_iter().map(|row| show(row, caller.session.id)).collect();
    Ok(Json(PageOf::cut(shown, &query, |session| session.id)?))
}

/// End one of your sessions
///
/// Whoever has its cookie has to sign in again; a stream that it reads ends within a minute.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 204, description = "It has ended")))]
pub(crate) async fn revoke_session(State(web): State<Arc<Web>>, caller: Caller, PathOf(id): PathOf<Uuid>) -> Result<StatusCode, Problem> {
    match sessions::revoke_session(&web.store, &caller.scope(), SessionId(id)).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) => Err(Problem::not_found("session")),
        Err(other) => Err(other.into()),
    }
}

fn show(row: SessionRow, current: SessionId) -> SessionView {
    SessionView {
        id: row.id.0,
        created_at: row.created_at.rfc3339(),
        last_seen_at: row.last_seen_at.rfc3339(),
        expires_at: row.expires_at.rfc3339(),
        user_agent: row.user_agent,
        address: row.address,
        is_current: row.id == current,
    }
}
