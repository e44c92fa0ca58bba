//! The users of the organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_store::users::{self, UserRow};
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

/// A user of the organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Id.
    id: Uuid,
    /// E-mail address.
    email: String,
    /// Name as people see it.
    display_name: String,
    /// Role.
    #[schema(schema_with = schemas::role)]
    role: &'static str,
    /// Whether the account is switched on.
    is_active: bool,
    /// Whether an administrator locked the account.
    is_locked: bool,
    /// When the account was made.
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
}

/// List the users
#[utoipa::path(get, path = "/api/v1/users", tag = "organization", params(PageQuery),
    responses((status = 200, description = "A page of users, by address", body = PageOf<UserView>)))]
pub(crate) async fn list_users(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<PageOf<UserView>>, Problem> {
    let rows = users::list_users(&web.store, &caller.scope()).await?;
    Ok(Json(PageOf::cut(rows.into_iter().map(show).collect(), &query, |user| user.id)?))
}

fn show(row: UserRow) -> UserView {
    UserView {
        id: row.id.0,
        email: row.email,
        display_name: row.display_name,
        role: row.role.as_str(),
        is_active: row.is_active,
        is_locked: row.locked_at.is_some(),
        created_at: row.created_at.rfc3339(),
    }
}
