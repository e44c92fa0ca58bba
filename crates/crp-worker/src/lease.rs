//! Leases in hand: renewed apart from the work; the renewal brings back what was lost or is to be cancelled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crp_model::TaskId;
use crp_store::tasks::{self, ClaimedTask, LeaseState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// Why a task must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// It may go on.
    None,
    /// Its lease went to another worker; nothing may be written any more.
    LeaseLost,
    /// Someone cancelled the job.
    Cancelled,
    /// The process ends.
    Shutdown,
}

/// Tells a running task to stop, and why.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<StopReason>);

impl Stop {
    /// Waits until the task must stop.
    pub(crate) async fn requested(&mut self) -> StopReason {
        let reason = self.0.wait_for(|reason| *reason != StopReason::None).await.map(|reason| *reason);
        match reason {
            Ok(reason) => reason,
            Err(_) => std::future::pending().await,
        }
    }
}

/// The leases of this worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<TaskId, Held>>>);

#[derive(Debug)]
struct Held {
    fence: i64,
    renewed: Instant,
    stop: watch::Sender<StopReason>,
}

/// A lease in hand; letting it go ends its renewal.
#[derive(Debug)]
pub(crate) struct HeldLease {
    leases: Leases,
    task: TaskId,
    fence: i64,
    stop: watch::Receiver<StopReason>,
}

impl HeldLease {
    /// What tells the task to stop.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.stop.clone())
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        // A later attempt of the same task may be in hand by now; that one stays.
        let mut leases = self.leases.locked();
        if leases.get(&self.task).is_some_and(|held| held.fence == self.fence) {
            leases.remove(&self.task);
        }
    }
}

impl Leases {
    fn locked(&self) -> MutexGuard<'_, HashMap<TaskId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a claimed task under renewal.
    pub(crate) fn hold(&self, claimed: &ClaimedTask) -> HeldLease {
        let (sender, receiver) = watch::channel(StopReason::None);
        let held = Held { fence: claimed.fence, renewed: Instant::now(), stop: sender };
        if let Some(earlier) = self.locked().insert(claimed.id, held) {
            // This process slept through its lease and has claimed the task again: the earlier attempt is fenced off.
            stop(&earlier, StopReason::LeaseLost);
        }
        HeldLease { leases: self.clone(), task: claimed.id, fence: claimed.fence, stop: receiver }
    }

    /// Tells every task that the process ends.
    pub(crate) fn stop_all(&self) {
        self.locked().values().for_each(|held| stop(held, StopReason::Shutdown));
    }

    fn in_hand(&self) -> Vec<(TaskId, i64)> {
        self.locked().iter().map(|(task, held)| (*task, held.fence)).collect()
    }

    /// What a renewal said of the lease that was in hand when it was sent.
    fn learn(&self, task: TaskId, fence: i64, state: LeaseState) {
        let mut leases = self.locked();
        let Some(held) = leases.get_mut(&task).filter(|held| held.fence == fence) else { return };
        match state {
            LeaseState::Owned => held.renewed = Instant::now(),
            LeaseState::Lost => stop(held, StopReason::LeaseLost),
            LeaseState::CancelRequested => {
                held.renewed = Instant::now();
                stop(held, StopReason::Cancelled);
            }
        }
    }

    /// Leases that ran out while the database did not answer: another worker may have them by now.
    fn give_up_older_than(&self, lease: std::time::Duration) {
        self.locked().values().filter(|held| held.renewed.elapsed() >= lease).for_each(|held| stop(held, StopReason::LeaseLost));
    }
}

/// The first reason stays.
fn stop(held: &Held, reason: StopReason) {
    held.stop.send_if_modified(|current| {
        let first = *current == StopReason::None;
        if first {
            *current = reason;
        }
        first
    });
}

impl Worker {
    /// Renews every lease in hand each third of its length until `end`.
    pub(crate) async fn renew_leases(self: Arc<Self>, end: CancellationToken) {
        let mut beat = tokio::time::interval(self.settings.lease / 3);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // A request to cancel wakes workers, too: it is heard of at once and not with the next beat.
        let mut wakeups = self.parts.store.wakeups();
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                _ = beat.tick() => {}
                _ = wakeups.changed() => {}
            }
            let in_hand = self.leases.in_hand();
            if in_hand.is_empty() {
                continue;
            }
            match tasks::renew(&self.parts.store, self.id, &in_hand, self.settings.lease).await {
                Ok(renewals) => {
                    for renewal in renewals {
                        if let Some((_, fence)) = in_hand.iter().find(|(task, _)| *task == renewal.task) {
                            self.leases.learn(renewal.task, *fence, renewal.state);
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %error.failure(), "Leases could not be renewed; trying again");
                    self.leases.give_up_older_than(self.settings.lease);
                }
            }
        }
    }
}
