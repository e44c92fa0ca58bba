//! `cargo xtask check`: formatting, clippy, and the rules of the structure.

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

use crate::{interrupt, phases::Phases, run::run, structure, workspace};

/// Runs all checks, even after one has failed, and says how long each took.
pub(crate) fn check(only_structure: bool) -> Result<ExitCode> {
    let mut phases = Phases::default();
    let mut all_well = keep_going(phases.run("rules of the structure", structure_holds));
    if !only_structure {
        all_well &= keep_going(phases.run("formatting", || run(workspace::cargo().args(["fmt", "--all", "--check"]))));
        all_well &= keep_going(phases.run("clippy", clippy));
    }
    print!("{}", phases.table());
    if interrupt::was_asked_to_stop() {
        bail!("interrupted");
    }
    println!("\n{}", if all_well { "All checks hold." } else { "Some checks do not hold; see above." });
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn structure_holds() -> Result<()> {
    let complaints = structure::complaints(&workspace::root())?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() { Ok(()) } else { bail!("{} rules of the structure are broken", complaints.len()) }
}

fn clippy() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["clippy", "--workspace", "--all-targets"]);
    if env::var_os("CI").is_some() {
        command.arg("--locked");
    }
    run(command.args(["--", "-D", "warnings"]))
}

fn keep_going(result: Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            eprintln!("error: {error:#}");
            false
        }
    }
}
