//! `crpipeline serve` and `crpipeline worker`

use std::process::ExitCode;

use crate::{
    config::{Loaded, LogFormat},
    exit,
    serving::{self, Role},
};

/// Does what the role is until it is told to stop.
pub(crate) async fn serve(loaded: Loaded, role: Role) -> ExitCode {
    match serving::serve(&loaded, role).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if loaded.configuration.log.format == LogFormat::Json => {
            tracing::error!(code = failure.code.as_str(), remedy = %failure.remedy, "{}", failure.message);
            ExitCode::from(failure.code.exit_code())
        }
        Err(failure) => exit::with_failure(&failure),
    }
}
