//! Refused logins, the memory of the backoff. Whatever was typed as an address is stored hashed.
use std::time::Duration;

use crp_model::Timestamp;

use crate::{
    Store, StoreError,
    login::account_hash,
    sql::{args, sql},
};

/// How long a refusal is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

sql! {
    ADD = "INSERT INTO login_refusals (id, account_hash, address, refused_at) VALUES ($1, $2, $3, $4)";
    PRUNE = "DELETE FROM login_refusals WHERE refused_at < $1";
    OF_ACCOUNT =
        "SELECT count(*) AS n, max(refused_at) AS newest FROM login_refusals WHERE account_hash = $1 AND refused_at > $2";
    OF_ADDRESS =
        "SELECT count(*) AS n, max(refused_at) AS newest FROM login_refusals WHERE address = $1 AND refused_at > $2";
    CLEAR = "DELETE FROM login_refusals WHERE account_hash = $1";
}

/// Notes one refusal and forgets those of more than a day ago.
///
/// # Errors
/// The database's.
pub async fn record_refusal(store: &Store, account: &str, address: &str) -> Result<(), StoreError> {
    let (id, now) = (store.ambient().new_uuid(), store.ambient().now());
    let mut tx = store.write().await?;
    tx.run(&PRUNE, args![now.minus(REMEMBERED)]).await?;
    tx.run(&ADD, args![id, account_hash(account), address, now]).await?;
    tx.commit().await
}

/// Refusals after `since`: of the account, of the address, and when the newest of either was.
///
/// # Errors
/// The database's.
pub async fn refusals_since(
    store: &Store,
    account: &str,
    address: &str,
    since: Timestamp,
) -> Result<(u32, u32, Option<Timestamp>), StoreError> {
    let mut tx = store.read().await?;
    let of_account = tx.one(&OF_ACCOUNT, args![account_hash(account), since]).await?.ok_or(StoreError::NotFound)?;
    let of_address = tx.one(&OF_ADDRESS, args![address, since]).await?.ok_or(StoreError::NotFound)?;
    let newest: Option<Timestamp> = of_account.opt("newest")?.max(of_address.opt("newest")?);
    Ok((of_account.get("n")?, of_address.get("n")?, newest))
}

/// Forgets the account's refusals.
///
/// # Errors
/// The database's.
pub async fn clear_refusals(store: &Store, account: &str) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&CLEAR, args![account_hash(account)]).await?;
    tx.commit().await
}
