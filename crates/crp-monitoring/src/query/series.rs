//! The series that a query can name: those of the catalogue, and the few that Prometheus makes itself.

use std::collections::BTreeSet;

use crp_metrics::{Catalogue, Entry, Kind, LabelValues};

/// Series that Prometheus makes itself, with their labels beside `job` and `instance`.
pub(super) const OF_PROMETHEUS: [(&str, &[&str]); 2] = [("up", &[]), ("ALERTS", &["alertname", "alertstate", "severity"])];

/// Labels that Prometheus gives every scraped series.
pub(super) const OF_THE_TARGET: [&str; 2] = ["job", "instance"];

pub(super) fn none_of(metric: &str) -> String {
    match Catalogue::entries().iter().find(|entry| entry.name == metric) {
        Some(_) => format!("{metric} is a histogram: its series are {metric}_bucket, {metric}_sum and {metric}_count."),
        None => format!("{metric} is no metric of crPipeline."),
    }
}

/// The entry behind the name of a series; a histogram has no series of its bare name.
pub(super) fn entry_of(series: &str) -> Option<&'static Entry> {
    Catalogue::entries().iter().find(|entry| match entry.kind {
        Kind::Histogram => series.strip_prefix(entry.name).is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part)),
        Kind::Counter | Kind::Gauge => entry.name == series,
    })
}

/// Whether nobody else exports it: `process_…` comes from every program, and `up` from every target.
pub(super) fn is_ours_alone(series: &str) -> bool {
    entry_of(series).is_some_and(|entry| !entry.name.starts_with("process_"))
}

pub(super) fn labels_of(series: &str) -> BTreeSet<String> {
    let declared = entry_of(series).map(|entry| entry.labels).unwrap_or_default().iter().map(|(name, _): &LabelValues| *name);
    let of_prometheus = OF_PROMETHEUS.iter().filter(|(name, _)| *name == series).flat_map(|(_, labels)| labels.iter().copied());
    let bound = series.ends_with("_bucket").then_some("le");
    declared.chain(of_prometheus).chain(bound).chain(OF_THE_TARGET).map(str::to_owned).collect()
}

pub(super) fn is_of_prometheus(series: &str) -> bool {
    OF_PROMETHEUS.iter().any(|(name, _)| *name == series)
}
