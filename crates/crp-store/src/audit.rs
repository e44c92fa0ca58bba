//! The audit log: who did what, written in the transaction that did it.
use crp_model::{AuditId, Scope, Timestamp, UserId};
use crate::{Cursor, Page, Store, StoreError};
/// One line of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for the system or the operator's command line.
    pub actor: Option<UserId>,
    /// The actor's address, if the user still exists.
    pub actor_email: Option<String>,
    /// What: `document.added`, `job.cancelled`, …
    pub action: String,
    /// The thing it was done to.
    pub subject: Option<uuid::Uuid>,
    /// More about it.
    pub detail: serde_json::Value,
}
/// The organization's log, newest first.
pub async fn list(_store: &Store, _scope: &Scope, _cursor: Option<Cursor>, _limit: u32) -> Result<Page<AuditRow>, StoreError> { todo!() }
