//! Alerts about the watched folder: whoever puts a file there gets no answer, so somebody has to look for them.

use super::{Alert, Severity};

/// A file that became no document. Nobody is told but the note beside it, so that one is enough; an hour keeps it visible.
pub(super) const FAILED: Alert = alert!("CrpipelineIntakeFailed" {
    expr: "sum by (job) (increase(crpipeline_intake_files_total{result=\"failed\"}[1h])) > 0",
    for_seconds: 0,
    severity: Severity::Warning,
    summary: "Files of the watched folder that became no document in the last hour at {{ $labels.job }}: about {{ $value | printf \"%.0f\" }}",
    description: "Somebody put a file into the watched folder and waits for a document that will not come.",
    first_step: "Read the notes in the folders 'failed': each says what is wrong with its file and what to do.",
});

/// Files are left there for half an hour, and none is dealt with meanwhile.
///
/// Each look leaves what is still being written, so that a folder in use always has some; that moves, and what moves is counted.
/// Storage, database and disk have alerts that wake somebody. What is left are rights, shares, and files that belong nowhere: nothing
/// for the night, for files stay where they are. Five minutes of window leave room for scrapes a minute apart.
pub(super) const STALLED: Alert = alert!("CrpipelineIntakeStalled" {
    expr: "sum by (job) (crpipeline_intake_files_waiting) > 0\n\
        unless on (job) sum by (job) (increase(crpipeline_intake_files_total[5m])) > 0",
    for_seconds: 1800,
    severity: Severity::Warning,
    summary: "Files that wait in the watched folder of {{ $labels.job }} while none was taken for more than 30 minutes: {{ $value | printf \"%.0f\" }}",
    description: "Somebody put files into the watched folder and waits for their documents; the files stay where they are.",
    first_step: "Look in the log for 'Watched folder:' and 'The watched folder has to wait': one of them has the reason.",
});
