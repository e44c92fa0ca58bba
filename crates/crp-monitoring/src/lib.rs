//! Dashboards, rules, scrape configuration as typed values; export and check.
//!
//! Read [`settings`] for what an operator may choose, [`alerts`] and [`dashboards`] for what is watched,
//! [`export`] for the files that are made of it, and [`check`] for trying all of it on a running Prometheus.

pub mod alerts;
pub mod check;
pub mod dashboards;
pub mod export;
pub mod query;
pub mod settings;

mod rules;
mod templates;

pub use alerts::{ALERTS, Alert, Severity};
pub use settings::Settings;
