//! Counters, gauges and histograms whose labels are closed sets of values.

use std::{marker::PhantomData, sync::atomic::AtomicU64};

use crp_model::labels::Label;
use prometheus_client::{
    metrics::{counter, gauge, histogram},
    registry::Registry,
};

use crate::{
    declare::{Birth, Entry, Instrument, Kind},
    series::{LabelSet, Series, one_label, position, two_labels},
};

pub(crate) type RawCounter = counter::Counter<u64>;
pub(crate) type RawGauge = gauge::Gauge<f64, AtomicU64>;
pub(crate) type RawHistogram = histogram::Histogram;

/// A count without labels.
#[derive(Clone, Debug)]
pub struct Counter(Series<RawCounter>);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.0.at(0).inc();
    }

    /// `count` more.
    pub fn inc_by(&self, count: u64) {
        self.0.at(0).inc_by(count);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.at(0).get()
    }
}

/// A count for each value of one label.
#[derive(Clone, Debug)]
pub struct Counter1<L>(Series<RawCounter>, PhantomData<fn(L)>);

impl<L: Label> Counter1<L> {
    /// One more.
    pub fn inc(&self, value: L) {
        self.0.at(position(value)).inc();
    }

    /// `count` more.
    pub fn inc_by(&self, value: L, count: u64) {
        self.0.at(position(value)).inc_by(count);
    }

    /// The count so far.
    pub fn get(&self, value: L) -> u64 {
        self.0.at(position(value)).get()
    }
}

/// A count for each pair of values of two labels.
#[derive(Clone, Debug)]
pub struct Counter2<A, B>(Series<RawCounter>, PhantomData<fn(A, B)>);

impl<A: Label, B: Label> Counter2<A, B> {
    /// One more.
    pub fn inc2(&self, a: A, b: B) {
        self.inc2_by(a, b, 1);
    }

    /// `count` more.
    pub fn inc2_by(&self, a: A, b: B, count: u64) {
        self.at(a, b).inc_by(count);
    }

    /// The count so far.
    pub fn get(&self, a: A, b: B) -> u64 {
        self.at(a, b).get()
    }

    fn at(&self, a: A, b: B) -> &RawCounter {
        self.0.at(position(a) * B::VALUES.len() + position(b))
    }
}

/// A value that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(Series<RawGauge>);

impl Gauge {
    /// The value is now `value`.
    pub fn set(&self, value: f64) {
        self.0.at(0).set(value);
    }

    /// One more.
    pub fn inc(&self) {
        self.0.at(0).inc();
    }

    /// One less.
    pub fn dec(&self) {
        self.0.at(0).dec();
    }

    /// One more until the guard is dropped, by a panic too.
    pub fn enter(&self) -> RunningGuard {
        RunningGuard::of(self.0.at(0))
    }

    /// The value now.
    pub fn get(&self) -> f64 {
        self.0.at(0).get()
    }
}

/// A value that goes up and down, for each value of one label.
#[derive(Clone, Debug)]
pub struct Gauge1<L>(Series<RawGauge>, PhantomData<fn(L)>);

impl<L: Label> Gauge1<L> {
    /// The value is now `to`.
    pub fn set(&self, value: L, to: f64) {
        self.0.at(position(value)).set(to);
    }

    /// One more.
    pub fn inc(&self, value: L) {
        self.0.at(position(value)).inc();
    }

    /// One less.
    pub fn dec(&self, value: L) {
        self.0.at(position(value)).dec();
    }

    /// One more until the guard is dropped, by a panic too.
    pub fn enter(&self, value: L) -> RunningGuard {
        RunningGuard::of(self.0.at(position(value)))
    }

    /// The value now.
    pub fn get(&self, value: L) -> f64 {
        self.0.at(position(value)).get()
    }
}

/// Holds a gauge one higher for as long as it lives.
#[must_use = "the gauge goes down again when this is dropped"]
#[derive(Debug)]
pub struct RunningGuard(RawGauge);

impl RunningGuard {
    fn of(gauge: &RawGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What a histogram has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// How many observations.
    pub count: u64,
    /// Their sum, in the unit of the metric.
    pub sum: f64,
}

/// Observations in buckets.
#[derive(Clone, Debug)]
pub struct Histogram(Series<RawHistogram>);

impl Histogram {
    /// Counts `seconds` into its bucket. A negative span (a clock that went back) counts as 0, and so does one that is no finite number.
    pub fn observe(&self, seconds: f64) {
        observe(self.0.at(0), seconds);
    }

    /// What was observed so far.
    pub fn get(&self) -> Observed {
        observed(self.0.at(0))
    }
}

/// Observations in buckets, for each value of one label.
#[derive(Clone, Debug)]
pub struct Histogram1<L>(Series<RawHistogram>, PhantomData<fn(L)>);

impl<L: Label> Histogram1<L> {
    /// Counts `seconds` into its bucket. A negative span (a clock that went back) counts as 0, and so does one that is no finite number.
    pub fn observe(&self, value: L, seconds: f64) {
        observe(self.0.at(position(value)), seconds);
    }

