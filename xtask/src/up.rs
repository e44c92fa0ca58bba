//! `cargo xtask up`: installs what is missing, builds, and starts `crpipeline serve` in the foreground.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    install, interrupt,
    needs::{self, Need},
    run::run,
    workspace::{cargo, root, target},
};

/// From a fresh clone to a server that answers.
pub(crate) fn up(serve_arguments: &[String]) -> Result<ExitCode> {
    let needs: Vec<&Need> = needs::TO_RUN.iter().collect();
    install::install_missing(&needs)?;
    build_ui()?;
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

/// Builds the web app where there is one; without it the server shows a plain page.
fn build_ui() -> Result<()> {
    let ui = root().join("ui");
    if !ui.join("package.json").is_file() {
        return Ok(());
    }
    if needs::program("npm").is_none() {
        println!("Node 20 or newer is not installed, so the web app is not built; the server says how to build it.");
        return Ok(());
    }
    if !ui.join("node_modules").is_dir() {
        run(Command::new("npm").arg("ci").current_dir(&ui))?;
    }
    run(Command::new("npm").args(["run", "build"]).current_dir(&ui))
}
