//! What comes after a failure: wait for what is away, try again later, or give up.

use std::time::Duration;

use crp_model::{Code, Failure};

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
pub(crate) fn next(failure: &Failure, attempt: u32, max_attempts: u32, jitter: f64) -> Next {
    match failure.code {
        Code::StorageUnavailable | Code::DiskFull | Code::DatabaseUnavailable => Next::Wait(Duration::from_secs_f64(AWAY_SECONDS * jitter)),
        Code::EngineCrashed | Code::EngineAnswerInvalid | Code::PageTimeout | Code::WorkerLost | Code::Internal
            if attempt < max_attempts =>
        {
            let doubled = BASE_SECONDS * 2f64.powi(i32::try_from(attempt).unwrap_or(1).clamp(1, 16) - 1);
            Next::Retry(Duration::from_secs_f64(doubled.min(MOST_SECONDS) * jitter))
        }
        // Anything else fails in the same way each time, or waits for a person.
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(code: Code, attempt: u32) -> Next {
        next(&Failure::new(code, "x"), attempt, 3, 1.0)
    }

    #[test]
    fn pauses_double_and_the_last_attempt_is_the_end() {
        assert_eq!(after(Code::EngineCrashed, 1), Next::Retry(Duration::from_secs(2)));
        assert_eq!(after(Code::EngineCrashed, 2), Next::Retry(Duration::from_secs(4)));
        assert_eq!(after(Code::EngineCrashed, 3), Next::GiveUp);
    }

    #[test]
    fn an_outage_spends_no_attempt_however_long_it_lasts() {
        for code in [Code::StorageUnavailable, Code::DiskFull, Code::DatabaseUnavailable] {
            assert_eq!(after(code, 3), Next::Wait(Duration::from_secs(5)));
        }
    }

    #[test]
    fn what_fails_the_same_way_each_time_is_not_tried_again() {
        for code in [Code::EncryptedPdf, Code::DamagedFile, Code::TesseractMissing, Code::TooManyPages] {
            assert_eq!(after(code, 1), Next::GiveUp);
        }
    }
}
