//! `cargo xtask up`: installs what is missing, builds, and starts `crpipeline serve` in the foreground.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    install, interrupt,
    needs::{self, Need},
    run::run,
    web_app,
    workspace::{cargo, root, target},
};

/// From a fresh clone to a server that answers.
pub(crate) fn up(serve_arguments: &[String]) -> Result<ExitCode> {
    let needs: Vec<&Need> = needs::TO_RUN.iter().collect();
    install::install_missing(&needs)?;
    web_app::build_if_possible()?;
    run(cargo().args(["build", "--bin", "crpipeline"]))?;

    let mut serve = Command::new(target().join("debug/crpipeline"));
    serve.arg("serve").args(serve_arguments).current_dir(root());
    let status = interrupt::start(&mut serve)?.wait()?;
    // Ctrl-C is how this is meant to end: the server said good-bye by itself.
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
