//! What goes into a document's process and what comes out of it, as callers see it.

use std::{ffi::OsString, path::PathBuf};

use crp_model::{Code, Failure, PageLayout, SandboxRequirement, Warning, labels::EngineKind, pipeline::OcrMode};
use serde::{Deserialize, Serialize};

use crate::HttpEngine;

/// Operator's setting: path of Tesseract's library, for installations that the loader does not find by itself.
pub const TESSERACT_LIBRARY_VARIABLE: &str = "CRPIPELINE_TESSERACT_LIBRARY";

/// Tells a child which process started it.
pub(crate) const PARENT_VARIABLE: &str = "CRPIPELINE_PARENT_PROCESS";

/// The hidden subcommand under which the binary reads documents.
const CHILD_ARGUMENT: &str = "__document-child";

/// Variables of our own environment that a child gets to see: where Tesseract and its data are, nothing else.
const INHERITED_VARIABLES: [&str; 4] = [TESSERACT_LIBRARY_VARIABLE, "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// How documents are read on this machine: how the process is started, and the engine that is outside of it. Processes come in as arguments, so that tests can hand in another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its environment besides what every child gets; nothing else is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// The engine `http`, if the operator has set it up. It is spoken to by us, never by the process.
    pub http: Option<HttpEngine>,
}

impl ChildCommand {
    /// This binary again, with the subcommand that calls [`crate::child_main`].
    ///
    /// On Linux it is the very file that runs now, so replacing the program on disk during an update harms no running server.
    ///
    /// # Errors
    /// When the system does not say which file this process runs.
    pub fn this_binary() -> std::io::Result<Self> {
        let own = PathBuf::from("/proc/self/exe");
        let program = if own.exists() { own } else { std::env::current_exe()? };
        let env = INHERITED_VARIABLES.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect();
        Ok(Self { program, args: vec![CHILD_ARGUMENT.into()], env, http: None })
    }
}

/// How pages are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSettings {
    /// Tesseract's language codes, the first being the main one.
    pub languages: Vec<String>,
    /// Which pages are recognised.
    pub mode: OcrMode,
    /// What recognises them.
    pub engine: EngineKind,
    /// Whether each page also gives a small picture.
    pub thumbnails: bool,
}

/// One page, read.
#[derive(Clone, Debug, PartialEq)]
pub struct PageReading {
    /// Its words and where they stand.
    pub layout: PageLayout,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
    /// A small JPEG of it, if asked for.
    pub thumbnail_jpeg: Option<Vec<u8>>,
    /// Seconds spent drawing or decoding it; 0 if it was not rendered.
    pub render_seconds: f64,
    /// Seconds spent recognising it; 0 if it was not recognised.
    pub recognise_seconds: f64,
}

/// A searchable PDF, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembly {
    /// Its size.
    pub bytes_written: u64,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
}

/// What the recognition engine of this machine can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineProbe {
    /// Tesseract's version.
    pub version: String,
    /// Folder of its language data.
    pub data_path: String,
    /// Language codes that are installed, sorted.
    pub languages: Vec<String>,
    /// How well a child of this machine is locked in.
    pub sandbox: SandboxLevel,
}

/// How well a child is locked in; it reports this when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLevel {
    /// Version of Landlock's interface that is in force; 0 where the kernel has none.
    pub landlock_abi: u32,
    /// Whether the system call filter is in force.
    pub seccomp: bool,
}

impl SandboxLevel {
    /// Whether the kernel holds a child as well as the operator requires.
    ///
    /// # Errors
    /// `sandbox_missing` with what is missing.
    pub fn satisfies(self, required: SandboxRequirement) -> Result<(), Failure> {
        let missing = match (self.landlock_abi > 0, self.seccomp) {
            _ if required == SandboxRequirement::BestEffort => return Ok(()),
            (true, true) => return Ok(()),
            (false, true) => "Landlock is",
            (true, false) => "the system call filter is",
            (false, false) => "Landlock and the system call filter are",
        };
        let message = format!("{missing} not in force in the processes that read documents, and the setting sandbox requires it");
        Err(Failure::new(Code::SandboxMissing, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_sandbox_is_enough_for_best_effort_alone() {
        for (landlock_abi, seccomp, is_whole) in [(0, false, false), (0, true, false), (4, false, false), (1, true, true)] {
            let level = SandboxLevel { landlock_abi, seccomp };
            let verdict = level.satisfies(SandboxRequirement::Require).map_err(|failure| (failure.code, failure.code.exit_code()));
            assert_eq!(verdict, if is_whole { Ok(()) } else { Err((Code::SandboxMissing, 4)) });
            level.satisfies(SandboxRequirement::BestEffort).unwrap();
        }
    }
}
