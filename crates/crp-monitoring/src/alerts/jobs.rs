//! Alerts about jobs: whether they succeed, whether they move, and how long people wait for them.

use super::{Alert, Severity};

/// Jobs that fail although nothing is wrong with their document.
///
/// A single failure at night is a ratio of 100 %, so it takes three; three among thousands are no outage, so it takes 5 %.
pub(super) const FAILING: Alert = alert!("CrpipelineJobsFailing" {
    expr: "sum by (job) (increase(crpipeline_job_failures_total{cause!=\"input\"}[30m])) > 2.5\n\
        and on (job)\n\
        sum by (job) (increase(crpipeline_job_failures_total{cause!=\"input\"}[30m]))\n\
        / sum by (job) (increase(jobs_total{status=~\"succeeded|failed\"}[30m])) > 0.05",
    for_seconds: 0,
    severity: Severity::Critical,
    summary: "About {{ $value | printf \"%.0f\" }} jobs failed in 30 minutes at {{ $labels.job }}, and not because of their documents",
    description: "People get no results for documents that are fine; each failed job has to be run again afterwards.",
    first_step: "Find the cause: sum by (stage, cause) (increase(crpipeline_job_failures_total[30m])).",
});

/// Something waits, and for ten minutes nothing was finished.
///
/// While storage, disk or database are away tasks go back to `retry` every few seconds, so both states count as waiting. Pages
/// and stage attempts are finished at least every two minutes (`page_timeout_seconds`) by anything that works; five minutes of
/// window leave room for scrapes a minute apart. The ten minutes also pass after a quiet night, when the first upload finds
/// counters that have long stood still.
pub(super) const QUEUE_STALLED: Alert = alert!("CrpipelineQueueStalled" {
    expr: "sum by (job) (max by (job, state) (crpipeline_queue_jobs{state=~\"queued|retry\"})) > 0\n\
        unless on (job) (\n\
        sum by (job) (increase(crpipeline_pages_total[5m])) + sum by (job) (increase(crpipeline_stage_attempts_total[5m])) > 0\n\
        )",
    for_seconds: 600,
    severity: Severity::Critical,
    summary: "{{ $value | printf \"%.0f\" }} tasks wait at {{ $labels.job }} and nothing was finished for more than 10 minutes",
    description: "Documents are accepted and kept, and nobody gets a result.",
    first_step: "Ask /readyz on the metrics port what is missing: database, storage, disk or worker.",
});

/// Half an hour: beyond it people send the document again, which makes it worse.
pub(super) const QUEUE_WAIT_LONG: Alert = alert!("CrpipelineQueueWaitLong" {
    expr: "max by (job) (crpipeline_queue_oldest_age_seconds) > 1800",
    for_seconds: 600,
    severity: Severity::Warning,
    summary: "The oldest task at {{ $labels.job }} has waited for {{ $value | humanizeDuration }}",
    description: "More documents come in than are processed; people wait longer than half an hour before anything begins.",
    first_step: "See whether it moves (rate(crpipeline_pages_total[10m])); if it does, there is more work than processors.",
});

/// The promise is 95 % within ten minutes. Below twenty documents in an hour one long book would break it.
pub(super) const TURNAROUND_SLOW: Alert = alert!("CrpipelineTurnaroundSlow" {
    expr: "histogram_quantile(0.95, sum by (job, le) (rate(crpipeline_job_turnaround_seconds_bucket[1h]))) > 600\n\
        and on (job) sum by (job) (increase(crpipeline_job_turnaround_seconds_count[1h])) > 20",
    for_seconds: 600,
    severity: Severity::Warning,
    summary: "One document in twenty took longer than {{ $value | humanizeDuration }} in the last hour at {{ $labels.job }}",
    description: "More than 5 % of the documents took longer than 10 minutes from the upload to the result.",
    first_step: "Compare the wait in the queue with the time of a page; the runbook has both queries.",
});
