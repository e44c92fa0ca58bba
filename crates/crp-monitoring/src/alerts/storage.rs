//! Alerts about the place of documents and results, and about the room for them.

use super::{Alert, Severity};

/// The server asks its storage every 10 seconds, so this also sees an outage in which nobody uploads.
///
/// Only such a probe, a write and a read, sets the gauge to 1; it and every operation that fails set it to 0. A probe that fails is
/// counted in `s3_errors_total` too, so a storage that refuses moves both. One that takes a request and never answers moves the
/// counter too seldom for an alert, but sets the gauge to 0 after 15 seconds. While a bucket counts as away only trials are sent; they
/// leave the gauge at 0 until one succeeds. A write and a read from before may end well meanwhile, which ends no outage: so the alert
/// asks for that, too, and holds to the end. A minute of `for` is for a storage that restarts.
pub(super) const DOWN: Alert = alert!("CrpipelineStorageDown" {
    expr: "crpipeline_storage_up == 0\n\
        or crpipeline_storage_breaker_open == 1",
    for_seconds: 60,
    severity: Severity::Critical,
    summary: "Storage has not answered {{ $labels.instance }} for more than 1 minute",
    description: "Uploads are refused and jobs wait; nothing that was accepted is lost.",
    first_step: "Ask /readyz on the metrics port for the reason, then look at the storage itself.",
});

/// Operations are counted after their own repetitions, so that even a few mean a storage in trouble.
pub(super) const ERRORS: Alert = alert!("CrpipelineS3Errors" {
    expr: "sum by (job, operation) (increase(s3_errors_total[10m])) > 3.5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} storage operations ({{ $labels.operation }}) failed in 10 minutes at {{ $labels.job }}",
    description: "The storage answers badly or seldom: uploads are refused and jobs take longer.",
    first_step: "Look in the log for storage_unavailable; the message says what the storage answered.",
});

/// A tenth of the volume is free, or less; or it will be full within a day at the pace of the last six hours.
///
/// The prediction counts only when there are figures from three hours ago (one large upload is no trend) and when less than
/// half is free (a first import into an empty disk is none either).
pub(super) const DISK_LOW: Alert = alert!("CrpipelineDiskLow" {
    expr: "crpipeline_data_dir_free_bytes / crpipeline_data_dir_size_bytes < 0.1\n\
        or (crpipeline_data_dir_free_bytes / crpipeline_data_dir_size_bytes < 0.5)\n\
        and on (job, instance, volume) (predict_linear(crpipeline_data_dir_free_bytes[6h], 86400) < 0)\n\
        and on (job, instance, volume) present_over_time(crpipeline_data_dir_free_bytes[1h] offset 3h)",
    for_seconds: 900,
    severity: Severity::Warning,
    summary: "Only {{ $value | humanizePercentage }} of the {{ $labels.volume }} volume is free at {{ $labels.instance }}, or it is full within a day",
    description: "When the volume is full, uploads are refused and jobs wait until there is room.",
    first_step: "See what fills the volume (df -h, du), and make room or a larger volume today.",
});

/// Two hundredths: what is left then goes within one large document.
pub(super) const DISK_FULL: Alert = alert!("CrpipelineDiskFull" {
    expr: "crpipeline_data_dir_free_bytes / crpipeline_data_dir_size_bytes < 0.02",
    for_seconds: 120,
    severity: Severity::Critical,
    summary: "Only {{ $value | humanizePercentage }} of the {{ $labels.volume }} volume is free at {{ $labels.instance }}",
    description: "Uploads are refused and jobs wait, now or with the next large document; nothing that was accepted is lost.",
    first_step: "Make room on the volume now: logs, old backups, copies of the database.",
});
