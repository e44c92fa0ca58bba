//! The circuit breaker of a bucket: after a few failed operations in a row the storage counts as away, and is left alone but for
//! a trial now and then.
//!
//! Reading and writing are judged apart: a storage that takes no writes may still give what it has. Operations that are refused
//! here were never sent, so that they count as no errors. Only a trial, which [`crate::Objects::probe`] makes, ends an outage.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, Timestamp, labels::StorageOperation};
use tokio::sync::watch;

/// So many operations in a row have to fail, each after its retries.
const FAILURES_IN_A_ROW: u32 = 3;
/// Pause between two trials while the storage is away.
pub(crate) const TRIAL_PAUSE: Duration = Duration::from_secs(5);

/// What an operation needs of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It gives bytes.
    Out,
    /// It takes bytes.
    In,
}

impl Way {
    /// What `operation` needs.
    pub(crate) fn of(operation: StorageOperation) -> Way {
        match operation {
            StorageOperation::Get | StorageOperation::Head | StorageOperation::List | StorageOperation::Presign => Way::Out,
            StorageOperation::Put | StorageOperation::Multipart | StorageOperation::Delete => Way::In,
        }
    }
}

/// One breaker; clones share it.
#[derive(Clone)]
pub(crate) struct Breaker(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ambient: Ambient,
    metrics: Metrics,
    /// Whether the storage is away, for those who wait for its return.
    away: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    out: Line,
    r#in: Line,
    /// When a trial may be made next, while one way is closed.
    next_trial_micros: i64,
    is_trying: bool,
}

/// One way of the storage.
#[derive(Default)]
struct Line {
    failed_in_a_row: u32,
    outage: Option<Outage>,
}

/// Why operations are refused.
#[derive(Clone)]
struct Outage {
    since: Timestamp,
    /// The failure that came last.
    failure: Failure,
}

/// The right to make a trial; dropped, the next one may come after a pause.
pub(crate) struct Trial(Breaker);

impl Drop for Trial {
    fn drop(&mut self) {
        let next = self.0.0.ambient.now().plus(TRIAL_PAUSE).0;
        let mut state = self.0.locked();
        state.is_trying = false;
        state.next_trial_micros = next;
    }
}

impl Breaker {
    /// A breaker of a storage that is there.
    pub(crate) fn new(ambient: Ambient, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), ambient, metrics, away: watch::Sender::new(false) }))
    }

    /// Whether operations of this kind may be sent.
    ///
    /// # Errors
    /// `storage_unavailable` with what the storage said last, while it is away.
    pub(crate) fn admit(&self, way: Way) -> Result<(), Failure> {
        self.locked().line(way).outage.as_ref().map_or(Ok(()), |outage| Err(outage.refusal()))
    }

    /// Why anything is refused now.
    pub(crate) fn away(&self) -> Option<Failure> {
        self.admit(Way::In).and(self.admit(Way::Out)).err()
    }

    /// Waits until the storage is back, at most for `patience`.
    pub(crate) async fn back_within(&self, patience: Duration) {
        let mut away = self.0.away.subscribe();
        let _ = tokio::time::timeout(patience, away.wait_for(|away| !away)).await;
    }

    /// The right to make a trial, if the storage is away and one is due.
    pub(crate) fn trial(&self) -> Option<Trial> {
        let now = self.0.ambient.now();
        let mut state = self.locked();
        // A clock that was set back must not keep the storage away.
        let is_due = now.0 >= state.next_trial_micros || now.plus(TRIAL_PAUSE).0 < state.next_trial_micros;
        if !state.is_away() || state.is_trying || !is_due {
            return None;
        }
        state.is_trying = true;
        Some(Trial(self.clone()))
    }

    /// Notes an operation that the storage answered, whatever the answer. It does not end an outage: its answer may be older.
    pub(crate) fn answered(&self, way: Way) {
        self.locked().line_mut(way).failed_in_a_row = 0;
    }

    /// Notes an operation that failed after its retries.
    pub(crate) fn failed(&self, way: Way, failure: &Failure) {
        let mut state = self.locked();
        let line = state.line_mut(way);
        line.failed_in_a_row = line.failed_in_a_row.saturating_add(1);
        if line.failed_in_a_row >= FAILURES_IN_A_ROW || line.outage.is_some() {
            self.open(&mut state, way, failure);
        }
    }

    /// The storage has not answered for so long that no more failures are waited for.
    pub(crate) fn hangs(&self, failure: &Failure) {
        let mut state = self.locked();
        for way in [Way::In, Way::Out] {
            self.open(&mut state, way, failure);
        }
    }

    /// A trial found that this way is good again.
    pub(crate) fn passed(&self, way: Way) {
        let mut state = self.locked();
        let ended = std::mem::take(state.line_mut(way)).outage;
        let is_away = state.is_away();
        self.tell(is_away);
        if let Some(outage) = ended {
            let seconds = self.0.ambient.now().seconds_since(outage.since);
            tracing::info!(?way, "The object storage is back after {seconds:.0} s; everything goes on");
        }
    }

    fn open(&self, state: &mut State, way: Way, failure: &Failure) {
        let now = self.0.ambient.now();
        if !state.is_away() {
            state.next_trial_micros = now.plus(TRIAL_PAUSE).0;
        }
        let line = state.line_mut(way);
        match &mut line.outage {
            Some(outage) => outage.failure = failure.clone(),
            closed => {
                *closed = Some(Outage { since: now, failure: failure.clone() });
                tracing::warn!(?way, "The object storage counts as away; nothing but a trial every few seconds is sent to it");
            }
        }
        self.tell(true);
    }

    fn tell(&self, is_away: bool) {
        self.0.metrics.storage_breaker_open.set(if is_away { 1.0 } else { 0.0 });
        self.0.away.send_replace(is_away);
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&self, way: Way) -> &Line {
        match way {
            Way::Out => &self.out,
            Way::In => &self.r#in,
        }
    }

    fn line_mut(&mut self, way: Way) -> &mut Line {
        match way {
            Way::Out => &mut self.out,
            Way::In => &mut self.r#in,
        }
    }

    fn is_away(&self) -> bool {
        self.out.outage.is_some() || self.r#in.outage.is_some()
    }
}

