//! The audit log of the organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::audit::{self, AuditRow};
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

/// One line of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Id.
    id: Uuid,
    /// When.
    #[schema(schema_with = schemas::timestamp)]
    at: String,
    /// Who; null for the system or the operator's command line.
    actor: Option<Uuid>,
    /// The actor's e-mail address, if the account still exists.
    actor_email: Option<String>,
    /// What was done.
    action: String,
    /// What it was done to.
    subject: Option<Uuid>,
    /// More about it.
    detail: serde_json::Value,
}

/// Read the audit log
#[utoipa::path(get, path = "/api/v1/audit", tag = "organization", params(PageQuery),
    responses((status = 200, description = "A page of the log, newest first", body = PageOf<AuditView>)))]
pub(crate) async fn list_audit(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<AuditView>>, Problem> {
    let (cursor, limit) = query.check()?;
    Ok(Json(PageOf::of(audit::list(&web.store, &caller.scope(), cursor, limit).await?, show)))
}

fn show(row: AuditRow) -> AuditView {
    AuditView {
        id: row.id.0,
        at: row.at.rfc3339(),
        actor: row.actor.map(|user| user.0),
        actor_email: row.actor_email,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
    }
}
