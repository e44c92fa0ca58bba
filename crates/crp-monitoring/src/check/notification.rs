//! Whether anybody hears of an alert: Prometheus must reach Alertmanager, and Alertmanager those who are to be told.

use super::{
    Finding,
    prometheus::{CheckError, Prometheus},
};

const SUBJECT: &str = "notification";

pub(super) async fn look(prometheus: &Prometheus) -> Result<Vec<Finding>, CheckError> {
    let alertmanagers = prometheus.alertmanagers().await?;
    if alertmanagers.is_empty() {
        return Ok(vec![Finding::missing(
            SUBJECT,
            "no Alertmanager is connected, so nobody hears of an alert",
            "Start Alertmanager and name it under `alerting` in prometheus.yml, or alert from Grafana.",
        )]);
    }
    // Each tells about itself, also where Prometheus does not scrape it or itself.
    let own = prometheus.page("metrics").await.unwrap_or_default();
    let unsent = total(&own, "prometheus_notifications_errors_total") + total(&own, "prometheus_notifications_dropped_total");
    let mut findings = Vec::new();
    for url in alertmanagers {
        let base = url.split("/api/").next().unwrap_or(&url).to_owned();
        findings.push(match prometheus.other_page(&format!("{base}/metrics")).await {
            Some(page) => of_alertmanager(&base, &page),
            None if unsent > 0.0 => Finding::missing(
                SUBJECT,
                format!("{base} does not answer, and Prometheus has failed to send to it"),
                "Start Alertmanager, or correct its address under `alerting` in prometheus.yml.",
            ),
            None => Finding::note(
                SUBJECT,
                format!("alerts go to {base}, which cannot be asked from here whether it can send"),
                Some("If it should answer at this address, start it."),
            ),
        });
    }
    Ok(findings)
}

/// What an Alertmanager counts about mail and messages that it could not hand over.
fn of_alertmanager(base: &str, page: &str) -> Finding {
    let failed = total(page, "alertmanager_notification_requests_failed_total");
    if failed == 0.0 {
        return Finding::ok(SUBJECT, format!("alerts go to {base}, which has handed over everything so far"));
    }
    let by: Vec<&str> = ["email", "slack", "webhook"]
        .into_iter()
        .filter(|integration| {
            let of_this = format!("integration=\"{integration}\"");
            sum(page, "alertmanager_notification_requests_failed_total", |labels| labels.contains(&of_this)) > 0.0
        })
        .collect();
    Finding::note(
        SUBJECT,
        format!("{base} has failed to hand over {failed:.0} messages since its start ({})", by.join(", ")),
        Some("Its log says why: look for \"Notify attempt failed\"."),
    )
}

/// The sum over all series of a counter on a page of metrics.
fn total(page: &str, name: &str) -> f64 {
    sum(page, name, |_| true)
}

/// The sum over the series of a counter whose labels, as written, are wanted.
fn sum(page: &str, name: &str, wanted: impl Fn(&str) -> bool) -> f64 {
    let samples = page.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with(['{', ' ']));
    samples.filter(|rest| wanted(rest)).filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    const PAGE: &str = "# TYPE alertmanager_notification_requests_failed_total counter\n\
                        alertmanager_notification_requests_failed_total{integration=\"email\"} 3\n\
                        alertmanager_notification_requests_failed_total{integration=\"slack\"} 0\n\
                        alertmanager_notification_requests_failed_total_other 9\n";

    #[test]
    fn what_could_not_be_handed_over_is_told_by_its_way() {
        let found = of_alertmanager("http://a:9093", PAGE);
        assert_eq!(found.outcome, Outcome::Note);
        assert_eq!(found.found, "http://a:9093 has failed to hand over 3 messages since its start (email)");
        assert_eq!(of_alertmanager("http://a:9093", "").outcome, Outcome::Ok);
    }
}