    /// What was observed so far.
    pub fn get(&self, value: L) -> Observed {
        observed(self.0.at(position(value)))
    }
}

/// Counts one observation. A NaN or an infinity would spoil the sum for the life of the process, so it counts as 0.
pub(crate) fn observe(histogram: &RawHistogram, seconds: f64) {
    histogram.observe(if seconds.is_finite() { seconds.max(0.0) } else { 0.0 });
}

pub(crate) fn observed(histogram: &RawHistogram) -> Observed {
    Observed { count: histogram.count(), sum: histogram.sum() }
}

/// Histograms with the buckets of `entry`.
pub(crate) fn histograms(entry: &Entry, label_sets: impl IntoIterator<Item = LabelSet>) -> Series<RawHistogram> {
    Series::born(label_sets, || RawHistogram::new(entry.buckets.iter().copied()))
}

/// How each of the types above is born and registered; they differ only in kind and labels.
macro_rules! instruments {
    ($($type:ident $(<$($label:ident),+>)?: $kind:ident, |$entry:ident| $series:expr $(, $marker:expr)?;)*) => { $(
        impl $(<$($label: Label),+>)? Instrument for $type $(<$($label),+>)? {
            const KIND: Kind = Kind::$kind;

            fn born($entry: &Entry, _birth: &Birth) -> Self {
                Self($series $(, $marker)?)
            }

            fn register(&self, registry: &mut Registry, family: &str, help: &str) {
                registry.register(family, help, self.0.clone());
            }
        }
    )* };
}

instruments! {
    Counter: Counter, |_entry| Series::born([vec![]], RawCounter::default);
    Counter1<L>: Counter, |entry| Series::born(one_label::<L>(entry.labels[0].0), RawCounter::default), PhantomData;
    Counter2<A, B>: Counter, |entry| Series::born(two_labels::<A, B>(entry.labels[0].0, entry.labels[1].0), RawCounter::default), PhantomData;
    Gauge: Gauge, |_entry| Series::born([vec![]], RawGauge::default);
    Gauge1<L>: Gauge, |entry| Series::born(one_label::<L>(entry.labels[0].0), RawGauge::default), PhantomData;
    Histogram: Histogram, |entry| histograms(entry, [vec![]]);
    Histogram1<L>: Histogram, |entry| histograms(entry, one_label::<L>(entry.labels[0].0)), PhantomData;
}

#[cfg(test)]
mod tests {
    use std::{panic, thread};

    use crp_model::{Cause, StageType, labels::FinalStatus};

    use crate::Metrics;

    #[test]
    fn a_running_job_leaves_the_gauge_when_its_task_panics() {
        let metrics = Metrics::for_tests();
        let inside = metrics.clone();
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(move || {
            let _running = inside.jobs_running.enter();
            assert_eq!(inside.jobs_running.get(), 1.0);
            panic!("the task fails");
        }));
        assert!(outcome.is_err());
        assert_eq!(metrics.jobs_running.get(), 0.0);
    }

    #[test]
    fn counts_from_many_threads_are_not_lost() {
        let metrics = Metrics::for_tests();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        metrics.jobs_total.inc(FinalStatus::Succeeded);
                        metrics.job_failures_total.inc2(StageType::Ocr, Cause::Input);
                        metrics.stage_duration.observe(StageType::Parse, 0.5);
                        let _running = metrics.jobs_running.enter();
                    }
                });
            }
        });
        assert_eq!(metrics.jobs_total.get(FinalStatus::Succeeded), 8_000);
        assert_eq!(metrics.job_failures_total.get(StageType::Ocr, Cause::Input), 8_000);
        let parsed = metrics.stage_duration_seconds.get(StageType::Parse);
        assert_eq!((parsed.count, parsed.sum), (8_000, 4_000.0));
        assert_eq!(metrics.jobs_running.get(), 0.0);
    }

    #[test]
    fn two_labels_never_share_a_series() {
        let metrics = Metrics::for_tests();
        for (step, stage) in StageType::ALL.into_iter().enumerate() {
            for (offset, cause) in Cause::ALL.into_iter().enumerate() {
                metrics.job_failures_total.inc2_by(stage, cause, (step * 100 + offset) as u64);
            }
        }
        for (step, stage) in StageType::ALL.into_iter().enumerate() {
            for (offset, cause) in Cause::ALL.into_iter().enumerate() {
                assert_eq!(metrics.job_failures_total.get(stage, cause), (step * 100 + offset) as u64);
            }
        }
    }

    #[test]
    fn a_clock_that_went_back_cannot_spoil_a_sum() {
        let metrics = Metrics::for_tests();
        for seconds in [-3.0, f64::NAN, f64::INFINITY, 2.0] {
            metrics.job_queue_wait_seconds.observe(seconds);
        }
        let waited = metrics.job_queue_wait_seconds.get();
        assert_eq!((waited.count, waited.sum), (4, 2.0));
    }
}
