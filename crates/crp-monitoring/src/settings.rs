//! What an operator may choose when the files are written.

use serde::Serialize;

/// Ports, targets and names in the exported files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// What Prometheus scrapes when it runs beside crPipeline in containers: `host:port` of every process.
    pub targets: Vec<String>,
    /// What a Prometheus on the machine of crPipeline scrapes.
    pub host_targets: Vec<String>,
    /// The `job` label; no rule and no panel depends on it.
    pub job_name: String,
    /// How often the targets are scraped, in seconds.
    pub scrape_interval_seconds: u32,
    /// Published port of Prometheus.
    pub prometheus_port: u16,
    /// Published port of Grafana.
    pub grafana_port: u16,
    /// Published port of Alertmanager.
    pub alertmanager_port: u16,
    /// Where the runbooks can be read in a browser, without a slash at its end; without it alerts name the file.
    pub runbook_base_url: Option<String>,
    /// Who gets mail about alerts.
    pub email_to: String,
    /// The sender of that mail.
    pub email_from: String,
    /// The mail server that takes it, as `host:port`; without it the mail server of the machine itself, on port 25.
    pub smtp_smarthost: Option<String>,
    /// The name to log in there with; its password is read from a file.
    pub smtp_username: Option<String>,
    /// The Slack channel, for a webhook that may choose one.
    pub slack_channel: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            targets: vec!["crpipeline:9100".to_owned()],
            host_targets: vec!["localhost:9100".to_owned()],
            job_name: "crpipeline".to_owned(),
            scrape_interval_seconds: 15,
            prometheus_port: 9090,
            grafana_port: 3000,
            alertmanager_port: 9093,
            runbook_base_url: None,
            email_to: "root@localhost".to_owned(),
            email_from: "crpipeline@localhost".to_owned(),
            smtp_smarthost: None,
            smtp_username: None,
            slack_channel: "#alerts".to_owned(),
        }
    }
}
