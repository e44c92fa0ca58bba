//! Waiting for something to become true, with an end to the patience.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long the stories of the tests wait for anything; slow machines that do much at once need minutes.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Asks until there is an answer.
///
/// # Panics
/// After `patience`, naming what was waited for.
pub async fn until<T>(what: &str, patience: Duration, ask: impl AsyncFnMut() -> Option<T>) -> T {
    match within(patience, ask).await {
        Some(answer) => answer,
        None => panic!("waited {} s in vain for {what}", patience.as_secs()),
    }
}

/// Asks until there is an answer or the patience ends.
pub async fn within<T>(patience: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
