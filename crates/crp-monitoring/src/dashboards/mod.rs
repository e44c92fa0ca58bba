//! Dashboards as typed values: what is asked, in which unit, under which legend.
//!
//! [`page`] is the dashboard that users know; [`operations`] is what somebody opens who was paged.

mod json;
mod operations;
mod page;

/// The data source that the provisioning file declares.
pub const DATA_SOURCE_UID: &str = "crpipeline-prometheus";

/// Every dashboard.
pub const DASHBOARDS: &[Dashboard] = &[page::DASHBOARD, operations::DASHBOARD];

/// One dashboard.
#[derive(Clone, Copy, Debug)]
pub struct Dashboard {
    /// The name of its file in `grafana/dashboards`.
    pub file: &'static str,
    /// What links point to; never changes.
    pub uid: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// How far back it looks when it is opened, in Grafana's notation.
    pub from: &'static str,
    /// Its panels in reading order, in sections.
    pub sections: &'static [Section],
}

impl Dashboard {
    /// Its panels in reading order.
    pub fn panels(&self) -> impl Iterator<Item = &'static Panel> + use<> {
        self.sections.iter().flat_map(|section| section.panels)
    }
}

/// Panels under one heading.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The heading; none in a dashboard of a single section.
    pub title: Option<&'static str>,
    /// The panels.
    pub panels: &'static [Panel],
}

/// One panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// Its title.
    pub title: &'static str,
    /// What it shows, what is normal, and what to do about the rest.
    pub description: &'static str,
    /// How it looks.
    pub look: Look,
    /// The unit of its values.
    pub unit: Unit,
    /// Width in columns of 24, height in rows.
    pub size: (u8, u8),
    /// Its queries.
    pub queries: &'static [Query],
    /// Whether it may have no line at all while nothing happens.
    pub event_only: bool,
}

/// How a panel looks; both are in every Grafana since 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Lines over time.
    Lines,
    /// Bars over time, on top of each other: for things that are counted.
    Bars,
    /// One number for each line, its last value; red from this value on.
    Number {
        /// The first value that is bad, if any is.
        bad_from: Option<u32>,
        /// Whether values below `bad_from` are the bad ones.
        bad_below: bool,
    },
}

/// The unit of a panel's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes, in powers of 1024.
    Bytes,
    /// A share between 0 and 1, shown in percent.
    Share,
    /// Things per second.
    PerSecond,
    /// Yes (1) or no (0).
    YesNo,
}

/// One query of a panel.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// PromQL; `$__rate_interval` stands for a window that always holds enough scrapes.
    pub expr: &'static str,
    /// The legend of each line, with `{{label}}`.
    pub legend: &'static str,
}

impl Query {
    const fn new(expr: &'static str, legend: &'static str) -> Self {
        Self { expr, legend }
    }

    /// The query with Grafana's windows filled in, for a Prometheus that is asked without Grafana.
    pub fn with_window(&self, window: &str) -> String {
        self.expr.replace("$__rate_interval", window)
    }
}
