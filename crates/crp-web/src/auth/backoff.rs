//! Backoff: from the tenth refusal in five minutes on, an account or an address waits before it is looked at again.

use std::time::Duration;

use crp_model::{Timestamp, labels::RateLimitScope};
use crp_store::login_refusals::refusals_since;

use crate::{
    Web,
    problem::{Problem, Refusal},
};

/// Refusals are remembered so long.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// So many refusals are free; the next one waits.
const FREE_REFUSALS: u32 = 9;
/// The first wait; it doubles with every further refusal, up to the window.
const FIRST_WAIT_SECONDS: u64 = 30;

/// Checks that neither the account nor the address has to wait.
///
/// # Errors
/// `rate_limited` with the seconds to wait, or a failure of the database.
pub(crate) async fn check(web: &Web, account: &str, address: &str) -> Result<(), Problem> {
    let now = web.ambient.now();
    let (by_account, by_address, newest) = refusals_since(&web.store, account, address, now.minus(WINDOW)).await?;
    match wait_seconds(by_account.max(by_address), newest, now) {
        None => Ok(()),
        Some(seconds) => {
            web.metrics.rate_limited_total.inc(RateLimitScope::Login);
            let detail = "There were too many refused sign-ins for this account or from this address".to_owned();
            Err(Problem::new(Refusal::RateLimited, detail).retry_after(seconds))
        }
    }
}

/// How long the next attempt still has to wait.
fn wait_seconds(refusals: u32, newest: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    let over = refusals.checked_sub(FREE_REFUSALS)?;
    let wait = FIRST_WAIT_SECONDS.saturating_mul(1 << over.min(16)).min(WINDOW.as_secs());
    let waited = now.seconds_since(newest?) as u64;
    (waited < wait).then(|| wait - waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_attempt_waits_and_each_further_one_longer_but_never_beyond_the_window() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        assert_eq!(wait_seconds(8, Some(at(0)), at(0)), None);
        assert_eq!(wait_seconds(9, Some(at(0)), at(0)), Some(30));
        assert_eq!(wait_seconds(9, Some(at(0)), at(29)), Some(1));
        assert_eq!(wait_seconds(9, Some(at(0)), at(30)), None);
        assert_eq!(wait_seconds(10, Some(at(0)), at(30)), Some(30));
        assert_eq!(wait_seconds(1000, Some(at(0)), at(0)), Some(300));
    }
}
