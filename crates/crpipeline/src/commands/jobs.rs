//! `crpipeline jobs`: wires `crp_ops::failed_jobs` and prints what came out.

use std::process::ExitCode;

use crp_metrics::Metrics;
use crp_model::{Code, Failure};
use crp_ops::failed_jobs::{self, Listed, Retried};
use crp_store::Store;
use serde_json::json;

use super::organization;
use crate::{
    cli::{JobsCommand, JobsListArguments, JobsRetryArguments},
    config::Configuration,
    doors, exit,
    telemetry::{OneLine, say},
    version::BUILD,
};

/// Lists jobs or tries them again; exit code 2 when some could not be tried again.
pub(crate) async fn jobs(command: JobsCommand, configuration: Configuration) -> ExitCode {
    let metrics = Metrics::new(BUILD, &[]);
    let store = match doors::existing_store(&configuration, &metrics).await {
        Ok(store) => store.with_max_attempts(configuration.limits.max_attempts),
        Err(failure) => return exit::with_failure(&failure),
    };
    let done = match command {
        JobsCommand::List(arguments) => list(&store, &arguments).await,
        JobsCommand::Retry(arguments) => retry(&store, &arguments).await,
    };
    store.close().await;
    match done {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(refused)) => ExitCode::from(refused.code.exit_code()),
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn list(store: &Store, arguments: &JobsListArguments) -> Result<Option<Failure>, Failure> {
    let organizations = organization::all_or_named(store, arguments.organization.as_deref()).await?;
    let tell = |job: Listed| say(&if arguments.json { json!(job).to_string() } else { line(&job) });
    let told = failed_jobs::list(store, &organizations, arguments.failed, arguments.limit as usize, tell).await?;
    if told == 0 && !arguments.json {
        say(if arguments.failed { "No failed job waits for anybody." } else { "There are no jobs." });
    }
    Ok(None)
}

/// The first refusal, if there was one.
async fn retry(store: &Store, arguments: &JobsRetryArguments) -> Result<Option<Failure>, Failure> {
    let organizations = organization::all_or_named(store, arguments.organization.as_deref()).await?;
    let mut first = None;
    let (mut tried, mut refused) = (0_u64, 0_u64);
    let mut tell = |retried: &Retried| {
        match &retried.refused {
            Some(failure) => {
                refused += 1;
                first.get_or_insert_with(|| failure.clone());
            }
            None => tried += 1,
        }
        tell_retried(retried, arguments);
    };
    if arguments.all {
        failed_jobs::retry_all(store, &organizations, arguments.dry_run, &mut tell).await?;
    }
    let mut unknown = Vec::new();
    for id in &arguments.ids {
        match failed_jobs::retry_one(store, &organizations, *id, arguments.dry_run).await? {
            Some(retried) => tell(&retried),
            None => unknown.push(id.to_string()),
        }
    }
    if !arguments.json {
        let what = if arguments.dry_run { "would be tried again" } else { "are tried again" };
        let others = if refused == 0 { String::new() } else { format!(", {refused} cannot be") };
        say(&format!("{tried} jobs {what}{others}."));
    }
    if !unknown.is_empty() {
        let message = format!("There is no job {}", unknown.join(", "));
        return Err(Failure::new(Code::InvalidConfiguration, message).with_remedy("`crpipeline jobs list` shows jobs with their ids."));
    }
    Ok(first)
}

fn tell_retried(retried: &Retried, arguments: &JobsRetryArguments) {
    if arguments.json {
        let mut told = json!(retried);
        told["dry_run"] = json!(arguments.dry_run);
        return say(&told.to_string());
    }
    let job = line(&retried.job);
    match (&retried.new_job, &retried.refused) {
        (Some(new), _) => say(&format!("{job}\n  → {new}")),
        (None, Some(failure)) => say(&format!("{job}\n  not tried again: {}", OneLine(&failure.message))),
        (None, None) => say(&job),
    }
}

fn line(job: &Listed) -> String {
    let why =
        job.failure.as_ref().map_or_else(String::new, |failure| format!(": {} ({})", OneLine(&failure.message), failure.code.as_str()));
    let (organization, name, pipeline) = (OneLine(&job.organization), OneLine(&job.name), OneLine(&job.pipeline));
    format!("{} {} {organization} \"{name}\" {pipeline} {}{why}", job.id, job.created_at, job.status)
}
