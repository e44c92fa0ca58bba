//! How much the operator insists on the sandbox around documents.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happens where the kernel cannot lock the processes in that read documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxRequirement {
    /// Nothing is read: Landlock and the system call filter both have to be in force.
    Require,
    /// Documents are read with what the kernel offers; resource limits always hold.
    #[default]
    BestEffort,
}

impl fmt::Display for SandboxRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Require => "require",
            Self::BestEffort => "best-effort",
        })
    }
}
