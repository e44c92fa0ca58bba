//! Accounts by e-mail address: what signing in and the operator's command line need before there is a scope.
use crp_model::{OrganizationId, Role, Scope, SessionId, Sha256Hash, Timestamp, UserId};

use crate::{
    Store, StoreError, audit,
    sql::{args, sql},
    transaction::Tx,
};

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
impl std::fmt::Debug for LoginAccount {
    /// Without the hash: it has no business in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAccount").field("user", &self.user).finish_non_exhaustive()
    }
}

sql! {
    FIND_ACCOUNT =
        "SELECT id, password_hash, is_active, is_confirmed, locked_at, is_platform_admin FROM users WHERE email = $1";
    MEMBERSHIPS =
        "SELECT organization, role FROM memberships WHERE user_id = $1 ORDER BY created_at, organization";
    SET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE email = $1 RETURNING id";
    CHANGE_PASSWORD =
        "UPDATE users SET password_hash = $2
         WHERE id = $1 AND EXISTS (SELECT s.id FROM sessions s WHERE s.user_id = $1 AND s.id = $3)";
    END_OTHER_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    LOCK = "UPDATE users SET locked_at = COALESCE(locked_at, $2) WHERE email = $1 RETURNING id";
    UNLOCK = "UPDATE users SET locked_at = NULL WHERE email = $1 RETURNING id";
    END_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
    FORGET_REFUSALS = "DELETE FROM login_refusals WHERE account_hash = $1";
}

/// The account with this e-mail address, in any case of letters.
///
/// # Errors
/// The database's.
pub async fn find_for_login(store: &Store, email: &str) -> Result<Option<LoginAccount>, StoreError> {
    let mut tx = store.read().await?;
    let Some(row) = tx.one(&FIND_ACCOUNT, args![normal_email(email).as_str()]).await? else { return Ok(None) };
    let user: UserId = row.get("id")?;
    let memberships = tx.all(&MEMBERSHIPS, args![user]).await?;
    let memberships = memberships.iter().map(|row| Ok((row.get("organization")?, row.get("role")?)));
    Ok(Some(LoginAccount {
        user,
        password_hash: row.get("password_hash")?,
        is_active: row.get("is_active")?,
        is_confirmed: row.get("is_confirmed")?,
        locked_at: row.opt("locked_at")?,
        memberships: memberships.collect::<Result<_, StoreError>>()?,
        is_platform_admin: row.get("is_platform_admin")?,
    }))
}

/// Sets another password and ends every session of the user.
///
/// # Errors
/// `NotFound` when no account has this address.
pub async fn set_password(store: &Store, email: &str, password_hash: &str) -> Result<UserId, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&SET_PASSWORD, args![normal_email(email).as_str(), password_hash]).await?;
    let user: UserId = row.ok_or(StoreError::NotFound)?.get("id")?;
    tx.run(&END_SESSIONS, args![user]).await?;
    note(&mut tx, user, "user.password_set").await?;
    tx.commit().await?;
    Ok(user)
}

/// Sets another password for the user of the session and ends every other session of that user.
///
/// # Errors
/// `NotFound` when the session has ended meanwhile: then somebody else has changed the password, or meant to keep its user out.
pub async fn change_password(store: &Store, user: UserId, kept: SessionId, password_hash: &str) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    if tx.run(&CHANGE_PASSWORD, args![user, password_hash, kept]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.run(&END_OTHER_SESSIONS, args![user, kept]).await?;
    note_by(&mut tx, user, Some(user), "user.password_changed").await?;
    tx.commit().await
}

/// Locks the account and ends every session of the user.
///
/// # Errors
/// `NotFound` when no account has this address.
pub async fn lock(store: &Store, email: &str) -> Result<UserId, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&LOCK, args![normal_email(email).as_str(), store.ambient().now()]).await?;
    let user: UserId = row.ok_or(StoreError::NotFound)?.get("id")?;
    tx.run(&END_SESSIONS, args![user]).await?;
    note(&mut tx, user, "user.locked").await?;
    tx.commit().await?;
    Ok(user)
}

/// Unlocks the account and forgets its refusals.
///
/// # Errors
/// `NotFound` when no account has this address.
pub async fn unlock(store: &Store, email: &str) -> Result<UserId, StoreError> {
    let mut tx = store.write().await?;
    let row = tx.one(&UNLOCK, args![normal_email(email).as_str()]).await?;
    let user: UserId = row.ok_or(StoreError::NotFound)?.get("id")?;
    tx.run(&FORGET_REFUSALS, args![account_hash(email)]).await?;
    note(&mut tx, user, "user.unlocked").await?;
    tx.commit().await?;
    Ok(user)
}

/// An account is of no single organization: the log of each that it belongs to has the line.
async fn note(tx: &mut Tx, user: UserId, action: &str) -> Result<(), StoreError> {
    note_by(tx, user, None, action).await
}

async fn note_by(tx: &mut Tx, user: UserId, actor: Option<UserId>, action: &str) -> Result<(), StoreError> {
    for row in tx.all(&MEMBERSHIPS, args![user]).await? {
        let scope = Scope { organization: row.get("organization")?, actor };
        audit::append(tx, &scope, action, Some(user.0), &serde_json::json!({})).await?;
    }
    Ok(())
}

/// The one spelling of an address that is stored and compared.
pub(crate) fn normal_email(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// What stands for an address in the memory of refusals: whatever was typed there may also be a password.
pub(crate) fn account_hash(typed: &str) -> Sha256Hash {
    Sha256Hash::of(normal_email(typed).as_bytes())
}
