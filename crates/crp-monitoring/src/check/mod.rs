//! Tries dashboards and rules on a running Prometheus, and says what is missing there and why.

mod dashboards;
mod notification;
mod prometheus;
mod rules;
mod targets;

use serde::Serialize;

pub use self::prometheus::CheckError;
use self::prometheus::Prometheus;

/// How something is on that Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works; something is worth knowing.
    Note,
    /// It does not work.
    Missing,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried: `scraping`, a dashboard with its panel, `rule` with its name, `notification`.
    pub subject: String,
    /// How it is.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it, unless there is nothing to do.
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject: subject.into(), outcome: Outcome::Ok, found: found.into(), remedy: None }
    }

    fn note(subject: impl Into<String>, found: impl Into<String>, remedy: Option<&str>) -> Self {
        Self { subject: subject.into(), outcome: Outcome::Note, found: found.into(), remedy: remedy.map(str::to_owned) }
    }

    fn missing(subject: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject: subject.into(), outcome: Outcome::Missing, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Tries every panel and every rule on the Prometheus at `url` (`http://user:password@host:port/prefix`).
///
/// # Errors
/// It cannot be reached, or what answers there is no Prometheus.
pub async fn check(url: &str) -> Result<Vec<Finding>, CheckError> {
    let prometheus = Prometheus::at(url)?;
    let version = prometheus.version().await?;
    let mut findings = vec![Finding::ok("Prometheus", format!("version {version} answers"))];
    let scraped = targets::look(&prometheus).await?;
    findings.extend(scraped.findings);
    if scraped.is_there {
        findings.extend(dashboards::try_all(&prometheus, &scraped.window).await?);
        findings.push(dashboards::try_bare_names(&prometheus).await?);
    } else {
        // One cause, one line: every panel would say the same.
        findings.push(Finding::note("dashboards", "not tried, since nothing of crPipeline is scraped", None));
    }
    findings.extend(rules::try_all(&prometheus, scraped.is_there).await?);
    findings.extend(notification::look(&prometheus).await?);
    Ok(findings)
}

/// The worst of them.
pub fn worst(findings: &[Finding]) -> Outcome {
    findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok)
}

/// `1 line`, `3 lines`.
fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Which of the series that a query names this Prometheus does not have, as a sentence; `None` if it has all of them.
async fn absent_series(prometheus: &Prometheus, promql: &str) -> Result<Option<String>, CheckError> {
    let mut absent = Vec::new();
    for selector in crate::query::selectors(promql).unwrap_or_default() {
        if prometheus.query(&selector.text).await?.is_ok_and(|series| series.is_empty()) {
            absent.push(selector.text);
        }
    }
    Ok((!absent.is_empty()).then(|| format!("there is no series {}", absent.join(" and no series "))))
}
