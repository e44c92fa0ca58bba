//! Many durations as a few figures.

use std::time::Duration;

use serde_json::{Value, json};

/// The middle, the slow end and the slowest, in milliseconds.
pub(crate) fn spread(durations: &mut [Duration]) -> Value {
    durations.sort_unstable();
    let at = |share: f64| {
        // Nearest rank: the smallest value that so many are not above.
        let rank = (share * durations.len() as f64).ceil() as usize;
        durations.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
    };
    json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0), "count": durations.len() })
}
