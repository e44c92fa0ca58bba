//! The dashboard "crPipeline Metrics": five panels that users know by name, in the order that they know.
//!
//! None of its queries has a variable beside Grafana's own windows: "New alert rule" from a panel cannot fill in others.

use super::{Dashboard, Look, Panel, Query, Section, Unit};

/// What `grafana/dashboards/metrics.json` shows.
pub(super) const DASHBOARD: Dashboard = Dashboard {
    file: "metrics.json",
    uid: "crpipeline-metrics",
    title: "crPipeline Metrics",
    description: "What happens to jobs, stages, storage, recognition and logins.",
    from: "now-6h",
    sections: &[Section { title: None, panels: &PANELS }],
};

const PANELS: [Panel; 5] = [
    Panel {
        title: "Stage Duration",
        description: "95 % of the attempts of a stage took at most this long, failed attempts included. A gap: no attempt ended there.",
        look: Look::Lines,
        unit: Unit::Seconds,
        size: (12, 9),
        queries: &[Query::new(
            "histogram_quantile(0.95, sum by (le, stage) (rate(stage_duration_seconds_bucket[$__rate_interval])))",
            "{{stage}}",
        )],
        event_only: false,
    },
    Panel {
        title: "Jobs Processed",
        description: "Jobs that reached their final state. Whose fault failures are, the dashboard \"crPipeline Operations\" tells.",
        look: Look::Bars,
        unit: Unit::Count,
        size: (12, 9),
        queries: &[Query::new("sum by (status) (increase(jobs_total[$__rate_interval]))", "{{status}}")],
        event_only: false,
    },
    Panel {
        title: "S3 Errors",
        description: "Storage operations that failed after their retries, on a local folder too. Normal is none; \
                      during an outage see also \"Storage answers\" on the dashboard \"crPipeline Operations\".",
        look: Look::Bars,
        unit: Unit::Count,
        size: (12, 9),
        queries: &[Query::new("sum by (operation) (increase(s3_errors_total[$__rate_interval]))", "{{operation}}")],
        event_only: false,
    },
    Panel {
        title: "OCR Duration",
        description: "95 % of the documents were recognised in at most this time, failed attempts included. A gap: none ended there.",
        look: Look::Lines,
        unit: Unit::Seconds,
        size: (12, 9),
        queries: &[Query::new(
            "histogram_quantile(0.95, sum by (le, engine) (rate(ocr_duration_seconds_bucket[$__rate_interval])))",
            "{{engine}}",
        )],
        event_only: false,
    },
    Panel {
        title: "Login Failures",
        description: "Refused sign-ins by reason. For an alert from this panel: the query increase(login_failures_total[5m]), and the condition \"is above 5\".",
        look: Look::Bars,
        unit: Unit::Count,
        size: (24, 9),
        queries: &[Query::new("sum by (reason) (increase(login_failures_total[$__rate_interval]))", "{{reason}}")],
        event_only: false,
    },
];
