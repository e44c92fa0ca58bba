//! Sends a request until it is answered or patience ends, and says what happened when it was not.

use std::time::Duration;

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, labels::StorageOperation};
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use super::wire::{Seen, innermost, watching};
use crate::RetrySettings;

/// No pause between two attempts is longer than this.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// Patience, and the counters of what it cost.
#[derive(Clone)]
pub(crate) struct Requests {
    pub(crate) metrics: Metrics,
    pub(crate) retry: RetrySettings,
    /// The server as messages name it.
    pub(crate) server: String,
    /// Spreads the retries of many processes; nothing else depends on it.
    pub(crate) ambient: Ambient,
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    /// An earlier attempt may have been carried out although its answer never came.
    pub(crate) uncertain: bool,
    /// The refusal in words, if it is an error where it happened.
    pub(crate) failure: Failure,
}

/// The answers that mean something to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 404: no such object.
    Absent,
    /// 412: the condition does not hold.
    Condition,
    /// 416: the range begins behind the end.
    BeyondEnd,
    /// Everything else.
    Failed,
}

impl Requests {
    /// Sends until there is an answer that trying again would not change, at most `max_attempts` times.
    pub(crate) async fn send<T, F, Fut>(&self, operation: StorageOperation, step: F) -> Result<T, Refusal>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = object_store::Result<T>>,
    {
        self.send_up_to(self.retry.max_attempts.max(1), operation, step).await
    }

    /// As [`Requests::send`], with another bound.
    pub(crate) async fn send_up_to<T, F, Fut>(&self, attempts: u32, operation: StorageOperation, mut step: F) -> Result<T, Refusal>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = object_store::Result<T>>,
    {
        let mut uncertain = false;
        let mut attempt = 1;
        let begun = Instant::now();
        loop {
            let started = Instant::now();
            let (outcome, seen) = watching(timeout(self.retry.attempt_timeout, step())).await;
            self.metrics.s3_request_duration_seconds.observe(operation, started.elapsed().as_secs_f64());
            let error = match outcome {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => Some(error),
                Err(_elapsed) => None,
            };
            let verdict = judge(&seen);
            uncertain |= verdict.uncertain;
            let said = self.said(&seen, error.as_ref());
            if !verdict.again || attempt >= attempts || begun.elapsed() >= self.retry.budget {
                return Err(Refusal { kind: verdict.kind, uncertain, failure: self.failure(&seen, &said, attempt) });
            }
            tracing::debug!(?operation, attempt, "the object storage {said}; trying again");
            self.pause(operation, attempt).await;
            attempt += 1;
        }
    }

    /// Counts a retry and waits before it; `failed` attempts came before.
    pub(crate) async fn pause(&self, operation: StorageOperation, failed: u32) {
        self.metrics.s3_retries_total.inc(operation);
        let doubled = self.retry.base_backoff.saturating_mul(1u32 << failed.saturating_sub(1).min(16));
        sleep(doubled.min(MAX_BACKOFF).mul_f64(self.ambient.jitter())).await;
    }

    /// A failure that names the server, for what was not an answer to one request.
    pub(crate) fn unavailable(&self, what: &str) -> Failure {
        Failure::new(Code::StorageUnavailable, format!("The object storage at {} {what}", self.server))
    }

    fn said(&self, seen: &Seen, error: Option<&object_store::Error>) -> String {
        match (seen.status, error) {
            (Some(status), Some(_)) if !status.is_success() => {
                let reason = if seen.code.is_empty() { status.canonical_reason().unwrap_or("") } else { &seen.code };
                let message = if seen.message.is_empty() { String::new() } else { format!(": {}", seen.message.trim_end_matches('.')) };
                format!("answered {} {reason}{message}", status.as_u16())
            }
            (_, Some(error)) => {
                let cause = seen.transport.clone().unwrap_or_else(|| innermost(error));
                format!("could not be reached or broke off: {cause}")
            }
            (_, None) => format!("did not answer within {} s", self.retry.attempt_timeout.as_secs_f64()),
        }
    }

    fn failure(&self, seen: &Seen, said: &str, attempts: u32) -> Failure {
        let times = if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() };
        let failure = self.unavailable(&format!("{said}{times}"));
        let Some(status) = seen.status else { return failure };
        match (status, seen.code.as_str()) {
            (StatusCode::INSUFFICIENT_STORAGE, _) => Failure::new(Code::DiskFull, failure.message),
            (_, code) if code.contains("StorageFull") => Failure::new(Code::DiskFull, failure.message),
            _ => match remedy(status, &seen.code) {
                Some(remedy) => failure.with_remedy(format!("Nothing is lost. The operator {remedy}")),
                None => failure,
            },
        }
    }
}

/// What the operator does about an answer, as the end of a sentence.
fn remedy(status: StatusCode, code: &str) -> Option<&'static str> {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => {
            return Some(
                "gives the server fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN and starts it again, or uses a key that does not expire.",
            );
        }
        "RequestTimeTooSkewed" | "RequestExpired" => {
            return Some(
                "sets the clock of this machine right (timedatectl); it differs from the storage's by more than a signature allows.",
            );
        }
        _ => {}
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Some("checks AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, the clock, and what this key may do with the bucket.")
        }
        StatusCode::NOT_FOUND => Some("creates the bucket or corrects S3_BUCKET."),
        _ if status.is_redirection() => Some("corrects AWS_REGION or AWS_ENDPOINT_URL."),
        _ => None,
    }
}

struct Verdict {
    kind: Kind,
    again: bool,
    uncertain: bool,
}

/// What an unsuccessful attempt means. Every request of ours may be sent twice: what is written is the same each time.
fn judge(seen: &Seen) -> Verdict {
    let is = |kind| Verdict { kind, again: false, uncertain: false };
    let again = |uncertain| Verdict { kind: Kind::Failed, again: true, uncertain };
    let Some(status) = seen.status else { return again(true) };
    match status.as_u16() {
        404 if seen.code != "NoSuchBucket" => is(Kind::Absent),
        412 => is(Kind::Condition),
        416 => is(Kind::BeyondEnd),
        // The answer began well and then broke, or carried an error in its body.
        200..=299 => again(true),
        501 => is(Kind::Failed),
        500..=599 => again(true),
        // 409: two conditional writes met (ConditionalRequestConflict); S3 asks to send again.
        408 | 409 | 429 => again(false),
        400 if matches!(seen.code.as_str(), "RequestTimeout" | "SlowDown" | "InternalError" | "IncompleteBody") => again(false),
        // The bytes changed on the way and were not taken; what we have is still right.
        400 if matches!(seen.code.as_str(), "BadDigest" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch") => again(false),
        _ => is(Kind::Failed),
    }
}
