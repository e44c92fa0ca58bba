//! Every panel of every dashboard, asked as Grafana asks.

use super::{
    Finding, absent_series, counted,
    prometheus::{CheckError, Prometheus},
};
use crate::dashboards::{DASHBOARDS, Dashboard, Panel};

pub(super) async fn try_all(prometheus: &Prometheus, window: &str) -> Result<Vec<Finding>, CheckError> {
    let mut findings = Vec::new();
    for dashboard in DASHBOARDS {
        for panel in dashboard.panels() {
            findings.push(try_panel(prometheus, dashboard, panel, window).await?);
        }
    }
    Ok(findings)
}

/// A panel is fine when each of its queries has a line, or may have none.
async fn try_panel(prometheus: &Prometheus, dashboard: &Dashboard, panel: &Panel, window: &str) -> Result<Finding, CheckError> {
    let subject = format!("{} / {}", dashboard.title, panel.title);
    let (mut lines, mut numbers) = (0, 0);
    for query in panel.queries {
        let promql = query.with_window(window);
        let series = match prometheus.query(&promql).await? {
            Ok(series) => series,
            Err(error) => {
                return Ok(Finding::missing(
                    subject,
                    format!("{promql}: {error}"),
                    "This Prometheus does not understand the query; it has to be 2.42 or newer.",
                ));
            }
        };
        if series.is_empty() && !panel.event_only {
            let why = absent_series(prometheus, &promql).await?;
            return Ok(match why {
                Some(why) => {
                    Finding::missing(subject, why, "Let Prometheus scrape crPipeline, in the version that this dashboard comes from.")
                }
                None => Finding::missing(
                    subject,
                    format!("the series are there, but not two of their samples within {window}"),
                    "Wait for the next scrapes. If it stays so, scrapes are further apart than the configuration says.",
                ),
            });
        }
        lines += series.len();
        numbers += series.iter().filter(|one| !one.value().is_nan()).count();
    }
    Ok(match (lines, numbers) {
        (0, _) => Finding::ok(subject, "nothing to show, which is normal"),
        (_, 0) => {
            Finding::note(subject, format!("{}, without a number: nothing was observed within {window}", counted(lines, "line")), None)
        }
        _ => Finding::ok(subject, counted(lines, "line")),
    })
}

/// Older dashboards ask for a histogram by its bare name, which needs help from the scrape configuration.
pub(super) async fn try_bare_names(prometheus: &Prometheus) -> Result<Finding, CheckError> {
    const SUBJECT: &str = "bare names";
    let mut without = Vec::new();
    for name in ["stage_duration_seconds", "ocr_duration_seconds"] {
        if prometheus.query(name).await?.is_ok_and(|series| series.is_empty()) {
            without.push(name);
        }
    }
    if without.is_empty() {
        return Ok(Finding::ok(
            SUBJECT,
            "dashboards that ask for stage_duration_seconds and ocr_duration_seconds show the recent 95th percentile",
        ));
    }
    Ok(Finding::note(
        SUBJECT,
        format!("dashboards that ask for {} alone stay empty; those of the export do not ask so", without.join(" or ")),
        Some("If you use such a dashboard, take the metric_relabel_configs from the exported prometheus.yml."),
    ))
}
