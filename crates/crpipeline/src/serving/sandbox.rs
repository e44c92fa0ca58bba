//! The sandbox at the start: tried once, in a process like those that read documents; told, counted, and refused if less than required.

use crp_metrics::Metrics;
use crp_model::{Code, Failure, SandboxRequirement, labels::SandboxLayer};
use crp_ocr::SandboxLevel;

use crate::{config::Configuration, doors};

/// How well the processes that read documents will be locked in.
///
/// # Errors
/// `sandbox_missing` when that is less than the configuration requires.
pub(super) async fn try_out(configuration: &Configuration) -> Result<SandboxLevel, Failure> {
    let required = configuration.reading.sandbox;
    let level = match crp_ocr::probe_sandbox(&doors::document_child(configuration)?).await {
        Ok(level) => level,
        // Documents fail by themselves then, and each of them says why.
        Err(failure) if required == SandboxRequirement::BestEffort => {
            tracing::warn!(code = failure.code.as_str(), "The sandbox for documents could not be tried: {}", failure.message);
            return Ok(SandboxLevel::default());
        }
        Err(failure) => {
            let message = format!("The setting sandbox requires what could not be tried: {}", failure.message);
            return Err(Failure::new(Code::SandboxMissing, message));
        }
    };
    level.satisfies(required)?;
    let SandboxLevel { landlock_abi, seccomp } = level;
    if level.satisfies(SandboxRequirement::Require).is_ok() {
        tracing::info!(landlock_abi, seccomp, required = %required, "Processes that read documents are locked in");
    } else {
        tracing::warn!(landlock_abi, seccomp, required = %required, "Processes that read documents are not fully locked in; `crpipeline doctor` says what is missing");
    }
    Ok(level)
}

/// Exports the level.
pub(super) fn export(level: SandboxLevel, metrics: &Metrics) {
    metrics.sandbox_level.set(SandboxLayer::Landlock, level.landlock_abi.into());
    metrics.sandbox_level.set(SandboxLayer::Seccomp, f64::from(u8::from(level.seccomp)));
}
