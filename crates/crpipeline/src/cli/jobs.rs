//! `crpipeline jobs`: flags and their help.

use clap::{Args, Subcommand};
use crp_model::JobId;

/// `crpipeline jobs`
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Lists jobs, those that failed with what went wrong
    #[command(after_help = "--failed lists what waits for somebody: not dismissed, not run again since, not in the trash.

Examples:
  crpipeline jobs list --failed
  crpipeline jobs list --failed --json | jq -r 'select(.failure.retryable) | .id'
  crpipeline jobs list --organization \"Tax office\" --limit 20")]
    List(JobsListArguments),
    /// Tries failed jobs again, as new jobs; the server may run or be down
    #[command(after_help = "Exit code 2: some could not be tried again; all others were.

Examples:
  crpipeline jobs retry --all --dry-run                     what would be tried again
  crpipeline jobs retry --all --organization \"Tax office\"
  crpipeline jobs retry 019ac0de-0000-7000-8000-000000000001")]
    Retry(JobsRetryArguments),
}

/// `crpipeline jobs list`
#[derive(Args, Debug)]
pub(crate) struct JobsListArguments {
    /// Only those that failed and wait for somebody
    #[arg(long)]
    pub(crate) failed: bool,
    /// Whose jobs [default: every organization's]
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Most jobs
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// Prints one JSON object per job
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline jobs retry`
#[derive(Args, Debug)]
pub(crate) struct JobsRetryArguments {
    /// Ids of the jobs
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<JobId>,
    /// All that failed and wait for somebody
    #[arg(long)]
    pub(crate) all: bool,
    /// Whose jobs [default: every organization's]
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Says what would be tried again and changes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints one JSON object per job
    #[arg(long)]
    pub(crate) json: bool,
}
