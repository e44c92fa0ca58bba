//! Refused logins, the memory of the backoff. Whatever was typed as an address is stored hashed.
use crp_model::Timestamp;
use crate::{Store, StoreError};
/// Notes one refusal and forgets those of more than a day ago.
pub async fn record_refusal(_store: &Store, _account: &str, _address: &str) -> Result<(), StoreError> { todo!() }
/// Refusals after `since`: of the account, of the address, and when the newest of either was.
pub async fn refusals_since(_store: &Store, _account: &str, _address: &str, _since: Timestamp) -> Result<(u32, u32, Option<Timestamp>), StoreError> { todo!() }
/// Forgets the account's refusals.
pub async fn clear_refusals(_store: &Store, _account: &str) -> Result<(), StoreError> { todo!() }
