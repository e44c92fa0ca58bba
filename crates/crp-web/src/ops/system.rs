//! How the installation is now: queue, workers, storage, and what is wrong with it. Its figures name nobody.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::labels::{Label as _, QueueState, WorkerState};
use crp_objects::Backend;
use crp_store::{
    DatabaseKind,
    overview::{self, Figures},
    workers::{self, WorkerRow},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::system_checks::{self, SystemCheck};
use crate::{Web, auth::principal::Caller, problem::Problem, schemas};

/// The installation.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemView {
    /// Version of crPipeline.
    version: &'static str,
    /// When this process began to serve.
    #[schema(schema_with = schemas::timestamp)]
    started_at: String,
    /// The database.
    database: DatabaseView,
    /// Where the bytes are.
    storage: StorageView,
    /// Tasks of all organizations.
    queue: QueueView,
    /// Workers that were heard of within a day, the newest news first.
    workers: Vec<WorkerView>,
    /// Where the dashboards are, if the operator said so.
    dashboards_url: Option<String>,
    /// What is needed, and whether it is there.
    checks: Vec<SystemCheck>,
}

/// The database.
#[derive(Serialize, ToSchema)]
pub(crate) struct DatabaseView {
    /// `sqlite` or `postgres`.
    kind: &'static str,
}

/// Where the bytes are.
#[derive(Serialize, ToSchema)]
pub(crate) struct StorageView {
    /// `folder` or `s3`.
    kind: &'static str,
    /// Free bytes on the fullest of the disks of documents and database; null where they are not known, and for a bucket.
    free_bytes: Option<u64>,
}

/// Tasks by what they wait for.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Can be claimed now.
    queued: u64,
    /// A worker has them.
    running: u64,
    /// Wait for their next attempt.
    retry: u64,
    /// Given up.
    dead: u64,
    /// Seconds that the oldest claimable task has waited; 0 when none waits.
    oldest_age_seconds: f64,
}

/// A worker.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkerView {
    /// Id.
    id: Uuid,
    /// Where it runs: machine and process.
    name: String,
    /// Its version of crPipeline.
    version: String,
    /// `alive`, `draining`, or `silent` when it was not heard of for a minute.
    state: &'static str,
    /// Tasks that it takes at a time.
    slots: u32,
    /// Tasks that it holds.
    tasks_running: u64,
    /// When it was first heard of.
    #[schema(schema_with = schemas::timestamp)]
    started_at: String,
    /// When it was last heard of.
    #[schema(schema_with = schemas::timestamp)]
    seen_at: String,
}

/// How the installation is
///
/// Queue and workers are those of the whole installation; they name nobody. `checks` says what is wrong and what to do.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses((status = 200, description = "The installation", body = SystemView)))]
pub(crate) async fn get_system(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<SystemView>, Problem> {
    let figures = overview::figures(&web.store).await?;
    let workers = workers::list(&web.store).await?;
    let alive = figures.workers.get(&WorkerState::Alive).copied().unwrap_or(0);
    Ok(Json(SystemView {
        version: env!("CARGO_PKG_VERSION"),
        started_at: web.started_at.rfc3339(),
        database: DatabaseView { kind: if web.store.kind() == DatabaseKind::Sqlite { "sqlite" } else { "postgres" } },
        storage: storage(&web),
        queue: queue(&figures),
        workers: workers.into_iter().map(worker).collect(),
        dashboards_url: web.settings.dashboards_url.clone(),
        checks: system_checks::all(&web, &caller.scope(), &figures, alive).await,
    }))
}

fn storage(web: &Web) -> StorageView {
    match web.objects.kind() {
        Backend::Folder => StorageView { kind: "folder", free_bytes: web.settings.reserve.free_bytes() },
        Backend::S3 => StorageView { kind: "s3", free_bytes: None },
    }
}

fn queue(figures: &Figures) -> QueueView {
    let of = |state| figures.queue.get(&state).copied().unwrap_or(0);
    QueueView {
        queued: of(QueueState::Queued),
        running: of(QueueState::Running),
        retry: of(QueueState::Retry),
        dead: of(QueueState::Dead),
        oldest_age_seconds: figures.oldest_age_seconds,
    }
}

fn worker(row: WorkerRow) -> WorkerView {
    WorkerView {
        id: row.id.0,
        name: row.about.name,
        version: row.about.version,
        slots: row.about.slots,
        tasks_running: row.tasks_running,
        state: row.state.map_or("silent", |state| state.label()),
        started_at: row.started_at.rfc3339(),
        seen_at: row.seen_at.rfc3339(),
    }
}
