//! `crpipeline monitoring` and its flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::values;

/// `crpipeline monitoring`
#[derive(Debug, Subcommand)]
pub(crate) enum MonitoringCommand {
    /// Writes everything into a folder: configuration, rules, runbooks, dashboards, compose files
    #[command(
        after_help = "A file that is there and says something else is never replaced without --force; nothing at all is written then.

Examples:
  crpipeline monitoring export monitoring
  crpipeline monitoring export /etc/crpipeline/monitoring --target localhost:9100 --target worker-1:9101
  crpipeline monitoring export new && diff -r monitoring new      what a new version would change"
    )]
    Export(MonitoringExport),
    /// Executes every panel and every rule on a running Prometheus and says what is missing and why
    #[command(after_help = "Exit code 0: everything works (perhaps with notes). 4: something is missing.

Examples:
  crpipeline monitoring check --prometheus http://localhost:9090
  crpipeline monitoring check --wait-seconds 120                   right after Prometheus was started
  crpipeline monitoring check --prometheus https://me:secret@prometheus.example.org --json | jq '.findings[] | select(.outcome != \"ok\")'")]
    Check(MonitoringCheck),
}

/// `crpipeline monitoring export`
#[derive(Args, Debug)]
pub(crate) struct MonitoringExport {
    /// Folder for the files; it is made when it is missing
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// What Prometheus scrapes, once for every process; one at localhost is for a Prometheus on this machine alone
    /// [default: crpipeline:9100 in containers, localhost:9100 on the machine]
    #[arg(long, value_name = "HOST:PORT", value_parser = values::host_and_port)]
    pub(crate) target: Vec<String>,
    /// The label `job` of everything that is scraped [default: crpipeline]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) job_name: Option<String>,
    /// Seconds between two scrapes, at most 60: rules look at windows of a few minutes [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) scrape_interval_seconds: Option<u32>,
    /// Published port of Prometheus [default: 9090]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) prometheus_port: Option<u16>,
    /// Published port of Grafana [default: 3000]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) grafana_port: Option<u16>,
    /// Published port of Alertmanager [default: 9093]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) alertmanager_port: Option<u16>,
    /// Address under which the folder runbooks/ can be read; alerts link to it [default: they name the file]
    #[arg(long, value_name = "URL", value_parser = values::web_address)]
    pub(crate) runbook_url: Option<String>,
    /// Who gets mail about alerts [default: root@localhost]
    #[arg(long, value_name = "ADDRESS", value_parser = values::mail_address)]
    pub(crate) email_to: Option<String>,
    /// The sender of that mail [default: crpipeline@localhost]
    #[arg(long, value_name = "ADDRESS", value_parser = values::mail_address)]
    pub(crate) email_from: Option<String>,
    /// The mail server that takes it [default: port 25 of this machine]
    #[arg(long, value_name = "HOST:PORT", value_parser = values::host_and_port)]
    pub(crate) smtp_smarthost: Option<String>,
    /// The name to log in there with; the password goes into a file of secrets/
    #[arg(long, value_name = "NAME")]
    pub(crate) smtp_username: Option<String>,
    /// The Slack channel [default: #alerts]
    #[arg(long, value_name = "CHANNEL", value_parser = values::plain)]
    pub(crate) slack_channel: Option<String>,
    /// Replaces files that say something else
    #[arg(long)]
    pub(crate) force: bool,
}

/// `crpipeline monitoring check`
#[derive(Args, Debug)]
pub(crate) struct MonitoringCheck {
    /// Address of Prometheus
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    pub(crate) prometheus: String,
    /// Tries again for so many seconds while something is missing: a Prometheus that was just started knows little
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) wait_seconds: u64,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
