//! Which build this is.

use crp_metrics::BuildInfo;

/// Version, revision and compiler of this binary.
pub(crate) const BUILD: BuildInfo =
    BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: env!("CRPIPELINE_REVISION"), rustc: env!("CRPIPELINE_RUSTC") };
