//! `[intake]`: the watched folder.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// The watched folder: what is put into it becomes documents.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IntakeSettings {
    /// Folder with a folder for each organization, under its name; folders in that have the names of pipelines. Without it nothing is
    /// watched. Several processes may name the same folder; one of them watches it at a time.
    pub(crate) dir: Option<PathBuf>,
    /// Seconds between two looks; a file is taken when two looks saw it with the same size and time.
    pub(crate) interval_seconds: u32,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self { dir: None, interval_seconds: 5 }
    }
}

impl Section for IntakeSettings {
    const NAME: &'static str = "intake";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("dir", "CRPIPELINE_INTAKE_DIR", Shape::Text),
        Setting::new("interval_seconds", "CRPIPELINE_INTAKE_INTERVAL_SECONDS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if self.dir.as_ref().is_some_and(|dir| !dir.is_absolute()) {
            return Err(Wrong::new("dir", "it is no absolute path, so it would depend on where the server is started"));
        }
        if !(1..=3600).contains(&self.interval_seconds) {
            return Err(Wrong::new("interval_seconds", "it is not within 1 to 3600"));
        }
        Ok(())
    }
}
