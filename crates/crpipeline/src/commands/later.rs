//! Commands whose place is here and whose work comes later.

use std::process::ExitCode;

/// Says that the command does not work yet, and what does.
pub(crate) fn refuse(command: &str, instead: &str) -> ExitCode {
    eprintln!("error: `crpipeline {command}` comes with a later version; this one ({}) cannot do it", env!("CARGO_PKG_VERSION"));
    eprintln!("  {instead}");
    ExitCode::from(2)
}
