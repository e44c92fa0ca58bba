//! Every alert: whether it is loaded, says what ours says, can be evaluated, and has the series that it watches.

use super::{
    Finding, absent_series,
    prometheus::{CheckError, LoadedRule, Prometheus},
};
use crate::{ALERTS, Alert};

/// `is_scraped`: whether there is anything of crPipeline that rules could see.
pub(super) async fn try_all(prometheus: &Prometheus, is_scraped: bool) -> Result<Vec<Finding>, CheckError> {
    let loaded = prometheus.rules().await?;
    let mut findings = Vec::new();
    for alert in ALERTS {
        findings.push(try_rule(prometheus, alert, loaded.iter().find(|rule| rule.name == alert.name), is_scraped).await?);
    }
    Ok(findings)
}

async fn try_rule(prometheus: &Prometheus, alert: &Alert, loaded: Option<&LoadedRule>, is_scraped: bool) -> Result<Finding, CheckError> {
    let subject = format!("rule {}", alert.name);
    if let Err(error) = prometheus.query(alert.expr).await? {
        return Ok(Finding::missing(subject, error, "This Prometheus does not understand the rule; it has to be 2.42 or newer."));
    }
    let Some(rule) = loaded else {
        let remedy = "Put rules/crpipeline.yml where rule_files of prometheus.yml points, and reload Prometheus.";
        return Ok(Finding::missing(subject, "it is not loaded, so it never fires", remedy));
    };
    if rule.health == "err" {
        return Ok(Finding::missing(subject, format!("its evaluation fails: {}", rule.last_error), "See the log of Prometheus."));
    }
    // An absent series is what a rule about absence is for.
    if is_scraped
        && !alert.expr.contains("absent(")
        && let Some(why) = absent_series(prometheus, alert.expr).await?
    {
        return Ok(Finding::missing(
            subject,
            format!("{why}, so it never fires"),
            "Let Prometheus scrape crPipeline, in the version that this rule comes from.",
        ));
    }
    Ok(match rule.state.as_str() {
        "firing" => Finding::note(subject, "it fires now", Some(alert.first_step)),
        "pending" => Finding::note(subject, "it is about to fire", Some(alert.first_step)),
        _ => match difference(prometheus, alert, rule).await? {
            Some(difference) => {
                let remedy = "If nobody changed it on purpose, load the exported rules/crpipeline.yml.";
                Finding::note(subject, format!("it is loaded, but not as exported: {difference}"), Some(remedy))
            }
            None => Finding::ok(subject, "loaded, quiet"),
        },
    })
}

/// In what the loaded rule differs from ours; queries are compared as Prometheus itself writes them.
async fn difference(prometheus: &Prometheus, alert: &Alert, rule: &LoadedRule) -> Result<Option<String>, CheckError> {
    if prometheus.formatted(alert.expr).await? != prometheus.formatted(&rule.query).await? {
        return Ok(Some(format!("it asks for {}", rule.query)));
    }
    if (rule.duration - f64::from(alert.for_seconds)).abs() > 0.5 {
        return Ok(Some(format!("it fires after {} s and not after {} s", rule.duration, alert.for_seconds)));
    }
    let severity = rule.labels.get("severity").map_or("", String::as_str);
    Ok((severity != alert.severity.as_str()).then(|| format!("its severity is \"{severity}\" and not \"{}\"", alert.severity.as_str())))
}
