//! `[log]`: what is logged and how it looks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// What is logged and how it looks. Logs go to standard error.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`, also for single parts: `info,crp_worker=debug`.
    pub(crate) level: String,
    /// `human` for people, `json` for one JSON object per line.
    pub(crate) format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Human }
    }
}

impl Section for LogSettings {
    const NAME: &'static str = "log";
    const SETTINGS: &'static [Setting] =
        &[Setting::new("level", "CRPIPELINE_LOG_LEVEL", Shape::Text), Setting::new("format", "CRPIPELINE_LOG_FORMAT", Shape::Text)];

    fn check(&self) -> Result<(), Wrong> {
        // A filter takes "infoo" for the name of a part and then logs nothing; a person meant a level.
        let is_level = |text: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&text.to_ascii_lowercase().as_str());
        let bad = self.level.split(',').map(str::trim).find(|part| !is_level(part.rsplit('=').next().unwrap_or(part)));
        let filter = tracing_subscriber::EnvFilter::builder().parse(&self.level);
        match (bad, filter) {
            (None, Ok(_)) => Ok(()),
            (None, Err(error)) => Err(Wrong::new("level", error.to_string())),
            (Some(bad), _) => Err(Wrong::new("level", format!("\"{bad}\" is no level such as info or crp_worker=debug"))),
        }
    }
}