impl Outage {
    fn refusal(&self) -> Failure {
        let said = self.failure.message.trim_end_matches('.');
        let message = format!("{said}. It has been away since {} and is asked again every few seconds", self.since);
        Failure::new(Code::StorageUnavailable, message).with_remedy(self.failure.remedy.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (Breaker, Metrics, Arc<crp_model::ManualClock>) {
        let (ambient, clock) = Ambient::manual(Timestamp(1_700_000_000_000_000), 1);
        let metrics = Metrics::for_tests();
        (Breaker::new(ambient, metrics.clone()), metrics, clock)
    }

    fn down() -> Failure {
        Failure::new(Code::StorageUnavailable, "The object storage answered 503").with_remedy("Look at it.")
    }

    fn opened() -> (Breaker, Metrics, Arc<crp_model::ManualClock>) {
        let made = breaker();
        (0..FAILURES_IN_A_ROW).for_each(|_| made.0.failed(Way::In, &down()));
        made
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_for_that_way_alone() {
        let (breaker, metrics, _clock) = breaker();
        for _ in 0..5 {
            breaker.failed(Way::In, &down());
            breaker.failed(Way::In, &down());
            breaker.answered(Way::In);
        }
        assert!(breaker.away().is_none() && metrics.storage_breaker_open.get() == 0.0);
        for _ in 0..2 {
            breaker.failed(Way::In, &down());
            breaker.answered(Way::Out);
        }
        assert!(breaker.away().is_none());
        breaker.failed(Way::In, &down());
        let refusal = breaker.admit(Way::In).unwrap_err();
        assert_eq!((refusal.code, refusal.remedy.as_str(), refusal.retryable), (Code::StorageUnavailable, "Look at it.", true));
        assert!(refusal.message.contains("answered 503. It has been away since 2023-11-14T22:13:20Z"), "{refusal}");
        assert!(breaker.admit(Way::Out).is_ok() && breaker.away().is_some() && metrics.storage_breaker_open.get() == 1.0);
    }

    #[test]
    fn one_trial_at_a_time_is_made_after_each_pause_and_only_a_trial_closes_it() {
        let (breaker, metrics, clock) = opened();
        assert!(breaker.trial().is_none(), "it has just failed");
        clock.advance(TRIAL_PAUSE);
        let first = breaker.trial().expect("a trial is due");
        assert!(breaker.trial().is_none(), "one at a time");
        breaker.answered(Way::In);
        assert!(breaker.admit(Way::In).is_err(), "an answer to an older request says nothing of now");
        breaker.failed(Way::In, &Failure::new(Code::StorageUnavailable, "The object storage answered 500"));
        drop(first);
        assert!(breaker.admit(Way::In).unwrap_err().message.contains("answered 500"), "the newest reason is told");
        assert!(breaker.trial().is_none(), "the pause begins anew");
        clock.advance(TRIAL_PAUSE);
        let second = breaker.trial().expect("the next one is due");
        breaker.passed(Way::In);
        drop(second);
        assert!(breaker.away().is_none() && metrics.storage_breaker_open.get() == 0.0);
        clock.advance(TRIAL_PAUSE);
        assert!(breaker.trial().is_none(), "there is nothing to try");
    }

    #[test]
    fn a_storage_that_hangs_is_away_at_once_and_a_clock_set_back_does_not_keep_it_away() {
        let (ambient, clock) = Ambient::manual(Timestamp(1_700_000_000_000_000), 1);
        let breaker = Breaker::new(ambient, Metrics::for_tests());
        breaker.hangs(&down());
        assert!(breaker.admit(Way::In).is_err() && breaker.admit(Way::Out).is_err());
        breaker.locked().next_trial_micros = clock_far_ahead();
        clock.advance(Duration::from_secs(1));
        assert!(breaker.trial().is_some());
    }

    fn clock_far_ahead() -> i64 {
        1_900_000_000_000_000
    }

    #[tokio::test]
    async fn who_waits_for_its_return_hears_of_it() {
        let (breaker, _metrics, _clock) = opened();
        let waiting = tokio::spawn({
            let breaker = breaker.clone();
            async move { breaker.back_within(Duration::from_secs(3600)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        breaker.passed(Way::In);
        waiting.await.unwrap();
        breaker.back_within(Duration::ZERO).await;
    }
}
