//! Users and their memberships.
use crp_model::{OrganizationId, Role, Scope, Timestamp, UserId};
use crate::{Store, StoreError};
/// A user to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// E-mail address; unique in the installation.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Hash of the password (PHC string).
    pub password_hash: String,
    /// Role in the organization of the scope.
    pub role: Role,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
}
/// A user of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Role in the organization.
    pub role: Role,
    /// Whether the account is switched on.
    pub is_active: bool,
    /// Since when it is locked.
    pub locked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
/// A user with every membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Organizations, oldest membership first.
    pub memberships: Vec<Membership>,
}
/// What a user is in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// The user's role there.
    pub role: Role,
}
/// Makes a user who belongs to the scope's organization. `Conflict` when the address is taken.
pub async fn create_user(_store: &Store, _scope: &Scope, _new: NewUser) -> Result<UserId, StoreError> { todo!() }
/// The users of the organization, by address.
pub async fn list_users(_store: &Store, _scope: &Scope) -> Result<Vec<UserRow>, StoreError> { todo!() }
/// The user's own profile.
pub async fn profile(_store: &Store, _user: UserId) -> Result<Profile, StoreError> { todo!() }
