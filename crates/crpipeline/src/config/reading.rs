//! `[reading]`: the processes that read documents: how they are locked in, and how much memory they may take together.

use crp_model::SandboxRequirement;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// The processes that read documents: how they are locked in, and how much memory they may take together.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadingSettings {
    /// `require` reads nothing unless Landlock and the system call filter both hold these processes; `best-effort` reads with what the
    /// kernel offers.
    pub(crate) sandbox: SandboxRequirement,
    /// Memory of this process and all that read documents for it, together, in mebibytes: pages wait for one another, and one that is too
    /// large even alone is scaled down with a warning. 0: three quarters of the machine's memory, or of its container's if that is less.
    pub(crate) max_memory_mebibytes: u64,
}

impl Section for ReadingSettings {
    const NAME: &'static str = "reading";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("sandbox", "CRPIPELINE_SANDBOX", Shape::Text),
        Setting::new("max_memory_mebibytes", "CRPIPELINE_MAX_MEMORY_MEBIBYTES", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        // An engine and a page of ordinary size fit into the least.
        match self.max_memory_mebibytes {
            0 | 256..=1_048_576 => Ok(()),
            _ => Err(Wrong::new("max_memory_mebibytes", "it is neither 0 nor within 256 to 1048576")),
        }
    }
}
