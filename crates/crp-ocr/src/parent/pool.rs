//! Where documents get their processes from: how one is started, what a document may cost in it, and the spares.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crp_metrics::Metrics;
use crp_model::{Failure, Limits, SandboxRequirement};

use super::{process::ChildProcess, spares::Spares};
use crate::ChildCommand;

/// Processes for documents, all started alike. A copy is the same pool.
///
/// A process serves one document. With spares, some wait behind it: engine loaded, no document seen, as many as were asked for and
/// with the languages that were read last. They go when nobody has needed one for some minutes, and with the last copy of the pool.
#[derive(Clone)]
pub struct ChildPool(Arc<Shared>);

pub(super) struct Shared {
    command: ChildCommand,
    limits: Limits,
    sandbox: SandboxRequirement,
    metrics: Metrics,
    spares: Mutex<Spares>,
}

impl fmt::Debug for ChildPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildPool").field("command", &self.0.command).field("sandbox", &self.0.sandbox).finish_non_exhaustive()
    }
}

impl ChildPool {
    /// A pool without spares. `limits` is what each document may cost; pages and errors are counted in `metrics`.
    pub fn new(command: ChildCommand, limits: Limits, sandbox: SandboxRequirement, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { command, limits, sandbox, metrics, spares: Mutex::new(Spares::default()) }))
    }

    /// The same with up to `spares` warm processes behind those that read.
    #[must_use]
    pub fn with_spares(self, spares: usize) -> Self {
        self.keep_spares(spares);
        self
    }

    /// Keeps up to `spares` from now on; what is too many goes.
    pub fn keep_spares(&self, spares: usize) {
        self.spares().keep(spares);
    }

    /// What a document may cost.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Where pages and errors are counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How much the operator insists on the sandbox.
    pub fn sandbox(&self) -> SandboxRequirement {
        self.0.sandbox
    }

    /// How a process is started.
    pub fn command(&self) -> &ChildCommand {
        &self.0.command
    }

    /// A new process that knows nothing yet.
    pub(super) async fn process(&self) -> Result<ChildProcess, Failure> {
        ChildProcess::start(&self.0.command).await
    }

    pub(super) fn spares(&self) -> MutexGuard<'_, Spares> {
        self.0.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(weak: &Weak<Shared>) -> Option<Self> {
        weak.upgrade().map(Self)
    }
}
