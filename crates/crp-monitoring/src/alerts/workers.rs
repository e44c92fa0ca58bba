//! Alerts about those who do the work.

use super::{Alert, Severity};

/// A worker tells the database every two seconds that it lives, and is forgotten after a minute.
pub(super) const NONE: Alert = alert!("CrpipelineNoWorkers" {
    expr: "max by (job) (crpipeline_workers{state=\"alive\"}) == 0",
    for_seconds: 300,
    severity: Severity::Critical,
    summary: "No worker of {{ $labels.job }} has been alive for more than 5 minutes",
    description: "Documents are accepted and kept, and nobody works on them.",
    first_step: "Look in the log of crPipeline for the last line of its worker, then restart it.",
});

/// A restart takes its tasks back without an expiry; an expiry is a worker that was killed or stood still for 30 seconds.
pub(super) const LOST: Alert = alert!("CrpipelineWorkersLost" {
    expr: "sum by (job) (increase(crpipeline_job_lease_expired_total[30m])) > 2.5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} tasks were taken back from lost workers of {{ $labels.job }} in 30 minutes",
    description: "Work is done twice, and a document that kills its worker each time fails in the end with worker_lost.",
    first_step: "Ask the kernel whether it killed for memory: journalctl -k --grep 'Out of memory'.",
});

/// What the documents cause themselves (`bad_image`) is none of it: these are engines that hang, die or do not answer.
pub(super) const OCR_ERRORS: Alert = alert!("CrpipelineOcrErrors" {
    expr: "sum by (job, engine, kind) (increase(crpipeline_ocr_errors_total{kind=~\"timeout|crash|http\"}[30m])) > 5.5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} pages failed in {{ $labels.engine }} ({{ $labels.kind }}) in 30 minutes at {{ $labels.job }}",
    description: "Recognition hangs or dies: documents take longer, and those whose pages fail each time end as failed.",
    first_step: "Look in the log for \"could not be read\": one job means one document, many mean the machine.",
});
