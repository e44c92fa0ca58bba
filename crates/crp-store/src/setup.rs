//! The first start: one organization and one administrator. Works without a scope, since there is none yet.
use crp_model::{OrganizationId, Role, Scope, Timestamp, UserId};

use crate::{
    Store, StoreError, audit,
    login::normal_email,
    organizations,
    sql::{args, sql},
    users,
};

/// What the first start asks for.
#[derive(Clone)]
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

sql! {
    ANY_USER = "SELECT id FROM users LIMIT 1";
    BEGIN_INSTALLATION = "INSERT INTO installation (singleton, created_at) VALUES (1, $1) ON CONFLICT (singleton) DO NOTHING";
    END_TOKENS = "DELETE FROM setup_tokens";
    ADD_TOKEN = "INSERT INTO setup_tokens (token_hash, expires_at) VALUES ($1, $2)";
    FIND_TOKEN = "SELECT token_hash FROM setup_tokens WHERE token_hash = $1 AND expires_at > $2";
    ORGANIZATIONS = "SELECT id, name FROM organizations ORDER BY created_at, id";
}

/// Whether there is a user already.
///
/// # Errors
/// The database's.
pub async fn is_set_up(store: &Store) -> Result<bool, StoreError> {
    let mut tx = store.read().await?;
    Ok(tx.one(&ANY_USER, args![]).await?.is_some())
}

/// Makes the first organization and its administrator; every one-time link ends with it.
///
/// # Errors
/// `Conflict` when there is a user already, also when two do this at the same time.
pub async fn create_first(store: &Store, new: NewInstallation) -> Result<(OrganizationId, UserId), StoreError> {
    let now = store.ambient().now();
    let mut tx = store.write().await?;
    // The single row makes a second attempt wait for the first one's end, on both engines.
    let first = tx.run(&BEGIN_INSTALLATION, args![now]).await? == 1;
    if !first || tx.one(&ANY_USER, args![]).await?.is_some() {
        return Err(StoreError::Conflict("crPipeline is set up already; sign in instead.".to_owned()));
    }
    let organization = organizations::insert(&mut tx, &new.organization_name, &new.languages).await?;
    let user = users::NewUser {
        email: normal_email(&new.email),
        display_name: new.display_name,
        password_hash: new.password_hash,
        role: Role::Owner,
        is_platform_admin: true,
    };
    let user = users::insert(&mut tx, organization, &user).await?;
    tx.run(&END_TOKENS, args![]).await?;
    let by_them = Scope { organization, actor: Some(user) };
    audit::append(&mut tx, &by_them, "installation.set_up", Some(organization.0), &serde_json::json!({})).await?;
    tx.commit().await?;
    Ok((organization, user))
}

/// Stores the hash of a one-time link; the earlier ones end.
///
/// # Errors
/// The database's.
pub async fn put_setup_token(store: &Store, token_hash: [u8; 32], expires_at: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&END_TOKENS, args![]).await?;
    tx.run(&ADD_TOKEN, args![&token_hash[..], expires_at]).await?;
    tx.commit().await
}

/// Whether a one-time link with this hash is valid now.
///
/// # Errors
/// The database's.
pub async fn setup_token_is_valid(store: &Store, token_hash: [u8; 32]) -> Result<bool, StoreError> {
    let mut tx = store.read().await?;
    Ok(tx.one(&FIND_TOKEN, args![&token_hash[..], store.ambient().now()]).await?.is_some())
}

/// Every organization's id and name, oldest first (for the operator's command line).
///
/// # Errors
/// The database's.
pub async fn organizations(store: &Store) -> Result<Vec<(OrganizationId, String)>, StoreError> {
    let mut tx = store.read().await?;
    tx.all(&ORGANIZATIONS, args![]).await?.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}
