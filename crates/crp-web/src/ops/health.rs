//! `/livez`: the process answers. `/readyz`: it can take work, and if not, why.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, response::IntoResponse};
use crp_model::labels::WorkerState;
use crp_store::overview;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Web;

/// A check that takes longer than this has failed.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer is given again for so long.
const FRESH_SECONDS: f64 = 1.0;

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// Whether the process can take work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether every check is good.
    pub(crate) ready: bool,
    /// The checks.
    pub(crate) checks: Vec<Check>,
}

/// One thing that is needed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// `database`, `storage`, `disk` or `worker`.
    pub(crate) name: &'static str,
    /// Whether it is good.
    pub(crate) ok: bool,
    /// Why not, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Is the process alive
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It answers", body = Alive)))]
pub(crate) async fn get_livez() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Can the process take work
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Not ready; the checks say why", body = Readiness),
))]
pub(crate) async fn get_readyz(State(web): State<Arc<Web>>) -> impl IntoResponse {
    let readiness = recent(&web).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Anybody may ask, so that database and storage are asked at most once a second, whoever asks how often.
async fn recent(web: &Web) -> Readiness {
    let mut known = web.readiness.lock().await;
    let now = web.ambient.now();
    if let Some((at, readiness)) = known.as_ref()
        && *at <= now
        && now.seconds_since(*at) < FRESH_SECONDS
    {
        return readiness.clone();
    }
    let readiness = look(web).await;
    *known = Some((now, readiness.clone()));
    readiness
}

async fn look(web: &Web) -> Readiness {
    let (database, storage, worker) = tokio::join!(database(web), storage(web), worker(web));
    let mut checks = vec![check("database", database), check("storage", storage), check("disk", room(web))];
    if web.settings.has_worker {
        checks.push(check("worker", worker));
    }
    Readiness { ready: checks.iter().all(|check| check.ok), checks }
}

fn check(name: &'static str, result: Result<(), String>) -> Check {
    Check { name, ok: result.is_ok(), reason: result.err() }
}

async fn database(web: &Web) -> Result<(), String> {
    within(async { web.store.ping().await.map_err(|error| error.failure().to_string()) }).await
}

async fn storage(web: &Web) -> Result<(), String> {
    within(async { web.objects.probe().await.map_err(|failure| failure.to_string()) }).await
}

async fn worker(web: &Web) -> Result<(), String> {
    let alive = within(async { overview::figures(&web.store).await.map_err(|error| error.failure().to_string()) }).await?;
    match alive.workers.get(&WorkerState::Alive) {
        Some(1..) => Ok(()),
        _ => {
            Err("No worker was heard of within a minute. Look into the log of `crpipeline serve` or start `crpipeline worker`.".to_owned())
        }
    }
}

fn room(web: &Web) -> Result<(), String> {
    web.settings.reserve.check(0).map_err(|failure| failure.to_string())
}

async fn within<T>(check: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| format!("It did not answer within {} s", CHECK_TIMEOUT.as_secs());
    tokio::time::timeout(CHECK_TIMEOUT, check).await.map_err(late)?
}
