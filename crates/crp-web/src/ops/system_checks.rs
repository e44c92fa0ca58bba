//! What the installation needs, each looked at and told in a sentence, with what to do about it.

use std::time::Duration;

use crp_model::{Code, Failure, Scope};
use crp_store::{
    history::{self, Buckets},
    overview::Figures,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::health::CHECK_TIMEOUT;
use crate::Web;

/// So many times the reserve has to be free before the disk is called good.
const GOOD_RESERVES: u64 = 16;
/// A task that waits longer is told, in seconds.
const LONG_WAIT_SECONDS: f64 = 15.0 * 60.0;
/// Failures of so long ago are looked at, in seconds.
const FAILURES_SECONDS: u32 = 3600;
/// Failures that come from the engine or from how it is installed.
const OF_THE_ENGINE: [Code; 6] = [
    Code::TesseractMissing,
    Code::LanguageMissing,
    Code::SandboxMissing,
    Code::EngineNotConfigured,
    Code::EngineUnavailable,
    Code::EngineAnswerInvalid,
];

/// Something that was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemCheck {
    /// `database`, `storage`, `disk`, `workers`, `queue` or `engine`.
    name: &'static str,
    /// `ok`, `warning` or `error`.
    status: &'static str,
    /// What was found.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Every check.
pub(super) async fn all(web: &Web, scope: &Scope, figures: &Figures, workers_alive: u64) -> Vec<SystemCheck> {
    let (database, storage, engine) = tokio::join!(database(web), storage(web), engine(web, scope));
    let mut checks = vec![database, storage, room(web), workers(workers_alive), queue(figures)];
    checks.extend(engine);
    checks
}

async fn database(web: &Web) -> SystemCheck {
    let answered = within(Code::DatabaseUnavailable, async { web.store.ping().await.map_err(|error| error.failure()) }).await;
    of(answered, "database", "The database answers")
}

async fn storage(web: &Web) -> SystemCheck {
    of(within(Code::StorageUnavailable, web.objects.probe()).await, "storage", "The storage takes and gives bytes")
}

fn room(web: &Web) -> SystemCheck {
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    if let Err(failure) = web.settings.reserve.check(0) {
        return of(Err(failure), "disk", "");
    }
    match web.settings.reserve.free_bytes() {
        None => ok("disk", "The system does not tell how much room is left"),
        Some(free) if free < GOOD_RESERVES * web.settings.reserve.min_free_bytes => {
            let message = format!("The fullest disk of documents and database has only {} MiB left", mebibytes(free));
            warning("disk", message, "Free some space soon: uploads are refused when the reserve is reached.")
        }
        Some(free) => ok("disk", format!("The fullest disk of documents and database has {} MiB left", mebibytes(free))),
    }
}

fn workers(alive: u64) -> SystemCheck {
    match alive {
        0 => SystemCheck {
            name: "workers",
            status: "error",
            message: "No worker was heard of within a minute, so nothing is read".to_owned(),
            remedy: Some("Look into the log of `crpipeline serve` and start it again.".to_owned()),
        },
        1 => ok("workers", "One worker takes tasks"),
        alive => ok("workers", format!("{alive} workers take tasks")),
    }
}

fn queue(figures: &Figures) -> SystemCheck {
    if figures.oldest_age_seconds < LONG_WAIT_SECONDS {
        return ok("queue", "No task has waited for long");
    }
    let message = format!("The oldest task has waited for {:.0} minutes", figures.oldest_age_seconds / 60.0);
    warning("queue", message, "Wait until the pile is worked off, or give the worker more slots (CRPIPELINE_WORKER_SLOTS).")
}

/// What the organization's jobs of the last hour say about the engine; `None` when they could not be asked.
async fn engine(web: &Web, scope: &Scope) -> Option<SystemCheck> {
    let from = web.ambient.now().minus(Duration::from_secs(FAILURES_SECONDS.into()));
    let hour = Buckets { from, bucket_seconds: FAILURES_SECONDS + 1, count: 1 };
    let failures = history::failures(&web.store, scope, &hour).await.ok()?;
    let worst = failures.into_iter().find(|(code, _)| OF_THE_ENGINE.contains(code));
    Some(match worst {
        None => ok("engine", "No job of the last hour failed for want of its engine"),
        Some((code, jobs)) => {
            let message = format!("Jobs of the last hour that failed with {}: {jobs}", code.as_str());
            SystemCheck { name: "engine", status: "error", message, remedy: Some(code.remedy().to_owned()) }
        }
    })
}

fn of(answered: Result<(), Failure>, name: &'static str, good: &str) -> SystemCheck {
    match answered {
        Ok(()) => ok(name, good),
        Err(failure) => SystemCheck { name, status: "error", message: failure.message, remedy: Some(failure.remedy) },
    }
}

fn ok(name: &'static str, message: impl Into<String>) -> SystemCheck {
    SystemCheck { name, status: "ok", message: message.into(), remedy: None }
}

fn warning(name: &'static str, message: String, remedy: &str) -> SystemCheck {
    SystemCheck { name, status: "warning", message, remedy: Some(remedy.to_owned()) }
}

async fn within(code: Code, check: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let late = |_| Failure::new(code, format!("It did not answer within {} s", CHECK_TIMEOUT.as_secs()));
    tokio::time::timeout(CHECK_TIMEOUT, check).await.map_err(late)?
}
