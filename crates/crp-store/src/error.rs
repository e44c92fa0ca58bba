//! What a store function answers when it cannot do what it was asked.

use crp_model::Failure;

/// Why a store function did not do what it was asked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such row in this organization.
    #[error("there is no such thing in this organization")]
    NotFound,
    /// The rows are in a state that forbids it; the sentence is fit for the user.
    #[error("{0}")]
    Conflict(String),
    /// The lease of the task is no longer the caller's; whatever it did is void.
    #[error("the task's lease is no longer held by this worker")]
    Fenced,
    /// The database failed.
    #[error("{0}")]
    Failure(Failure),
}
impl StoreError {
    /// The error as a failure that can be shown.
    pub fn failure(&self) -> Failure { todo!() }
}
