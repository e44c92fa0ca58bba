//! How a command ends: a sentence on standard error and the exit code of the contract.

use std::process::ExitCode;

use crp_model::Failure;

use crate::telemetry::OneLine;

/// Exit code when an input is unusable.
pub(crate) const UNUSABLE_INPUT: u8 = 3;
/// Exit code when something that is needed is missing.
pub(crate) const MISSING: u8 = 4;
/// Exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Tells the failure and gives its exit code.
pub(crate) fn with_failure(failure: &Failure) -> ExitCode {
    tell(failure);
    ExitCode::from(failure.code.exit_code())
}

/// Tells every mistake of the configuration; the first gives the exit code.
pub(crate) fn with_problems(problems: &[Failure]) -> ExitCode {
    problems.iter().for_each(tell);
    ExitCode::from(problems.first().map_or(1, |problem| problem.code.exit_code()))
}

/// Writes the failure to standard error: what happened, and what to do.
pub(crate) fn tell(failure: &Failure) {
    eprintln!("error: {} ({})", OneLine(failure.message.trim_end_matches('.')), failure.code.as_str());
    eprintln!("  {}", OneLine(&failure.remedy));
}
