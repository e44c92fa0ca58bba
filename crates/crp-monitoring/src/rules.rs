//! The file `rules/crpipeline.yml`: every alert as Prometheus reads it.

use serde::Serialize;
use serde_saphyr::LitString;

use crate::{ALERTS, Alert, Settings, export::MADE};

/// The group of all alerts; one group, so that they are evaluated together.
const GROUP: &str = "crpipeline";

#[derive(Serialize)]
struct RulesFile {
    groups: [Group; 1],
}

#[derive(Serialize)]
struct Group {
    name: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    alert: &'static str,
    expr: LitString,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    lasting: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Serialize)]
struct Labels {
    severity: &'static str,
}

/// What a mail says; the names are used in the templates of the receivers.
#[derive(Serialize)]
struct Annotations {
    summary: &'static str,
    description: &'static str,
    first_step: &'static str,
    runbook: String,
}

/// The rules file as YAML.
pub(crate) fn file(settings: &Settings) -> String {
    let rules = RulesFile { groups: [Group { name: GROUP, rules: ALERTS.iter().map(|alert| rule(alert, settings)).collect() }] };
    let yaml = serde_saphyr::to_string(&rules).expect("rules are plain strings");
    format!("# {MADE}\n# Each alert has a page of its own in runbooks/ and a test of its own in tests/.\n{yaml}")
}

fn rule(alert: &Alert, settings: &Settings) -> Rule {
    Rule {
        alert: alert.name,
        expr: LitString(alert.expr.to_owned()),
        lasting: (alert.for_seconds > 0).then(|| duration(alert.for_seconds)),
        labels: Labels { severity: alert.severity.as_str() },
        annotations: Annotations {
            summary: alert.summary,
            description: alert.description,
            first_step: alert.first_step,
            runbook: runbook(alert, settings),
        },
    }
}

/// Where the runbook of an alert can be read: an address, or the file in the exported folder.
pub(crate) fn runbook(alert: &Alert, settings: &Settings) -> String {
    match &settings.runbook_base_url {
        Some(base) => format!("{}/{}.md", base.trim_end_matches('/'), alert.name),
        None => format!("runbooks/{}.md", alert.name),
    }
}

/// A duration as Prometheus writes it.
fn duration(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { format!("{}m", seconds / 60) } else { format!("{seconds}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_whole_minutes_where_they_are() {
        assert_eq!((duration(60), duration(90), duration(600)), ("1m".to_owned(), "90s".to_owned(), "10m".to_owned()));
    }

    #[test]
    fn a_runbook_is_an_address_where_one_is_known() {
        let settings = Settings { runbook_base_url: Some("https://docs.example.org/runbooks/".to_owned()), ..Settings::default() };
        assert!(file(&settings).contains("https://docs.example.org/runbooks/CrpipelineLoginFailures.md"));
        assert!(file(&Settings::default()).contains("runbook: runbooks/CrpipelineLoginFailures.md"));
    }
}
