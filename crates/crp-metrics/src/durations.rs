//! Durations of attempts: the histogram that quantiles are made of, and the 95th percentile of the last attempts as a plain number.
//!
//! A classic histogram has no series of its bare name, so a query for that name alone finds nothing. The plain number is what such
//! a query is about; a scrape configuration can give it the bare name (`metric_relabel_configs`) without touching the buckets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crp_model::labels::Label;
use prometheus_client::registry::Registry;

use crate::{
    declare::{Birth, Entry, Instrument, Kind},
    instruments::{Gauge1, Histogram1, Observed},
    series::position,
};

/// How many attempts are recent. Attempts and not minutes: the number stays readable in quiet hours, and needs no clock.
pub const RECENT_ATTEMPTS: usize = 100;

/// The share of the recent attempts that took at most as long as the number tells.
const QUANTILE: f64 = 0.95;

/// A histogram that is written through its [`Durations`] alone.
#[derive(Clone, Debug)]
pub struct AttemptHistogram1<L>(Histogram1<L>);

impl<L: Label> AttemptHistogram1<L> {
    /// What was observed so far.
    pub fn get(&self, value: L) -> Observed {
        self.0.get(value)
    }
}

impl<L: Label> Instrument for AttemptHistogram1<L> {
    const KIND: Kind = Kind::Histogram;

    fn born(entry: &Entry, birth: &Birth) -> Self {
        Self(Histogram1::born(entry, birth))
    }

    fn register(&self, registry: &mut Registry, family: &str, help: &str) {
        self.0.register(registry, family, help);
    }
}

/// Counts an attempt into the histogram and into the recent ones; the two metrics always agree.
#[derive(Clone, Debug)]
pub struct Durations<L> {
    histogram: Histogram1<L>,
    recent_p95: Gauge1<L>,
    recent: Arc<[Mutex<VecDeque<f64>>]>,
}

impl<L: Label> Durations<L> {
    pub(crate) fn new(histogram: &AttemptHistogram1<L>, recent_p95: &Gauge1<L>) -> Self {
        let recent = L::VALUES.iter().map(|_| Mutex::new(VecDeque::with_capacity(RECENT_ATTEMPTS))).collect();
        Self { histogram: histogram.0.clone(), recent_p95: recent_p95.clone(), recent }
    }

    /// Counts one attempt. A negative span (a clock that went back) counts as 0, and so does one that is no finite number.
    pub fn observe(&self, value: L, seconds: f64) {
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        self.histogram.observe(value, seconds);
        let mut recent = self.recent[position(value)].lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT_ATTEMPTS {
            recent.pop_front();
        }
        recent.push_back(seconds);
        // Set under the lock: of two attempts that end together the later one has the last word.
        self.recent_p95.set(value, quantile(&recent));
    }
}

/// The nearest-rank quantile: the smallest of the values that at least the share [`QUANTILE`] of them does not exceed.
fn quantile(values: &VecDeque<f64>) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (QUANTILE * sorted.len() as f64).ceil() as usize;
    rank.checked_sub(1).and_then(|at| sorted.get(at)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use crp_model::{StageType, labels::EngineKind};

    use super::RECENT_ATTEMPTS;
    use crate::Metrics;

    #[test]
    fn the_recent_p95_is_a_duration_that_occurred_and_few_outliers_do_not_set_it() {
        let metrics = Metrics::for_tests();
        metrics.stage_duration.observe(StageType::Ocr, 7.5);
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Ocr), 7.5);
        for _ in 0..95 {
            metrics.stage_duration.observe(StageType::Ocr, 2.0);
        }
        for _ in 0..4 {
            metrics.stage_duration.observe(StageType::Ocr, 900.0);
        }
        // 100 attempts: 95 of 2 s, one of 7.5 s, four of 900 s.
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Ocr), 2.0);
        metrics.stage_duration.observe(StageType::Ocr, 900.0);
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Ocr), 2.0, "the oldest, 7.5 s, left");
        metrics.stage_duration.observe(StageType::Ocr, 900.0);
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Ocr), 900.0, "six of a hundred are more than 5 %");
        assert_eq!(metrics.stage_duration_seconds.get(StageType::Ocr).count, 102);
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Parse), 0.0, "no attempt, no duration");
    }

    #[test]
    fn what_happened_before_the_last_hundred_attempts_is_forgotten() {
        let metrics = Metrics::for_tests();
        for _ in 0..RECENT_ATTEMPTS {
            metrics.ocr_duration.observe(EngineKind::Tesseract, 3600.0);
        }
        for _ in 0..RECENT_ATTEMPTS {
            metrics.ocr_duration.observe(EngineKind::Tesseract, 1.0);
        }
        assert_eq!(metrics.ocr_duration_recent_p95_seconds.get(EngineKind::Tesseract), 1.0);
    }

    #[test]
    fn a_clock_that_went_back_is_no_duration() {
        let metrics = Metrics::for_tests();
        for seconds in [f64::NAN, f64::INFINITY, -1.0] {
            metrics.stage_duration.observe(StageType::Parse, seconds);
        }
        assert_eq!(metrics.stage_duration_recent_p95_seconds.get(StageType::Parse), 0.0);
        assert_eq!(metrics.stage_duration_seconds.get(StageType::Parse).sum, 0.0);
    }
}
