//! Accounts by e-mail address: what signing in and the operator's command line need before there is a scope.
use crp_model::{OrganizationId, Role, Timestamp, UserId};
use crate::{Store, StoreError};
/// What is needed to judge a login.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAccount {
    /// The user.
    pub user: UserId,
    /// Hash of the password (PHC string).
    pub password_hash: String,
    /// Whether the account is switched on.
    pub is_active: bool,
    /// Whether the account was confirmed.
    pub is_confirmed: bool,
    /// Since when it is locked.
    pub locked_at: Option<Timestamp>,
    /// Organizations, oldest membership first.
    pub memberships: Vec<(OrganizationId, Role)>,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
}
impl std::fmt::Debug for LoginAccount { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
/// The account with this e-mail address, in any case of letters.
pub async fn find_for_login(_store: &Store, _email: &str) -> Result<Option<LoginAccount>, StoreError> { todo!() }
/// Sets another password and ends every session of the user.
pub async fn set_password(_store: &Store, _email: &str, _password_hash: &str) -> Result<UserId, StoreError> { todo!() }
/// Locks the account and ends every session of the user.
pub async fn lock(_store: &Store, _email: &str) -> Result<UserId, StoreError> { todo!() }
/// Unlocks the account and forgets its refusals.
pub async fn unlock(_store: &Store, _email: &str) -> Result<UserId, StoreError> { todo!() }
