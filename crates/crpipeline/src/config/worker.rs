//! `[worker]`: how much work this process does at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// How much work this process does at a time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkerSettings {
    /// Tasks at a time; each recognises one page at a time in a process of its own. 0: as many as the machine has processors.
    pub(crate) slots: u16,
    /// Seconds after which a task goes back to the queue when its worker was lost; a living worker renews in time.
    pub(crate) lease_seconds: u32,
    /// Fetched documents that are kept for the next task on them, in mebibytes.
    pub(crate) max_cache_mebibytes: u64,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { slots: 0, lease_seconds: 10, max_cache_mebibytes: 2048 }
    }
}

impl WorkerSettings {
    /// Tasks at a time, at least 1.
    pub(crate) fn effective_slots(&self) -> usize {
        match self.slots {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            slots => usize::from(slots),
        }
    }
}

impl Section for WorkerSettings {
    const NAME: &'static str = "worker";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("slots", "CRPIPELINE_WORKER_SLOTS", Shape::Number),
        Setting::new("lease_seconds", "CRPIPELINE_LEASE_SECONDS", Shape::Number),
        Setting::new("max_cache_mebibytes", "CRPIPELINE_MAX_CACHE_MEBIBYTES", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if self.slots > 256 {
            return Err(Wrong::new("slots", "more than 256 only slow each other down"));
        }
        if !(5..=3600).contains(&self.lease_seconds) {
            return Err(Wrong::new("lease_seconds", "it is not within 5 to 3600"));
        }
        if self.max_cache_mebibytes > 1024 * 1024 {
            return Err(Wrong::new("max_cache_mebibytes", "it is more than 1048576 (a tebibyte)"));
        }
        Ok(())
    }
}
