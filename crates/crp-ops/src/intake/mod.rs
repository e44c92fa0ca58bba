//! Watched folders: what somebody puts into the folder of an organization becomes a document, then lies in `done`, or in `failed`
//! beside a note. Nothing is moved before document, bytes and job are durable, and what was cut off in between is found again.
//!
//! ```text
//! FOLDER/ORGANIZATION/scan.pdf             the default pipeline
//! FOLDER/ORGANIZATION/PIPELINE/scan.pdf    this pipeline
//! ```
//!
//! It looks again and again instead of being told, since network shares tell nothing.

mod aside;
mod file;
mod marker;
mod memory;
mod place;
mod ready;
mod round;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Code, Failure};
use crp_objects::{Objects, Reserve};
use crp_store::{Store, watched};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{memory::Memory, place::Place, round::Left};

pub(crate) use self::aside::{DONE, FAILED};

/// How long beyond two pauses a watcher may be silent before another takes the folder over.
const SILENCE: Duration = Duration::from_secs(10);
/// How often a watcher says that it goes on while it works.
const RENEWAL: Duration = Duration::from_secs(3);
/// Longest pause while storage, database or folder are away.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What is watched, and how.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// The folder with a folder for each organization.
    pub folder: PathBuf,
    /// The pause between two looks.
    pub interval: Duration,
    /// Largest file that is taken, in bytes.
    pub max_bytes: u64,
    /// What stays free on the disks.
    pub reserve: Reserve,
}

/// The watch of one folder by one process.
#[derive(Clone, Debug)]
pub struct Intake {
    settings: Arc<IntakeSettings>,
    store: Store,
    objects: Objects,
    metrics: Metrics,
    watcher: Uuid,
}

/// A folder that this process watches now.
#[derive(Clone, Debug)]
struct Watched {
    root: Place,
    id: Uuid,
}

impl Intake {
    /// A watch that has not begun.
    pub fn new(settings: IntakeSettings, store: Store, objects: Objects, metrics: Metrics) -> Self {
        let watcher = store.ambient().new_uuid();
        Self { settings: Arc::new(settings), store, objects, metrics, watcher }
    }

    /// Looks again and again until `stopping`. Of several processes with the same folder one watches at a time.
    pub async fn run(self, stopping: CancellationToken) {
        let (mut memory, mut failures, mut told) = (Memory::default(), 0u32, String::new());
        let mut pause = Duration::ZERO;
        while tokio::time::timeout(pause, stopping.cancelled()).await.is_err() {
            let looked = tokio::select! {
                () = stopping.cancelled() => break,
                looked = self.look(&mut memory) => looked,
            };
            (failures, pause) = match looked {
                // It took so long that the next one may begin.
                Ok(Left::Ready) => (0, Duration::ZERO),
                Ok(Left::Nothing) => (0, self.settings.interval),
                Err(failure) => {
                    if told != failure.message {
                        let folder = self.settings.folder.display();
                        tracing::warn!(code = failure.code.as_str(), folder = %folder, "The watched folder has to wait: {}", failure.message);
                    }
                    let longest = MAX_PAUSE.max(self.settings.interval);
                    told = failure.message;
                    (failures + 1, (self.settings.interval * 2u32.pow(failures.min(10))).min(longest))
                }
            };
            if failures == 0 && !told.is_empty() {
                tracing::info!(folder = %self.settings.folder.display(), "The watched folder goes on");
                told.clear();
            }
        }
        self.leave().await;
    }

    /// One look: every file that is ready is dealt with, or as many as there is time for before the next look is due.
    async fn look(&self, memory: &mut Memory) -> Result<Left, Failure> {
        if let Some(failure) = self.objects.away() {
            return Err(failure);
        }
        let watched = self.open().await?;
        if !self.hold(&watched).await? {
            self.metrics.intake_files_waiting.set(0.0);
            return Ok(Left::Nothing);
        }
        memory.begin();
        let looked = tokio::select! {
            looked = round::deal_with_all(self, &watched, memory) => looked,
            lost = self.keep(&watched) => Err(lost),
        };
        // One that was cut short did not see what is behind; that has not changed for this.
        if looked.is_ok() {
            memory.end();
        }
        looked
    }

    async fn open(&self) -> Result<Watched, Failure> {
        let (folder, ambient) = (self.settings.folder.clone(), self.store.ambient().clone());
        let opened = off_thread(move || {
            let root = Place::root(&folder)?;
            let id = marker::id(&root, &ambient)?;
            Ok(Watched { root, id })
        });
        opened.await.map_err(|error| unusable(&self.settings.folder, &error))
    }

    /// Takes the folder for this process, or goes on with it.
    async fn hold(&self, watched: &Watched) -> Result<bool, Failure> {
        let lease = self.settings.interval * 2 + SILENCE;
        watched::watch(&self.store, watched.id, self.watcher, lease).await.map_err(|error| error.failure())
    }

    /// Says again and again that this process goes on; ends when it may not.
    async fn keep(&self, watched: &Watched) -> Failure {
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.hold(watched).await {
                Ok(true) => {}
                Ok(false) => return Failure::new(Code::FileAccess, "Another process watches the folder by now"),
                // What is being done will notice by itself if it is not ours any more.
                Err(failure) => tracing::debug!("the watch could not be renewed: {failure}"),
            }
        }
    }

    async fn leave(&self) {
        if let Ok(watched) = self.open().await
            && let Err(error) = watched::leave(&self.store, watched.id, self.watcher).await
        {
            tracing::debug!("another process has to wait a moment for the watched folder: {error}");
        }
        self.metrics.intake_files_waiting.set(0.0);
    }
}

/// A file system that is slow or gone must not hold the threads that answer people.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn unusable(folder: &std::path::Path, error: &io::Error) -> Failure {
    let code =
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) { Code::DiskFull } else { Code::FileAccess };
    Failure::new(code, format!("The folder {} cannot be used: {error}", folder.display()))
        .with_remedy("Make the folder, let this user write to it, or mount the share; `crpipeline doctor` looks at it.")
}
