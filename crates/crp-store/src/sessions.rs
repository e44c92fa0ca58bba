//! Sessions: only the SHA-256 of the cookie's token is stored.
use std::time::Duration;

use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
};
use crp_model::{OrganizationId, Principal, Scope, SessionId, Timestamp, UserId};

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
    /// Its id; no secret.
    pub id: SessionId,
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

/// A session as its user sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The browser, as it named itself.
    pub user_agent: Option<String>,
    /// The address it came from.
    pub address: Option<String>,
}

/// A session's last use is noted to this precision, so that reading does not become writing.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

sql! {
    ADD =
        "INSERT INTO sessions (token_hash, organization, user_id, created_at, expires_at, last_seen_at, user_agent, address, id)
         VALUES ($1, $2, $3, $4, $5, $4, $6, $7, $8)";
    FIND =
        "SELECT s.user_id, s.organization, m.role, u.is_platform_admin, u.email, u.display_name, o.name AS organization_name,
                s.id, s.created_at, s.expires_at, s.last_seen_at
         FROM sessions s
         JOIN users u ON u.id = s.user_id
         JOIN memberships m ON m.organization = s.organization AND m.user_id = s.user_id
         JOIN organizations o ON o.id = s.organization
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.is_active AND u.is_confirmed AND u.locked_at IS NULL";
    NEEDS_TOUCH = "SELECT token_hash FROM sessions WHERE token_hash = $1 AND last_seen_at <= $2";
    TOUCH = "UPDATE sessions SET last_seen_at = $2 WHERE token_hash = $1";
    DELETE = "DELETE FROM sessions WHERE token_hash = $1";
    DELETE_EXPIRED = "DELETE FROM sessions WHERE expires_at <= $1";
    LIST =
        "SELECT id, created_at, last_seen_at, expires_at, user_agent, address FROM sessions
         WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id";
    DELETE_OF_USER = "DELETE FROM sessions WHERE user_id = $1 AND id = $2 AND expires_at > $3";
    COUNT_ACTIVE = "SELECT count(*) AS n FROM sessions WHERE expires_at > $1";
}

/// Begins a session.
///
/// # Errors
/// `NotFound` when the user is no member of the organization.
pub async fn create_session(store: &Store, new: NewSession) -> Result<(), StoreError> {
    let user_agent: Option<String> = new.user_agent.map(|text| text.chars().take(400).collect());
    let mut tx = store.write().await?;
    let now = store.ambient().now();
    let (hash, agent, address) = (&new.token_hash[..], user_agent.as_deref(), new.address.as_deref());
    let id = SessionId::new(store.ambient());
    tx.run(&ADD, args![hash, new.organization, new.user, now, new.expires_at, agent, address, id]).await?;
    let scope = Scope { organization: new.organization, actor: Some(new.user) };
    audit::append(&mut tx, &scope, "user.signed_in", Some(new.user.0), &serde_json::json!({ "address": address })).await?;
    tx.commit().await
}

/// The session, if it is valid: not expired, its user active and not locked, still a member.
///
/// # Errors
/// The database's.
pub async fn find_session(store: &Store, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
    let mut tx = store.read().await?;
    let Some(row) = tx.one(&FIND, args![&token_hash[..], store.ambient().now()]).await? else { return Ok(None) };
    let principal = Principal {
        user: row.get("user_id")?,
        organization: row.get("organization")?,
        role: row.get("role")?,
        is_platform_admin: row.get("is_platform_admin")?,
    };
    Ok(Some(Session {
        id: row.get("id")?,
        principal,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        organization_name: row.get("organization_name")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_seen_at: row.get("last_seen_at")?,
    }))
}

/// Notes that the session was used; writes at most once a minute.
///
/// # Errors
/// The database's.
pub async fn touch_session(store: &Store, token_hash: [u8; 32]) -> Result<(), StoreError> {
    let now = store.ambient().now();
    let due = args![&token_hash[..], now.minus(TOUCH_EVERY)];
    if store.read().await?.one(&NEEDS_TOUCH, due).await?.is_none() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    tx.run(&TOUCH, args![&token_hash[..], now]).await?;
    tx.commit().await
}

/// Ends the session; ending one that is not there is fine.
///
/// # Errors
/// The database's.
pub async fn delete_session(store: &Store, token_hash: [u8; 32]) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&DELETE, args![&token_hash[..]]).await?;
    tx.commit().await
}

/// The user's sessions that have not expired, in every organization, newest first.
///
/// # Errors
/// The database's.
pub async fn list_sessions(store: &Store, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![user, store.ambient().now()]).await?;
    let read = rows.iter().map(|row| {
        Ok(SessionRow {
            id: row.get("id")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
            expires_at: row.get("expires_at")?,
            user_agent: row.opt("user_agent")?,
            address: row.opt("address")?,
        })
    });
    read.collect()
}

/// Ends one of the sessions of the scope's actor, wherever the cookie is.
///
/// # Errors
/// `NotFound` when the actor has no such session.
pub async fn revoke_session(store: &Store, scope: &Scope, session: SessionId) -> Result<(), StoreError> {
    let user = scope.actor.ok_or(StoreError::NotFound)?;
    let mut tx = store.write().await?;
    if tx.run(&DELETE_OF_USER, args![user, session, store.ambient().now()]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    audit::append(&mut tx, scope, "user.session_revoked", Some(user.0), &serde_json::json!({ "session": session })).await?;
    tx.commit().await
}

/// Removes what has expired; how many.
///
/// # Errors
/// The database's.
pub async fn delete_expired_sessions(store: &Store) -> Result<u64, StoreError> {
    let mut tx = store.write().await?;
    let removed = tx.run(&DELETE_EXPIRED, args![store.ambient().now()]).await?;
    tx.commit().await?;
    Ok(removed)
}

/// Sessions that have not expired.
///
/// # Errors
/// The database's.
pub async fn sessions_active(store: &Store) -> Result<u64, StoreError> {
    let mut tx = store.read().await?;
    tx.one(&COUNT_ACTIVE, args![store.ambient().now()]).await?.map_or(Ok(0), |row| row.get("n"))
}
