//! What was measured, with what it was measured on, as it stands in the JSON file.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bench::ocr::results::Machine;

/// All lines of the bench's program; each tells in `measure` what it is.
#[derive(Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) commit: String,
    pub(super) date: String,
    pub(super) machine: Machine,
    /// What PostgreSQL calls itself.
    pub(super) postgres: Option<String>,
    pub(super) measured: Vec<Value>,
}

impl Results {
    pub(super) fn begin(commit: String, date: String, machine: Machine, postgres: Option<String>) -> Self {
        Self { commit, date, machine, postgres, measured: Vec::new() }
    }

    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("reading {}; the bench writes it", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("understanding {}", file.display()))
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)?).with_context(|| format!("writing {}", file.display()))
    }
}

/// A number of a line, by its path, such as `/claim_ms/p99`.
pub(super) fn number(line: &Value, path: &str) -> f64 {
    line.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
