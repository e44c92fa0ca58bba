//! `crpipeline serve`

use std::process::ExitCode;

use crate::{
    config::{Loaded, LogFormat},
    exit, serving,
};

/// Serves until it is told to stop.
pub(crate) async fn serve(loaded: Loaded) -> ExitCode {
    match serving::serve(&loaded).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if loaded.configuration.log.format == LogFormat::Json => {
            tracing::error!(code = failure.code.as_str(), remedy = %failure.remedy, "{}", failure.message);
            ExitCode::from(failure.code.exit_code())
        }
        Err(failure) => exit::with_failure(&failure),
    }
}
