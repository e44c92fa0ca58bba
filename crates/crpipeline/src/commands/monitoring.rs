//! `crpipeline monitoring`: writes what Prometheus, Alertmanager and Grafana need, and tries it on a running Prometheus.

use std::{
    io::ErrorKind,
    process::ExitCode,
    time::{Duration, Instant},
};

use crp_monitoring::{
    Settings,
    check::{self, CheckError, Finding, Outcome},
    export::{self, ExportError, Written},
};
use serde_json::json;

use crate::{
    cli::{MonitoringCheck, MonitoringCommand, MonitoringExport},
    exit, start,
    telemetry::{OneLine, say, say_finding},
};

/// Exit code for a folder that holds somebody's work, and for an address that is none.
const ARGUMENTS: u8 = 2;
/// Between two tries of a check that waits.
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// Runs a subcommand; none of them needs a configuration.
pub(crate) fn monitoring(command: MonitoringCommand) -> ExitCode {
    match command {
        MonitoringCommand::Export(arguments) => export(&arguments),
        MonitoringCommand::Check(arguments) => start::block_on(check(arguments)),
    }
}

fn export(arguments: &MonitoringExport) -> ExitCode {
    let files = export::files(&settings(arguments));
    match export::write(&arguments.dir, &files, arguments.force) {
        Ok(written) => {
            tell_written(arguments, &written);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            eprintln!("  {}", remedy(&error));
            ExitCode::from(if matches!(error, ExportError::Differ { .. }) { ARGUMENTS } else { exit::MISSING })
        }
    }
}

/// The defaults with what the command line says.
fn settings(arguments: &MonitoringExport) -> Settings {
    let mut settings = Settings::default();
    settings.scrape(&arguments.target);
    let MonitoringExport { job_name, scrape_interval_seconds, prometheus_port, grafana_port, alertmanager_port, .. } = arguments;
    settings.job_name = job_name.clone().unwrap_or(settings.job_name);
    settings.scrape_interval_seconds = scrape_interval_seconds.unwrap_or(settings.scrape_interval_seconds);
    settings.prometheus_port = prometheus_port.unwrap_or(settings.prometheus_port);
    settings.grafana_port = grafana_port.unwrap_or(settings.grafana_port);
    settings.alertmanager_port = alertmanager_port.unwrap_or(settings.alertmanager_port);
    settings.runbook_base_url.clone_from(&arguments.runbook_url);
    let MonitoringExport { email_to, email_from, slack_channel, .. } = arguments;
    settings.email_to = email_to.clone().unwrap_or(settings.email_to);
    settings.email_from = email_from.clone().unwrap_or(settings.email_from);
    settings.slack_channel = slack_channel.clone().unwrap_or(settings.slack_channel);
    settings.smtp_smarthost.clone_from(&arguments.smtp_smarthost);
    settings.smtp_username.clone_from(&arguments.smtp_username);
    settings
}

fn tell_written(arguments: &MonitoringExport, written: &Written) {
    let Written { new, replaced, unchanged } = written;
    say(&format!("{}: {} new, {} replaced, {} unchanged", arguments.dir.display(), new.len(), replaced.len(), unchanged.len()));
    replaced.iter().for_each(|path| say(&format!("  replaced {path}")));
    say("README.md in it says how to start with Docker and without.");
}

fn remedy(error: &ExportError) -> &'static str {
    match error {
        ExportError::Differ { .. } => {
            "Export into another folder and compare, or replace them with --force (copy what you changed in them first)."
        }
        ExportError::Unwritable { error, .. } if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "Free some space there, then export again: what was not written whole is not there."
        }
        ExportError::Unwritable { .. } => {
            "Name a folder that this user may write to; a file or a broken link in its place has to go first."
        }
    }
}

async fn check(arguments: MonitoringCheck) -> ExitCode {
    match checked(&arguments).await {
        Ok(findings) => {
            tell_findings(&findings, arguments.json);
            if check::worst(&findings) == Outcome::Missing { ExitCode::from(exit::MISSING) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            if arguments.json {
                say(&json!({ "outcome": Outcome::Missing, "error": error.to_string(), "findings": [] }).to_string());
            }
            eprintln!("error: {}", OneLine(&error.to_string()));
            eprintln!("  {}", what_to_do(&error));
            ExitCode::from(if matches!(error, CheckError::Address { .. }) { ARGUMENTS } else { exit::MISSING })
        }
    }
}

const fn what_to_do(error: &CheckError) -> &'static str {
    match error {
        CheckError::Address { .. } => "For example: --prometheus http://localhost:9090",
        CheckError::Unreachable { .. } => "Start Prometheus, or name the address where it answers: --prometheus http://localhost:9090",
        CheckError::NoPrometheus { .. } => "Name the address without what follows its first page, such as /graph: http://localhost:9090",
    }
}

/// Tries everything, again and again as long as something is missing and the time is not over.
async fn checked(arguments: &MonitoringCheck) -> Result<Vec<Finding>, CheckError> {
    let end = Instant::now() + Duration::from_secs(arguments.wait_seconds);
    let mut waits = false;
    loop {
        let checked = check::check(&arguments.prometheus).await;
        let may_come = match &checked {
            Ok(findings) => check::worst(findings) == Outcome::Missing,
            Err(error) => !matches!(error, CheckError::Address { .. }),
        };
        if !may_come || Instant::now() >= end {
            return checked;
        }
        if !waits {
            waits = true;
            eprintln!("Something is missing; trying again for up to {} s", arguments.wait_seconds);
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

fn tell_findings(findings: &[Finding], json: bool) {
    if json {
        return say(&json!({ "outcome": check::worst(findings), "findings": findings }).to_string());
    }
    let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or(0);
    findings.iter().for_each(|finding| print(finding, width));
    let of = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    say(&format!("\n{} as it should be, {} worth knowing, {} missing", of(Outcome::Ok), of(Outcome::Note), of(Outcome::Missing)));
}

fn print(finding: &Finding, width: usize) {
    let word = match finding.outcome {
        Outcome::Ok => ("OK     ", "32"),
        Outcome::Note => ("NOTE   ", "33"),
        Outcome::Missing => ("MISSING", "31"),
    };
    say_finding(word, (&finding.subject, width), &finding.found, finding.remedy.as_deref());
}
