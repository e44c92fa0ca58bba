//! Alerts about people who try to get in.

use super::{Alert, Severity};

/// The manual's own alert, as everybody writes it: one reason on one instance.
///
/// A sixth refusal within five minutes is rare for a person: from the tenth on the backoff makes everybody wait.
pub(super) const FAILURES: Alert = alert!("CrpipelineLoginFailures" {
    expr: "increase(login_failures_total[5m]) > 5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} refused sign-ins in 5 minutes at {{ $labels.instance }} ({{ $labels.reason }})",
    description: "Somebody guesses passwords, or a program signs in with one that no longer holds.",
    first_step: "Look in the log for 'A sign-in was refused': those lines name the addresses.",
});

/// The same failures spread over reasons and instances; it keeps the threshold of the first, and so fires whenever that does.
pub(super) const FAILURES_SPREAD: Alert = alert!("CrpipelineLoginFailuresSpread" {
    expr: "sum by (job) (increase(login_failures_total[5m])) > 5",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "About {{ $value | printf \"%.0f\" }} refused sign-ins in 5 minutes over all reasons and instances of {{ $labels.job }}",
    description: "Somebody guesses passwords slowly or widely: many names, or several processes, a few tries each.",
    first_step: "Look in the log for 'A sign-in was refused': those lines name the addresses.",
});
