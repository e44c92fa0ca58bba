//! Every alert: what it watches, how bad it is, what it says, and its runbook and test.
//!
//! What holds for all expressions:
//! - None names a job or an instance: under Debian's stock configuration we are `job="node"` beside node exporters of that job.
//! - What is summed keeps `job`, so that two installations in one Prometheus stay apart. All processes of one installation
//!   therefore share one job.
//! - Gauges about the whole service are the same in every process and are read with `max`.
//! - `increase()` extrapolates to the ends of its window, so that 3 events read as up to 3.33. Thresholds of ours lie half an event
//!   above the number that is still fine, and summaries say "about".

/// An alert whose runbook and test are the files of its name.
macro_rules! alert {
    ($name:literal { $($field:ident: $value:expr),* $(,)? }) => {
        crate::alerts::Alert {
            name: $name,
            $($field: $value,)*
            runbook: include_str!(concat!("../../../../monitoring/runbooks/", $name, ".md")),
            test: include_str!(concat!("../../../../monitoring/tests/", $name, ".yml")),
        }
    };
}

mod intake;
mod jobs;
mod logins;
mod processes;
mod storage;
mod workers;

/// How soon somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Documents are not processed, or will not be soon: now, at night too.
    Critical,
    /// Somebody should look today.
    Warning,
}

impl Severity {
    /// The value of the label `severity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        }
    }
}

/// One alert.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Its name, which is also the name of its runbook and of its test.
    pub name: &'static str,
    /// PromQL that has a result while something is wrong. It names no job: under Debian's stock configuration ours is `node`.
    pub expr: &'static str,
    /// How long that has to last, in seconds.
    pub for_seconds: u32,
    /// How bad it is.
    pub severity: Severity,
    /// One line with the number in it, in Prometheus' template language.
    pub summary: &'static str,
    /// What it means for people and documents, in Prometheus' template language.
    pub description: &'static str,
    /// What to do first, at night and half asleep.
    pub first_step: &'static str,
    /// The page `runbooks/<name>.md`.
    pub runbook: &'static str,
    /// The file `tests/<name>.yml` for `promtool test rules`.
    pub test: &'static str,
}

/// Every alert, in the order of the rules file.
pub const ALERTS: &[Alert] = &[
    logins::FAILURES,
    logins::FAILURES_SPREAD,
    storage::DOWN,
    storage::ERRORS,
    storage::DISK_LOW,
    storage::DISK_FULL,
    intake::FAILED,
    intake::STALLED,
    jobs::FAILING,
    jobs::QUEUE_STALLED,
    jobs::QUEUE_WAIT_LONG,
    jobs::TURNAROUND_SLOW,
    workers::NONE,
    workers::LOST,
    workers::OCR_ERRORS,
    processes::DOWN,
    processes::RESTARTING,
    processes::PANICS,
    processes::DATABASE_ERRORS,
    processes::API_ERRORS,
];
