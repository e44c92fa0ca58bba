//! `crpipeline import`: wires `crp_ops::import` and prints what came out.

use std::{path::PathBuf, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::{Code, Failure, Sha256Hash};
use crp_ops::import::{self, Import, Refused, Report, Survey};
use crp_store::plans;
use serde_json::json;

use super::{
    organization,
    progress::{Progress, size},
};
use crate::{
    cli::ImportArguments,
    config::Configuration,
    doors, exit,
    telemetry::{OneLine, say},
    version::BUILD,
};

/// Files that are named one by one; the record has all of them.
const NAMED: usize = 20;

/// Takes a folder; exit code 3 when some of its files are no documents.
pub(crate) async fn import(arguments: ImportArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let record = match record(&arguments, &configuration) {
        Ok(record) => record,
        Err(failure) => return exit::with_failure(&failure),
    };
    let refused = if arguments.dry_run {
        let looked = import::survey(&arguments.folder, &record, configuration.limits.max_upload_bytes(), &|step| progress.tell(step)).await;
        progress.end();
        looked.map(|survey| {
            tell_survey(&survey, &arguments);
            survey.refused
        })
    } else {
        let taken = take(&arguments, &configuration, &record, &progress).await;
        progress.end();
        taken.map(|report| {
            tell_report(&report, &arguments, &record);
            report.refused
        })
    };
    match refused {
        Ok(refused) => refused.first().map_or(ExitCode::SUCCESS, |_| ExitCode::from(exit::UNUSABLE_INPUT)),
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn take(
    arguments: &ImportArguments,
    configuration: &Configuration,
    record: &std::path::Path,
    progress: &Progress,
) -> Result<Report, Failure> {
    let metrics = Metrics::new(BUILD, &[]);
    let store = doors::existing_store(configuration, &metrics).await?.with_max_attempts(configuration.limits.max_attempts);
    let objects = doors::objects(&configuration.storage, &metrics)?;
    let taken = async {
        let scope = organization::only_or_named(&store, arguments.organization.as_deref()).await?;
        let plan = plans::plan_for(&store, &scope, arguments.pipeline.as_deref()).await.map_err(|error| error.failure())?;
        let import = Import { store: &store, objects: &objects, scope, plan: &plan, max_bytes: configuration.limits.max_upload_bytes() };
        import::run(&import, &arguments.folder, record, &|step| progress.tell(step)).await
    };
    let taken = taken.await;
    objects.finish_cleanups().await;
    store.close().await;
    taken
}

/// Where the record of this folder is, unless it is named: one for each folder and organization.
fn record(arguments: &ImportArguments, configuration: &Configuration) -> Result<PathBuf, Failure> {
    if let Some(record) = &arguments.record {
        return Ok(record.clone());
    }
    let folder = arguments.folder.canonicalize().map_err(|error| {
        Failure::new(Code::FileAccess, format!("The folder {} cannot be read: {error}", arguments.folder.display()))
            .with_remedy("Name a folder that this user can read.")
    })?;
    let what = format!("{}\n{}", folder.display(), arguments.organization.as_deref().unwrap_or_default());
    let name: String = Sha256Hash::of(what.as_bytes()).to_string().chars().take(16).collect();
    Ok(configuration.storage.data_dir.join("imports").join(format!("{name}.jsonl")))
}

fn tell_survey(survey: &Survey, arguments: &ImportArguments) {
    if arguments.json {
        return say(&json!(survey).to_string());
    }
    let files: u64 = survey.files.values().sum();
    say(&format!("{files} files ({}) would be taken, {} were taken before", size(survey.bytes), survey.known));
    survey.files.iter().for_each(|(format, files)| say(&format!("  {format}: {files}")));
    tell_refused(&survey.refused, "files that would be refused");
}

fn tell_report(report: &Report, arguments: &ImportArguments, record: &std::path::Path) {
    if arguments.json {
        let mut told = json!(report);
        told["record"] = json!(record);
        return say(&told.to_string());
    }
    say(&format!(
        "{} documents ({}) were taken, {} of them with bytes that were there already; {} files were taken before",
        report.taken,
        size(report.bytes),
        report.duplicates,
        report.known
    ));
    tell_refused(&report.refused, "files that were refused");
    say(&format!("Every file with its hash, document and job: {}", OneLine(record.to_string_lossy())));
}

fn tell_refused(refused: &[Refused], what: &str) {
    if refused.is_empty() {
        return;
    }
    eprintln!("warning: {what}: {}", refused.len());
    refused.iter().take(NAMED).for_each(|one| eprintln!("  {}: {}", OneLine(&one.path), OneLine(&one.failure.message)));
    if refused.len() > NAMED {
        eprintln!("  and {} more; --json lists all of them", refused.len() - NAMED);
    }
}
