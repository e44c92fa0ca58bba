//! The organization itself.
use crp_model::{OrganizationId, Scope, Timestamp};
use crate::{Store, StoreError};
/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its languages, Tesseract's codes; the default of every OCR stage.
    pub languages: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}
/// The scope's organization.
pub async fn get(_store: &Store, _scope: &Scope) -> Result<OrganizationRow, StoreError> { todo!() }
/// Sets its languages.
pub async fn set_languages(_store: &Store, _scope: &Scope, _languages: &[String]) -> Result<(), StoreError> { todo!() }
