//! The audit log: who did what, written in the transaction that did it.
use crate::{
    Cursor, Page, Store, StoreError, paging,
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};
use crp_model::{AuditId, Scope, Timestamp, UserId};

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

sql! {
    LIST =
        "SELECT a.id, a.happened_at, a.actor, u.email, a.action, a.subject, a.detail
         FROM audit_log a LEFT JOIN users u ON u.id = a.actor
         WHERE a.organization = $1 AND a.id < $2 ORDER BY a.id DESC LIMIT $3";
    APPEND =
        "INSERT INTO audit_log (id, organization, happened_at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

/// The organization's log, newest first.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, scope: &Scope, cursor: Option<Cursor>, limit: u32) -> Result<Page<AuditRow>, StoreError> {
    let limit = paging::clamp(limit);
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![scope.organization, paging::before(cursor), limit + 1]).await?;
    let read = rows.iter().map(|row| {
        Ok(AuditRow {
            id: row.get("id")?,
            at: row.get("happened_at")?,
            actor: row.opt("actor")?,
            actor_email: row.opt("email")?,
            action: row.get("action")?,
            subject: row.opt("subject")?,
            detail: row.get("detail")?,
        })
    });
    Ok(paging::page(read.collect::<Result<_, StoreError>>()?, limit, |row: &AuditRow| row.id.0))
}

/// Writes a line, in the transaction that does what it says.
pub(crate) async fn append(
    tx: &mut Tx,
    scope: &Scope,
    action: &str,
    subject: Option<uuid::Uuid>,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    let (id, now) = (AuditId::new(tx.store().ambient()), tx.store().ambient().now());
    let arguments = args![id, scope.organization, now, scope.actor, action, subject, Value::json(detail)];
    tx.run(&APPEND, arguments).await.map(drop)
}
