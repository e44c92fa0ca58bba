//! Users and their memberships.
use crate::{
    Store, StoreError, audit,
    login::normal_email,
    sql::{args, sql},
    transaction::Tx,
};
use crp_model::{OrganizationId, Role, Scope, Timestamp, UserId};

/// A user to make.
#[derive(Clone)]
pub struct NewUser {
    /// E-mail address; unique in the installation.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Hash of the password (PHC string).
    pub password_hash: String,
    /// Role in the organization of the scope.
    pub role: Role,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
}
/// A user of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Role in the organization.
    pub role: Role,
    /// Whether the account is switched on.
    pub is_active: bool,
    /// Since when it is locked.
    pub locked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
/// A user with every membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// Name as people see it.
    pub display_name: String,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Organizations, oldest membership first.
    pub memberships: Vec<Membership>,
}
/// What a user is in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// The user's role there.
    pub role: Role,
}

sql! {
    ADD_USER =
        "INSERT INTO users (id, email, display_name, password_hash, is_active, is_confirmed, is_platform_admin, created_at)
         VALUES ($1, $2, $3, $4, TRUE, TRUE, $5, $6)";
    ADD_MEMBERSHIP = "INSERT INTO memberships (organization, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
    LIST =
        "SELECT u.id, u.email, u.display_name, m.role, u.is_active, u.locked_at, u.created_at
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization = $1 ORDER BY u.email";
    PROFILE = "SELECT email, display_name, is_platform_admin, created_at FROM users WHERE id = $1";
    PROFILE_MEMBERSHIPS =
        "SELECT m.organization, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization
         WHERE m.user_id = $1 ORDER BY m.created_at, m.organization";
}

/// Makes a user who belongs to the scope's organization.
///
/// # Errors
/// `Conflict` when the address is taken, `NotFound` when the organization is not there.
pub async fn create_user(store: &Store, scope: &Scope, new: NewUser) -> Result<UserId, StoreError> {
    let mut tx = store.write().await?;
    let user = insert(&mut tx, scope.organization, &new).await?;
    audit::append(&mut tx, scope, "user.created", Some(user.0), &serde_json::json!({ "role": new.role })).await?;
    tx.commit().await?;
    Ok(user)
}

/// The users of the organization, by address.
///
/// # Errors
/// The database's.
pub async fn list_users(store: &Store, scope: &Scope) -> Result<Vec<UserRow>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![scope.organization]).await?;
    let read = rows.iter().map(|row| {
        Ok(UserRow {
            id: row.get("id")?,
            email: row.get("email")?,
            display_name: row.get("display_name")?,
            role: row.get("role")?,
            is_active: row.get("is_active")?,
            locked_at: row.opt("locked_at")?,
            created_at: row.get("created_at")?,
        })
    });
    read.collect()
}

/// The user's own profile.
///
/// # Errors
/// `NotFound`.
pub async fn profile(store: &Store, user: UserId) -> Result<Profile, StoreError> {
    let mut tx = store.read().await?;
    let row = tx.one(&PROFILE, args![user]).await?.ok_or(StoreError::NotFound)?;
    let memberships = tx.all(&PROFILE_MEMBERSHIPS, args![user]).await?;
    let memberships = memberships
        .iter()
        .map(|row| Ok(Membership { organization: row.get("organization")?, organization_name: row.get("name")?, role: row.get("role")? }));
    Ok(Profile {
        id: user,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        is_platform_admin: row.get("is_platform_admin")?,
        created_at: row.get("created_at")?,
        memberships: memberships.collect::<Result<_, StoreError>>()?,
    })
}

/// Makes a user and the membership.
pub(crate) async fn insert(tx: &mut Tx, organization: OrganizationId, new: &NewUser) -> Result<UserId, StoreError> {
    let (user, now) = (UserId::new(tx.store().ambient()), tx.store().ambient().now());
    let email = normal_email(&new.email);
    let arguments = args![user, email.as_str(), new.display_name.trim(), new.password_hash.as_str(), new.is_platform_admin, now];
    let added = tx.run(&ADD_USER, arguments).await;
    added.map_err(|e| e.or_conflict("There is an account with this e-mail address already."))?;
    tx.run(&ADD_MEMBERSHIP, args![organization, user, new.role.as_str(), now]).await?;
    Ok(user)
}
