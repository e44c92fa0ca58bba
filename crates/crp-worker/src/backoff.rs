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

/// Whether another attempt may end better: of a task, and of a single page, which is given up with its task's last attempt.
pub(crate) fn is_worth_another_attempt(failure: &Failure, attempt: u32, max_attempts: u32) -> bool {
    let comes_and_goes = matches!(
        failure.code,
        Code::EngineCrashed
            | Code::EngineUnavailable
            | Code::EngineAnswerInvalid
            | Code::PageTimeout
            | Code::PageFailed
            | Code::WorkerLost
            | Code::Internal
    );
    failure.retryable && comes_and_goes && attempt < max_attempts
}

/// Decides by the failure's code. `jitter` in 0.5 … 1 spreads the attempts.
pub(crate) fn next(failure: &Failure, attempt: u32, max_attempts: u32, jitter: f64) -> Next {
    match failure.code {
        Code::StorageUnavailable | Code::DiskFull | Code::DatabaseUnavailable => Next::Wait(Duration::from_secs_f64(AWAY_SECONDS * jitter)),
        _ if is_worth_another_attempt(failure, attempt, max_attempts) => {
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
    fn a_page_that_failed_is_tried_again_unless_its_failure_says_that_it_never_helps() {
        assert_eq!(after(Code::PageFailed, 1), Next::Retry(Duration::from_secs(2)));
        let never = Failure::new(Code::PageFailed, "x").never_retry();
        assert_eq!(next(&never, 1, 3, 1.0), Next::GiveUp);
        assert!(!is_worth_another_attempt(&never, 1, 3));
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
