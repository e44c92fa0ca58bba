//! The first start: one organization and one administrator. Works without a scope, since there is none yet.
use crp_model::{OrganizationId, Timestamp, UserId};
use crate::{Store, StoreError};
/// What the first start asks for.
#[derive(Clone, Debug)]
pub struct NewInstallation {
    /// Name of the first organization.
    pub organization_name: String,
    /// Its languages, Tesseract's codes.
    pub languages: Vec<String>,
    /// The administrator's e-mail address.
    pub email: String,
    /// The administrator's name.
    pub display_name: String,
    /// The administrator's password, hashed (PHC string).
    pub password_hash: String,
}
/// Whether there is a user already.
pub async fn is_set_up(_store: &Store) -> Result<bool, StoreError> { todo!() }
/// Makes the first organization and its administrator; every one-time link ends with it.
pub async fn create_first(_store: &Store, _new: NewInstallation) -> Result<(OrganizationId, UserId), StoreError> { todo!() }
/// Stores the hash of a one-time link; the earlier ones end.
pub async fn put_setup_token(_store: &Store, _token_hash: [u8; 32], _expires_at: Timestamp) -> Result<(), StoreError> { todo!() }
/// Whether a one-time link with this hash is valid now.
pub async fn setup_token_is_valid(_store: &Store, _token_hash: [u8; 32]) -> Result<bool, StoreError> { todo!() }
/// Every organization's id and name, oldest first (command line of the operator).
pub async fn organizations(_store: &Store) -> Result<Vec<(OrganizationId, String)>, StoreError> { todo!() }
