//! What must not stay behind when an upload ends early: an armed [`Cleanup`] undoes it, even when its future is dropped.

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// The clean-ups of one [`crate::Objects`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Cleanups(TaskTracker);

impl Cleanups {
    /// Runs `undo` unless the returned guard is disarmed.
    pub(crate) fn arm(&self, undo: impl Future<Output = ()> + Send + 'static) -> Cleanup {
        Cleanup { undo: Some(Box::pin(undo)), tracker: self.0.clone(), _alive: self.0.token() }
    }

    /// Runs `work` to its end even if nobody waits for it any more; what it returns is then dropped, and with it its guards.
    pub(crate) async fn unbroken<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        // Kept beside what the work returns: `finish` waits for that to be dropped, too.
        let alive = self.0.token();
        match tokio::spawn(async move { (work.await, alive) }).await {
            Ok((done, _alive)) => done,
            Err(error) => resume(error).await,
        }
    }

    /// As [`Cleanups::unbroken`], for work that blocks its thread.
    pub(crate) async fn unbroken_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let alive = self.0.token();
        match tokio::task::spawn_blocking(move || (work(), alive)).await {
            Ok((done, _alive)) => done,
            Err(error) => resume(error).await,
        }
    }

    /// Waits until every upload in flight has ended and every clean-up is done.
    pub(crate) async fn finish(&self) {
        self.0.close();
        self.0.wait().await;
        self.0.reopen();
    }
}

/// A panic of the work is a panic of the one who waits for it. Otherwise the runtime is ending, and the waiting with it.
async fn resume<T>(error: tokio::task::JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => std::future::pending().await,
    }
}

/// Undoes something when dropped, unless disarmed.
pub(crate) struct Cleanup {
    undo: Option<BoxFuture<'static, ()>>,
    tracker: TaskTracker,
    _alive: TaskTrackerToken,
}

impl Cleanup {
    /// Nothing is to be undone any more.
    pub(crate) fn disarm(mut self) {
        self.undo = None;
    }

    /// Undoes it now and waits for it; being dropped meanwhile does not stop it.
    pub(crate) async fn run(mut self) {
        if let Some(undo) = self.undo.take() {
            let _ = self.tracker.spawn(undo).await;
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(self.tracker.spawn_on(undo, &runtime)),
            // Without a runtime the process is ending; the sweep at the next start finds the rest.
            Err(_) => tracing::warn!("an interrupted upload is left for the sweep at the next start"),
        }
    }
}
