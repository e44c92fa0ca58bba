//! Whether anybody hears of an alert.

use super::{
    Finding,
    prometheus::{CheckError, Prometheus},
};

const SUBJECT: &str = "notification";

pub(super) async fn look(prometheus: &Prometheus) -> Result<Finding, CheckError> {
    let alertmanagers = prometheus.alertmanagers().await?;
    if alertmanagers.is_empty() {
        return Ok(Finding::missing(
            SUBJECT,
            "no Alertmanager is connected, so nobody hears of an alert",
            "Start Alertmanager and name it under `alerting` in prometheus.yml, or alert from Grafana.",
        ));
    }
    // Counted by Prometheus about itself, if it scrapes itself.
    let failed = prometheus.query("sum(increase(prometheus_notifications_errors_total[15m])) > 0").await?;
    if failed.is_ok_and(|series| !series.is_empty()) {
        let found = format!("sending to {} failed within 15 minutes", alertmanagers.join(", "));
        return Ok(Finding::missing(SUBJECT, found, "See the log of Prometheus, and whether Alertmanager runs."));
    }
    Ok(Finding::ok(SUBJECT, format!("alerts go to {}", alertmanagers.join(", "))))
}
