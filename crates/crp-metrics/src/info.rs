//! What runs here, as labels of gauges that are always 1.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crp_model::labels::Label;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};

use crate::{
    declare::{Birth, Entry, Instrument, Kind},
    instruments::RawGauge,
    series::{LabelSet, Series},
};

/// Which build runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the product.
    pub version: &'static str,
    /// Revision of the source.
    pub revision: &'static str,
    /// Version of the compiler.
    pub rustc: &'static str,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl Label for $name {
            const VALUES: &'static [Self] = &[$($name::$variant),*];
            fn label(self) -> &'static str { match self { $($name::$variant => $text),* } }
        }
    )* };
}

labels! {
    /// Where the bytes are.
    StorageKind {
        /// A folder.
        Local = "local",
        /// A bucket.
        S3 = "s3",
    }
    /// Where the rows are.
    DatabaseKind {
        /// A file of the data directory.
        Sqlite = "sqlite",
        /// A server.
        Postgres = "postgres",
    }
    /// What this process does.
    ProcessRole {
        /// API and worker.
        Serve = "serve",
        /// API without worker.
        Api = "api",
        /// Worker without API.
        Worker = "worker",
        /// One shot, no server.
        Run = "run",
    }
}

/// The build as a gauge of 1.
#[derive(Clone, Debug)]
pub struct BuildGauge(Series<RawGauge>);

impl Instrument for BuildGauge {
    const KIND: Kind = Kind::Gauge;

    fn born(entry: &Entry, birth: &Birth) -> Self {
        let BuildInfo { version, revision, rustc } = birth.info;
        let labels = entry.labels.iter().map(|l| l.0).zip([version, revision, rustc]).collect();
        let series = Series::born([labels], RawGauge::default);
        series.at(0).set(1.0);
        Self(series)
    }

    fn register(&self, registry: &mut Registry, family: &str, help: &str) {
        registry.register(family, help, self.0.clone());
    }
}

/// The configuration as a gauge of 1; not exposed before [`ConfigGauge::set`], since 0 would name a configuration that does not run.
#[derive(Clone, Debug)]
pub struct ConfigGauge {
    names: Vec<&'static str>,
    labels: Arc<OnceLock<LabelSet>>,
}

impl ConfigGauge {
    /// Names the configuration of this process. The first call counts, it cannot change while the process runs.
    pub fn set(&self, storage: StorageKind, database: DatabaseKind, role: ProcessRole) {
        self.labels.get_or_init(|| self.names.iter().copied().zip([storage.label(), database.label(), role.label()]).collect());
    }

    /// The labels, once they are set.
    pub fn get(&self) -> Option<&[(&'static str, &'static str)]> {
        self.labels.get().map(Vec::as_slice)
    }
}

impl Instrument for ConfigGauge {
    const KIND: Kind = Kind::Gauge;

    fn born(entry: &Entry, _birth: &Birth) -> Self {
        Self { names: entry.labels.iter().map(|l| l.0).collect(), labels: Arc::default() }
    }

    fn register(&self, registry: &mut Registry, family: &str, help: &str) {
        registry.register(family, help, self.clone());
    }
}

impl EncodeMetric for ConfigGauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.labels.get() {
            Some(labels) => ConstGauge::new(1_i64).encode(encoder.encode_family(labels)?),
            None => Ok(()),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.labels.get().is_none()
    }
}
