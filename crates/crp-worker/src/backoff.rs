//! What comes after a failure: wait for what is away, try again later, or give up.

use std::time::Duration;

use crp_model::{Code, Failure};
use crp_store::tasks::ClaimedTask;

/// What to do with the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Something that the task needs is away: it waits without spending an attempt.
    Wait(Duration),
    /// Try again after this time.
    Retry(Duration),
    /// The job fails.
    GiveUp,
}

/// First pause before another attempt, in seconds; it doubles with each.
const BASE_SECONDS: f64 = 2.0;
/// Longest pause, in seconds.
const MOST_SECONDS: f64 = 300.0;
/// Pause while storage, disk or database are away, in seconds.
const AWAY_SECONDS: f64 = 5.0;

/// Decides by the failure's code. `jitter` in 0.5 … 1 spreads the attempts.
pub(crate) fn next(failure: &Failure, claimed: &ClaimedTask, jitter: f64) -> Next {
    match failure.code {
        Code::StorageUnavailable | Code::DiskFull | Code::DatabaseUnavailable => Next::Wait(Duration::from_secs_f64(AWAY_SECONDS * jitter)),
        Code::EngineCrashed | Code::EngineAnswerInvalid | Code::PageTimeout | Code::WorkerLost | Code::Internal
            if claimed.attempt < claimed.max_attempts =>
        {
            let doubled = BASE_SECONDS * 2f64.powi(i32::try_from(claimed.attempt).unwrap_or(1).clamp(1, 16) - 1);
            Next::Retry(Duration::from_secs_f64(doubled.min(MOST_SECONDS) * jitter))
        }
        // Anything else fails in the same way each time, or waits for a person.
        _ => Next::GiveUp,
    }
}
