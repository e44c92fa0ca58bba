//! Alerts about the processes themselves: whether they answer, how they answer, and what breaks inside.

use super::{Alert, Severity};

/// A process that was ours within a week no longer answers; or there is none of ours at all.
///
/// `up` belongs to every target of the job, node_exporter included, so it counts only where `crpipeline_build_info` was seen.
/// A week keeps the alert over a long weekend; a target that is taken out of the configuration ends it at once. The second
/// branch has no labels: it sees a Prometheus that does not know us, or a discovery that forgot us.
pub(super) const DOWN: Alert = alert!("CrpipelineDown" {
    expr: "up == 0 and on (job, instance) present_over_time(crpipeline_build_info[7d])\n\
        or on () absent(crpipeline_build_info)",
    for_seconds: 60,
    severity: Severity::Critical,
    summary: "{{ if $labels.instance }}crPipeline at {{ $labels.instance }} has not answered for more than 1 minute\
        {{ else }}Prometheus has found no crPipeline at all for more than 1 minute{{ end }}",
    description: "Nobody can upload or read documents there, and every other alert about it is blind.",
    first_step: "See whether the process runs (pgrep -a crpipeline), and read the last lines of its log.",
});

/// Four starts in half an hour are no update. node_exporter has this metric too, so ours are told by their build.
pub(super) const RESTARTING: Alert = alert!("CrpipelineRestarting" {
    expr: "changes(process_start_time_seconds[30m]) > 3\n\
        and on (job, instance) present_over_time(crpipeline_build_info[30m])",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "crPipeline at {{ $labels.instance }} was restarted {{ $value | printf \"%.0f\" }} times in 30 minutes",
    description: "Sign-ins and uploads fail for moments, and work begins again and again at the first missing page.",
    first_step: "Read the last lines of the log before each \"Starting crPipeline\".",
});

/// No panic is expected, so that one is enough; an hour keeps it visible.
pub(super) const PANICS: Alert = alert!("CrpipelinePanics" {
    expr: "increase(crpipeline_panics_total[1h]) > 0",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "Panics ({{ $labels.task }}) in the last hour at {{ $labels.instance }}: {{ $value | printf \"%.0f\" }}",
    description: "A defect in crPipeline was caught: one request was answered with an error, or one task is tried again.",
    first_step: "Find \"A defect in crPipeline\" in the log and report it with its place.",
});

/// Errors keep coming for five minutes: a database that restarts is back before.
///
/// A server asks its database several times a second, so that five in three minutes are few; three minutes leave room for
/// scrapes a minute apart.
pub(super) const DATABASE_ERRORS: Alert = alert!("CrpipelineDatabaseErrors" {
    expr: "sum by (job, kind) (increase(crpipeline_db_errors_total[3m])) > 5",
    for_seconds: 300,
    severity: Severity::Critical,
    summary: "About {{ $value | printf \"%.0f\" }} database errors ({{ $labels.kind }}) in 3 minutes at {{ $labels.job }}, for more than 5 minutes",
    description: "Nobody can sign in or upload, and workers cannot record what they did; nothing that was accepted is lost.",
    first_step: "Look in the log for \"the database failed\"; the error stands beside it.",
});

/// Errors of the server, more than five and more than one request in a hundred. Probes are no requests of people, and
/// `/readyz` answers 503 by design.
pub(super) const API_ERRORS: Alert = alert!("CrpipelineApiErrors" {
    expr: "sum by (job) (increase(crpipeline_http_requests_total{code_class=\"5xx\", route!~\"/livez|/readyz\"}[10m])) > 5.5\n\
        and on (job)\n\
        sum by (job) (increase(crpipeline_http_requests_total{code_class=\"5xx\", route!~\"/livez|/readyz\"}[10m]))\n\
        / sum by (job) (increase(crpipeline_http_requests_total{route!~\"/livez|/readyz\"}[10m])) > 0.01",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} requests to {{ $labels.job }} failed with an error of the server in 10 minutes",
    description: "People and programs see errors that are not theirs; what was answered with 202 is safe.",
    first_step: "See which route: sum by (route) (increase(crpipeline_http_requests_total{code_class=\"5xx\"}[10m])).",
});
