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

impl Settings {
    /// Scrapes these processes (`host:port`) instead of the usual one; without any, nothing changes.
    ///
    /// In a container this machine's own address is the container's: what is there is scraped by a Prometheus on the machine alone.
    pub fn scrape(&mut self, targets: &[String]) {
        if !targets.is_empty() {
            self.host_targets = targets.to_vec();
        }
        let elsewhere: Vec<String> = targets.iter().filter(|target| !is_this_machine(host_of(target))).cloned().collect();
        if !elsewhere.is_empty() {
            self.targets = elsewhere;
        }
    }
}

/// The host of `host:port`; an IPv6 address keeps its brackets.
pub(crate) fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// Whether a host means the machine that asks.
pub(crate) fn is_this_machine(host: &str) -> bool {
    ["localhost", "[::1]"].contains(&host) || host.starts_with("127.")
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

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn what_is_on_this_machine_is_scraped_from_this_machine_alone() {
        let scraped = |targets: &[&str]| {
            let mut settings = Settings::default();
            settings.scrape(&targets.iter().map(|&target| target.to_owned()).collect::<Vec<_>>());
            (settings.targets, settings.host_targets)
        };
        let list = |targets: &[&str]| targets.iter().map(|&target| target.to_owned()).collect::<Vec<_>>();
        assert_eq!(scraped(&[]), (list(&["crpipeline:9100"]), list(&["localhost:9100"])));
        assert_eq!(scraped(&["[::1]:9101"]), (list(&["crpipeline:9100"]), list(&["[::1]:9101"])));
        assert_eq!(scraped(&["127.0.0.1:1", "a:2"]), (list(&["a:2"]), list(&["127.0.0.1:1", "a:2"])));
    }
}
