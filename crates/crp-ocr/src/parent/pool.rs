//! Where documents get their processes from: how one is started, what a document may cost in it, and the spares.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crp_metrics::Metrics;
use crp_model::{Failure, Limits, SandboxRequirement};

use super::{
    budget::{Budget, Place},
    process::ChildProcess,
    spares::Spares,
};
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
    budget: Budget,
}

impl fmt::Debug for ChildPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildPool").field("command", &self.0.command).field("sandbox", &self.0.sandbox).finish_non_exhaustive()
    }
}

impl ChildPool {
    /// A pool without spares. `limits` is what each document may cost; pages and errors are counted in `metrics`.
    pub fn new(command: ChildCommand, limits: Limits, sandbox: SandboxRequirement, metrics: Metrics) -> Self {
        Self::with_budget(command, limits, sandbox, metrics, Budget::unlimited())
    }

    /// The same with `max_memory_mebibytes` for this process and all that it starts, of which there are to be `processes`, spares
    /// included. There are fewer where each would not find room for an ordinary page.
    #[must_use]
    pub fn within_memory(self, max_memory_mebibytes: u64, processes: usize) -> Self {
        let Shared { command, limits, sandbox, metrics, .. } = &*self.0;
        let budget = Budget::new(max_memory_mebibytes, processes);
        Self::with_budget(command.clone(), limits.clone(), *sandbox, metrics.clone(), budget)
    }

    fn with_budget(command: ChildCommand, limits: Limits, sandbox: SandboxRequirement, metrics: Metrics, budget: Budget) -> Self {
        Self(Arc::new(Shared { command, limits, sandbox, metrics, spares: Mutex::new(Spares::default()), budget }))
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

    /// Processes that there are at most at once; whoever wants one more waits.
    pub fn most_processes(&self) -> usize {
        self.0.budget.places_total()
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// A new process that knows nothing yet, as soon as there is a place for it; a spare gives way.
    pub(super) async fn process(&self) -> Result<ChildProcess, Failure> {
        let place = match self.0.budget.place_now() {
            Some(place) => Some(place),
            None => {
                self.spares().give_way();
                self.0.budget.place().await
            }
        };
        ChildProcess::start(&self.0.command, place).await
    }

    /// A new process in a place that is free.
    pub(super) async fn process_in(&self, place: Place) -> Result<ChildProcess, Failure> {
        ChildProcess::start(&self.0.command, Some(place)).await
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
