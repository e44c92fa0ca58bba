//! Questions to a Prometheus over its HTTP API (v1), which is the same in 2.x and 3.x.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};

use crate::settings::is_this_machine;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing can be said about a Prometheus.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The address is none.
    #[error("\"{url}\" is no address of a Prometheus: {reason}")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there.
    #[error("no Prometheus can be reached at {url}: {reason}")]
    Unreachable {
        /// The address without a password.
        url: String,
        /// The innermost reason.
        reason: String,
    },
    /// Somebody answers there, but not as a Prometheus does.
    #[error("what answers at {url} is no Prometheus: {reason}")]
    NoPrometheus {
        /// The address without a password.
        url: String,
        /// What it answered.
        reason: String,
    },
}

/// A Prometheus and how to ask it.
pub(super) struct Prometheus {
    base: Url,
    client: Client,
}

/// Every answer of the API.
#[derive(Deserialize)]
struct Answer<T> {
    status: String,
    data: Option<T>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct BuildInformation {
    version: String,
}

#[derive(Deserialize)]
struct Instant {
    result: Vec<Series>,
}

/// One series of a result.
#[derive(Deserialize)]
pub(super) struct Series {
    /// Its labels.
    pub(super) metric: std::collections::BTreeMap<String, String>,
    /// Time and value; a native histogram has none.
    value: Option<(f64, String)>,
}

impl Series {
    /// Its value, NaN if it is not a number.
    pub(super) fn value(&self) -> f64 {
        self.value.as_ref().and_then(|(_, text)| text.parse().ok()).unwrap_or(f64::NAN)
    }

    /// A label, empty if it has none of that name.
    pub(super) fn label(&self, name: &str) -> &str {
        self.metric.get(name).map_or("", String::as_str)
    }
}

/// A target that is scraped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    /// Its labels after relabelling.
    pub(super) labels: std::collections::BTreeMap<String, String>,
    /// Where it is scraped.
    pub(super) scrape_url: String,
    /// Why the last scrape failed; empty if it did not.
    pub(super) last_error: String,
    /// `up`, `down` or `unknown`.
    pub(super) health: String,
    /// How often, as a duration; since 2.31.
    #[serde(default)]
    pub(super) scrape_interval: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<Target>,
}

/// A rule that is loaded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoadedRule {
    /// The name of the alert.
    pub(super) name: String,
    /// Its expression as Prometheus prints it.
    pub(super) query: String,
    /// `ok`, `err` or `unknown`.
    pub(super) health: String,
    /// Why the last evaluation failed.
    #[serde(default)]
    pub(super) last_error: String,
    /// How long it has to last, in seconds.
    #[serde(default)]
    pub(super) duration: f64,
    /// Labels that the rule adds.
    #[serde(default)]
    pub(super) labels: std::collections::BTreeMap<String, String>,
    /// `inactive`, `pending` or `firing`.
    #[serde(default)]
    pub(super) state: String,
}

#[derive(Deserialize)]
struct RuleGroup {
    rules: Vec<LoadedRule>,
}

#[derive(Deserialize)]
struct Rules {
    groups: Vec<RuleGroup>,
}

#[derive(Deserialize)]
struct Alertmanager {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<Alertmanager>,
}

#[derive(Deserialize)]
struct Formatted(String);

