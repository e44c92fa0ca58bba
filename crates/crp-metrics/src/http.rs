//! HTTP requests by route template: a closed list of pairs, and `other` for everything else.

use std::collections::HashMap;

use crp_model::labels::{CodeClass, Label};
use prometheus_client::registry::Registry;

use crate::{
    declare::{Birth, Entry, Instrument, Kind},
    instruments::{Observed, RawCounter, RawHistogram, histograms, observe, observed},
    series::{LabelSet, Series, position},
};

/// A method in capitals and the path template that it is served under, e.g. `("GET", "/api/v1/jobs/{id}")`.
pub type Route = (&'static str, &'static str);

/// The label values of requests that no declared route served.
const OTHER: &str = "other";

/// Counts answered requests; the two metrics that it writes always agree.
#[derive(Clone, Debug)]
pub struct Http {
    requests: HttpRequests,
    durations: HttpDurations,
}

impl Http {
    pub(crate) fn new(requests: &HttpRequests, durations: &HttpDurations) -> Self {
        Self { requests: requests.clone(), durations: durations.clone() }
    }

    /// Counts one answered request. `route` is the template that matched, if any; whatever is not in the list
    /// given at construction is counted as `other`, so that nothing a client sends becomes a label.
    pub fn observe(&self, method: &str, route: Option<&str>, status: u16, seconds: f64) {
        let pair = self.requests.pair(method, route.unwrap_or(OTHER));
        self.requests.at(pair, class_of(status)).inc();
        observe(self.durations.at(pair.route), seconds);
    }
}

/// Answered requests by route, method and class of status code.
#[derive(Clone, Debug)]
pub struct HttpRequests {
    series: Series<RawCounter>,
    pairs: HashMap<Route, Pair>,
}

/// A declared route and where its series begin.
#[derive(Clone, Copy, Debug)]
struct Pair {
    route: &'static str,
    first: usize,
}

impl HttpRequests {
    /// The count so far; of `other` if the pair is not in the list.
    pub fn get(&self, method: &str, route: &str, class: CodeClass) -> u64 {
        self.at(self.pair(method, route), class).get()
    }

    /// The pair as it is counted. HEAD is answered by the handler of GET, and is counted there unless it has its own.
    fn pair(&self, method: &str, route: &str) -> Pair {
        let declared = |method: &str| self.pairs.get(&(method, route)).copied();
        let of_get = || if method == "HEAD" { declared("GET") } else { None };
        declared(method).or_else(of_get).unwrap_or_else(|| self.pairs[&(OTHER, OTHER)])
    }

    fn at(&self, pair: Pair, class: CodeClass) -> &RawCounter {
        self.series.at(pair.first + position(class))
    }
}

impl Instrument for HttpRequests {
    const KIND: Kind = Kind::Counter;

    fn born(entry: &Entry, birth: &Birth) -> Self {
        let mut label_sets: Vec<LabelSet> = Vec::new();
        let mut pairs = HashMap::new();
        for &(method, route) in birth.routes.iter().chain(&[(OTHER, OTHER)]) {
            pairs.entry((method, route)).or_insert_with(|| {
                let first = label_sets.len();
                let names = entry.labels.iter().map(|(name, _)| *name);
                label_sets.extend(CodeClass::VALUES.iter().map(|class| names.clone().zip([route, method, class.label()]).collect()));
                Pair { route, first }
            });
        }
        Self { series: Series::born(label_sets, RawCounter::default), pairs }
    }

    fn register(&self, registry: &mut Registry, family: &str, help: &str) {
        registry.register(family, help, self.series.clone());
    }
}

/// Durations of answered requests by route.
#[derive(Clone, Debug)]
pub struct HttpDurations {
    series: Series<RawHistogram>,
    position: HashMap<&'static str, usize>,
}

impl HttpDurations {
    /// What was observed so far; of `other` if the route is not in the list.
    pub fn get(&self, route: &str) -> Observed {
        observed(self.at(route))
    }

    fn at(&self, route: &str) -> &RawHistogram {
        self.series.at(self.position.get(route).copied().unwrap_or_else(|| self.position[OTHER]))
    }
}

impl Instrument for HttpDurations {
    const KIND: Kind = Kind::Histogram;

    fn born(entry: &Entry, birth: &Birth) -> Self {
        let mut label_sets: Vec<LabelSet> = Vec::new();
        let mut position = HashMap::new();
        for &(_, route) in birth.routes.iter().chain(&[(OTHER, OTHER)]) {
            position.entry(route).or_insert_with(|| {
                label_sets.push(vec![(entry.labels[0].0, route)]);
                label_sets.len() - 1
            });
        }
        Self { series: histograms(entry, label_sets), position }
    }

    fn register(&self, registry: &mut Registry, family: &str, help: &str) {
        registry.register(family, help, self.series.clone());
    }
}

/// The class of a status code; what HTTP does not define counts as an error of ours.
fn class_of(status: u16) -> CodeClass {
    match status {
        100..=299 => CodeClass::Ok,
        300..=399 => CodeClass::Redirect,
        400..=499 => CodeClass::Client,
        _ => CodeClass::Server,
    }
}

#[cfg(test)]
mod tests {
    use crp_model::labels::CodeClass;

    use crate::{BuildInfo, Exposition, Metrics};

    fn metrics() -> Metrics {
        let info = BuildInfo { version: "1", revision: "2", rustc: "3" };
        Metrics::new(info, &[("GET", "/jobs/{id}"), ("POST", "/documents"), ("GET", "/documents"), ("GET", "/documents")])
    }

    #[test]
    fn a_request_is_counted_under_its_template_and_class() {
        let metrics = metrics();
        metrics.http.observe("GET", Some("/jobs/{id}"), 200, 0.01);
        metrics.http.observe("GET", Some("/jobs/{id}"), 503, 0.02);
        metrics.http.observe("HEAD", Some("/jobs/{id}"), 304, 0.03);
        metrics.http.observe("POST", Some("/documents"), 422, 0.04);
        assert_eq!(metrics.http_requests_total.get("GET", "/jobs/{id}", CodeClass::Ok), 1);
        assert_eq!(metrics.http_requests_total.get("GET", "/jobs/{id}", CodeClass::Server), 1);
        assert_eq!(metrics.http_requests_total.get("GET", "/jobs/{id}", CodeClass::Redirect), 1);
        assert_eq!(metrics.http_requests_total.get("POST", "/documents", CodeClass::Client), 1);
        assert_eq!(metrics.http_requests_total.get("GET", "/documents", CodeClass::Client), 0);
        assert_eq!(metrics.http_request_duration_seconds.get("/jobs/{id}").count, 3);
        assert_eq!(metrics.http_request_duration_seconds.get("/documents").count, 1);
    }

    #[test]
    fn nothing_that_a_client_sends_becomes_a_label() {
        let metrics = metrics();
        let before = metrics.render(Exposition::Text).1.lines().count();
        for (method, route) in [("BREW", Some("/documents")), ("GET", Some("/secret\"} 1\n")), ("GET", None), ("\n", None)] {
            metrics.http.observe(method, route, 404, 0.1);
        }
        assert_eq!(metrics.http_requests_total.get("other", "other", CodeClass::Client), 4);
        assert_eq!(metrics.http_request_duration_seconds.get("other").count, 4);
        let after = metrics.render(Exposition::Text).1;
        assert_eq!(after.lines().count(), before);
        assert!(!after.contains("secret") && !after.contains("BREW"));
    }
}
