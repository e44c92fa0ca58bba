//! Every exported metric, declared once, born at zero; text and OpenMetrics rendering.
//!
//! Read [`catalogue`] for what is exported, [`instruments`] for how it is counted, [`exposition`] for how it is shown.
//!
//! ```
//! use crp_metrics::{Exposition, Metrics};
//! use crp_model::{StageType, labels::FinalStatus};
//!
//! let metrics = Metrics::for_tests();
//! metrics.jobs_total.inc(FinalStatus::Succeeded);
//! metrics.stage_duration.observe(StageType::Ocr, 4.2);
//! let running = metrics.jobs_running.enter(); // counts down when dropped
//! let (_content_type, body) = metrics.render(Exposition::Text);
//! assert!(body.contains("\njobs_total{status=\"succeeded\"} 1\n"));
//! # drop(running);
//! ```

pub mod catalogue;
pub mod durations;
pub mod exposition;
pub mod http;
pub mod info;
pub mod instruments;
pub mod process;

mod declare;
mod series;

use std::{fmt, ops::Deref, sync::Arc, time::Instant};

use prometheus_client::registry::Registry;

pub use catalogue::Catalogue;
pub use declare::{Entry, Given, Kind, LabelValues, Scope};
pub use durations::{AttemptHistogram1, Durations};
pub use exposition::Exposition;
pub use http::Route;
pub use info::{BuildInfo, DatabaseKind, ProcessRole, StorageKind};
pub use instruments::{Counter, Counter1, Counter2, Gauge, Gauge1, Histogram, Histogram1, Observed, RunningGuard};

/// The metrics of this process. Cheap to clone; every clone counts into the same series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    registry: Registry,
}

impl Metrics {
    /// Every series of the catalogue, at zero. `routes` are the (method, path template) pairs that the web API serves;
    /// a request to anything else is counted as `other`. Processes without a web API give `&[]`.
    pub fn new(info: BuildInfo, routes: &'static [Route]) -> Self {
        let mut registry = Registry::default();
        let catalogue = Catalogue::born(&declare::Birth { info, routes }, &mut registry);
        registry.register_collector(Box::new(process::ProcessCollector::of_this_process()));
        Self(Arc::new(Inner { catalogue, registry }))
    }

    /// Metrics with a fixed build and configuration and without routes, for tests.
    pub fn for_tests() -> Self {
        let metrics = Self::new(BuildInfo { version: "0.0.0-test", revision: "test", rustc: "test" }, &[]);
        metrics.config_info.set(StorageKind::Local, DatabaseKind::Sqlite, ProcessRole::Serve);
        metrics
    }

    /// The answer to a scrape: Content-Type and body.
    pub fn render(&self, exposition: Exposition) -> (&'static str, String) {
        let started = Instant::now();
        let body = exposition::body(&self.0.registry, exposition);
        self.metrics_scrape_duration_seconds.set(started.elapsed().as_secs_f64());
        (exposition.content_type(), body)
    }
}

impl Deref for Metrics {
    type Target = Catalogue;

    fn deref(&self) -> &Catalogue {
        &self.0.catalogue
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