impl Prometheus {
    pub(super) fn at(url: &str) -> Result<Self, CheckError> {
        // Whatever stands before an @ may be a password, also in an address that is none.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned();
        let wrong = |reason: String| CheckError::Address { url: shown.clone(), reason };
        let mut base = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(wrong("it has to begin with http:// or https:// and name a host".to_owned()));
        }
        // With a slash at its end, paths are appended and do not replace the last part.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let is_here = base.host_str().is_some_and(is_this_machine);
        let builder = Client::builder().timeout(PATIENCE);
        // A proxy is for what is far away: asked for this machine, it would answer for its own.
        let builder = if is_here { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { base, client })
    }

    pub(super) async fn version(&self) -> Result<String, CheckError> {
        Ok(self.data::<BuildInformation>("api/v1/status/buildinfo", &[]).await?.version)
    }

    /// The result of a query now; the inner error is what Prometheus says about the query.
    pub(super) async fn query(&self, promql: &str) -> Result<Result<Vec<Series>, String>, CheckError> {
        let answer: Answer<Instant> = self.answer("api/v1/query", &[("query", promql)]).await?;
        Ok(match (answer.data, answer.error) {
            (Some(data), None) => Ok(data.result),
            (_, error) => Err(error.unwrap_or(answer.status)),
        })
    }

    /// The query as Prometheus writes it, for comparison; `None` where it cannot tell.
    pub(super) async fn formatted(&self, promql: &str) -> Result<Option<String>, CheckError> {
        let answer: Answer<Formatted> = self.answer("api/v1/format_query", &[("query", promql)]).await?;
        Ok(answer.data.map(|formatted| formatted.0))
    }

    pub(super) async fn targets(&self) -> Result<Vec<Target>, CheckError> {
        Ok(self.data::<Targets>("api/v1/targets", &[("state", "active")]).await?.active_targets)
    }

    /// Every alerting rule that is loaded.
    pub(super) async fn rules(&self) -> Result<Vec<LoadedRule>, CheckError> {
        let rules: Rules = self.data("api/v1/rules", &[("type", "alert")]).await?;
        Ok(rules.groups.into_iter().flat_map(|group| group.rules).collect())
    }

    /// Addresses of the Alertmanagers that alerts are sent to.
    pub(super) async fn alertmanagers(&self) -> Result<Vec<String>, CheckError> {
        let found: Alertmanagers = self.data("api/v1/alertmanagers", &[]).await?;
        Ok(found.active_alertmanagers.into_iter().map(|one| one.url).collect())
    }

    /// A page of this Prometheus as text; `None` if it cannot be had.
    pub(super) async fn page(&self, path: &str) -> Option<String> {
        self.other_page(self.base.join(path).ok()?.as_str()).await
    }

    /// A page of another program as text; `None` if it cannot be had.
    pub(super) async fn other_page(&self, url: &str) -> Option<String> {
        self.client.get(url).send().await.ok()?.error_for_status().ok()?.text().await.ok()
    }

    async fn data<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, CheckError> {
        let answer: Answer<T> = self.answer(path, parameters).await?;
        answer.data.ok_or_else(|| self.no_prometheus(answer.error.unwrap_or(answer.status)))
    }

    async fn answer<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Answer<T>, CheckError> {
        let mut url = self.base.join(path).map_err(|error| self.no_prometheus(error.to_string()))?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let answer = self.client.get(url).send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(self.no_prometheus(format!("it answered {status}; put user and password into the address: http://user:password@…")));
        }
        serde_json::from_slice(&body).map_err(|_| self.no_prometheus(format!("it answered {status} with something else than its API does")))
    }

    fn unreachable(&self, error: &reqwest::Error) -> CheckError {
        let mut reason: &dyn std::error::Error = error;
        while let Some(inner) = reason.source() {
            reason = inner;
        }
        CheckError::Unreachable { url: self.shown(), reason: reason.to_string() }
    }

    fn no_prometheus(&self, reason: String) -> CheckError {
        CheckError::NoPrometheus { url: self.shown(), reason }
    }

    /// The address without what nobody else may read.
    fn shown(&self) -> String {
        let mut url = self.base.clone();
        let _ = url.set_password(None);
        let _ = url.set_username("");
        url.as_str().trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The TLS library that the binary chooses at its start.
    fn with_tls() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    #[test]
    fn a_password_in_the_address_is_never_shown_and_a_prefix_stays() {
        with_tls();
        let prometheus = Prometheus::at("http://me:secret@localhost:9090/prometheus").unwrap();
        assert_eq!(prometheus.shown(), "http://localhost:9090/prometheus");
        assert_eq!(prometheus.base.join("api/v1/query").unwrap().path(), "/prometheus/api/v1/query");
    }

    #[test]
    fn what_is_no_address_is_told() {
        with_tls();
        for wrong in ["localhost:9090", "", "ftp://localhost", "http://", "me:secret@localhost:9090", "htp://me:secret@localhost"] {
            let Err(error @ CheckError::Address { .. }) = Prometheus::at(wrong) else { panic!("{wrong}") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
