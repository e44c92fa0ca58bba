//! `crpipeline check`: prints what `crp_ops::check` finds.

use std::{process::ExitCode, time::Duration};

use crp_metrics::Metrics;
use crp_model::Failure;
use crp_ops::check::{self, Finding, Report, Subject};

use super::progress::Progress;
use crate::{
    cli::CheckArguments,
    config::Configuration,
    doors, exit,
    telemetry::{OneLine, say, say_finding},
    version::BUILD,
};

/// Compares rows with objects; exit code 4 when something is found and not mended.
pub(crate) async fn check(arguments: CheckArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let report = look(&arguments, &configuration, &progress).await;
    progress.end();
    match report {
        Ok(report) => {
            tell(&report, &arguments);
            if report.open() == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::MISSING) }
        }
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn look(arguments: &CheckArguments, configuration: &Configuration, progress: &Progress) -> Result<Report, Failure> {
    let metrics = Metrics::new(BUILD, &[]);
    let store = doors::existing_store(configuration, &metrics).await?.with_max_attempts(configuration.limits.max_attempts);
    let objects = doors::objects(&configuration.storage, &metrics)?;
    let age = Duration::from_secs(u64::from(arguments.min_age_hours) * 3600);
    let subject = Subject {
        store: &store,
        objects: &objects,
        hashes: arguments.hashes,
        repair: arguments.repair,
        older_than: store.ambient().now().minus(age),
    };
    let report = check::check(&subject, &|step| progress.tell(step)).await;
    store.close().await;
    report
}

fn tell(report: &Report, arguments: &CheckArguments) {
    if arguments.json {
        return say(&serde_json::to_string(report).unwrap_or_default());
    }
    report.findings.iter().for_each(tell_one);
    let beyond = report.found - report.findings.len() as u64;
    if beyond > 0 {
        say(&format!("… and {beyond} more"));
    }
    if let Some(example) = &report.foreign_example {
        let what = "lie beside those of this database, or belong to an organization that it does not know; they are left alone, like";
        say(&format!("note: {} objects {what} {}", report.foreign, OneLine(example.as_str())));
    }
    if report.young > 0 {
        say(&format!("note: {} objects have no row yet; they are young and may be about to get one", report.young));
    }
    let bytes = if arguments.hashes { "every byte was compared" } else { "their sizes were compared; --hashes compares every byte" };
    say(&format!("{} objects are named by rows, {bytes}. {} findings, {} of them mended.", report.named, report.found, report.mended));
}

fn tell_one(finding: &Finding) {
    let word = if finding.is_mended { ("OK  ", "32") } else { ("FAIL", "31") };
    let names: Vec<String> = finding.documents.iter().map(|document| format!("{} \"{}\"", document.id, document.name.as_str())).collect();
    let of = if names.is_empty() { String::new() } else { format!(" (document {})", names.join(", ")) };
    let found = format!("{}{of}: {}", finding.key, finding.what);
    say_finding(word, (finding.kind.as_str(), 16), &found, Some(&finding.remedy));
}
