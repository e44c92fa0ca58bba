//! Sessions: only the SHA-256 of the cookie's token is stored.
use crp_model::{OrganizationId, Principal, Timestamp, UserId};
use crate::{Store, StoreError};
/// A session to make.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The user.
    pub user: UserId,
    /// The organization that the session works in.
    pub organization: OrganizationId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The browser, as it names itself (shortened to 400 characters).
    pub user_agent: Option<String>,
    /// The address it comes from.
    pub address: Option<String>,
}
/// A session that is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who calls.
    pub principal: Principal,
    /// E-mail address.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Name of the organization.
    pub organization_name: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
}
/// Begins a session. `NotFound` when the user is no member of the organization.
pub async fn create_session(_store: &Store, _new: NewSession) -> Result<(), StoreError> { todo!() }
/// The session, if it is valid: not expired, its user active and not locked, still a member.
pub async fn find_session(_store: &Store, _token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> { todo!() }
/// Notes that the session was used; writes at most once a minute.
pub async fn touch_session(_store: &Store, _token_hash: [u8; 32]) -> Result<(), StoreError> { todo!() }
/// Ends the session; ending one that is not there is fine.
pub async fn delete_session(_store: &Store, _token_hash: [u8; 32]) -> Result<(), StoreError> { todo!() }
/// Removes what has expired; how many.
pub async fn delete_expired_sessions(_store: &Store) -> Result<u64, StoreError> { todo!() }
/// Sessions that are valid now.
pub async fn sessions_active(_store: &Store) -> Result<u64, StoreError> { todo!() }
