//! Alerts about people who try to get in.

use super::{Alert, Severity};

/// The user's own alert, verbatim: one reason on one instance.
pub(super) const FAILURES: Alert = alert!("CrpipelineLoginFailures" {
    expr: "increase(login_failures_total[5m]) > 5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "{{ $value | printf \"%.0f\" }} refused logins in 5 minutes ({{ $labels.reason }}) at {{ $labels.instance }}",
    description: "Somebody may be guessing passwords, or a program uses an old one.",
    first_step: "Look in the log of crPipeline for the addresses behind the refused sign-ins.",
});

/// The same failures spread over reasons and instances.
pub(super) const FAILURES_SPREAD: Alert = alert!("CrpipelineLoginFailuresSpread" {
    expr: "sum by (job) (increase(login_failures_total[5m])) > 5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "{{ $value | printf \"%.0f\" }} refused logins in 5 minutes over all reasons and instances",
    description: "The same as CrpipelineLoginFailures, for an attacker who tries many names or many instances.",
    first_step: "Look in the log of crPipeline for the addresses behind the refused sign-ins.",
});
