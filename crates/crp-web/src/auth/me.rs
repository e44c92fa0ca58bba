//! Who am I: user, organization and role of the session.

use axum::Json;
use crp_store::sessions::Session;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::principal::Caller;
use crate::schemas;

/// The caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user.
    user: MyUser,
    /// The organization that the session works in.
    organization: MyOrganization,
    /// The user's role there.
    #[schema(schema_with = schemas::role)]
    role: &'static str,
    /// Whether the user administers the platform.
    is_platform_admin: bool,
    /// When the session ends.
    #[schema(schema_with = schemas::timestamp)]
    session_expires_at: String,
}

/// The user who calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct MyUser {
    /// Id.
    id: Uuid,
    /// E-mail address.
    email: String,
    /// Name as people see it.
    display_name: String,
}

/// The organization that the session works in.
#[derive(Serialize, ToSchema)]
pub(crate) struct MyOrganization {
    /// Id.
    id: Uuid,
    /// Name.
    name: String,
}

impl Me {
    pub(crate) fn of(session: &Session) -> Self {
        let principal = &session.principal;
        Self {
            user: MyUser { id: principal.user.0, email: session.email.clone(), display_name: session.display_name.clone() },
            organization: MyOrganization { id: principal.organization.0, name: session.organization_name.clone() },
            role: principal.role.as_str(),
            is_platform_admin: principal.is_platform_admin,
            session_expires_at: session.expires_at.rfc3339(),
        }
    }
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/me", tag = "session", responses((status = 200, description = "The caller", body = Me)))]
pub(crate) async fn get_me(caller: Caller) -> Json<Me> {
    Json(Me::of(&caller.session))
}
