//! `cargo xtask docs`: writes `docs/reference` anew from what the binary says about itself.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result, ensure};

use crate::{
    run::{run, shown},
    workspace::{cargo, root, target},
};

/// A page of the reference: its file, and the arguments of `crpipeline` that print it.
const PAGES: &[(&str, &[&str])] = &[("configuration.schema.json", &["config", "schema"])];

/// Writes the pages, or compares them with what would be written.
pub(crate) fn docs(only_check: bool) -> Result<ExitCode> {
    run(cargo().args(["build", "--bin", "crpipeline"]))?;
    let folder = root().join("docs/reference");
    let mut stale = Vec::new();
    for (file, arguments) in PAGES {
        let mut command = std::process::Command::new(target().join("debug/crpipeline"));
        command.args(*arguments);
        let printed = command.output().with_context(|| shown(&command))?;
        ensure!(printed.status.success(), "`{}`: {}", shown(&command), String::from_utf8_lossy(&printed.stderr).trim());
        let path = folder.join(file);
        if fs::read(&path).is_ok_and(|old| old == printed.stdout) {
            continue;
        }
        if only_check {
            stale.push(*file);
        } else {
            fs::create_dir_all(&folder)?;
            fs::write(&path, &printed.stdout).with_context(|| format!("writing {}", path.display()))?;
            println!("wrote docs/reference/{file}");
        }
    }
    ensure!(stale.is_empty(), "out of date in docs/reference: {}; run `cargo xtask docs`", stale.join(", "));
    Ok(ExitCode::SUCCESS)
}
