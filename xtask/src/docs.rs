//! `cargo xtask docs`: writes `docs/reference` and `monitoring` anew from what the binary says about itself.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};

use crate::{
    run::{run, shown},
    workspace::{cargo, root, target},
};

/// Writes the pages, or compares them with what would be written.
pub(crate) fn docs(only_check: bool) -> Result<ExitCode> {
    run(cargo().args(["build", "--bin", "crpipeline"]))?;
    let folder = root().join("docs/reference");
    let mut stale = Vec::new();
    for name in printed(&[])?.lines() {
        let page = printed(&[name])?;
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == page) {
            continue;
        }
        if only_check {
            stale.push(name.to_owned());
        } else {
            fs::create_dir_all(&folder)?;
            fs::write(&path, &page).with_context(|| format!("writing {}", path.display()))?;
            println!("wrote docs/reference/{name}");
        }
    }
    ensure!(stale.is_empty(), "out of date in docs/reference: {}; run `cargo xtask docs`", stale.join(", "));
    monitoring(only_check)?;
    Ok(ExitCode::SUCCESS)
}

/// The folder that operators copy; without `--force` the export refuses where a file would change.
fn monitoring(only_check: bool) -> Result<()> {
    let (folder, fresh) = (root().join("monitoring"), target().join("xtask/monitoring"));
    let export = |into: &std::path::Path| {
        let mut command = Command::new(target().join("debug/crpipeline"));
        command.args(["monitoring", "export", "--force"]).arg(into);
        run(&mut command)
    };
    if !only_check {
        return export(&folder);
    }
    // Into a folder of its own, so that looking writes nothing where it looks and a file of an older export is seen, too.
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("removing {}", fresh.display()))?;
    }
    export(&fresh)?;
    run(Command::new("diff").arg("-r").args([&folder, &fresh])).context("monitoring/ is out of date; run `cargo xtask docs`")
}

/// What the binary prints about itself: a page, or without a name the names of all pages.
fn printed(page: &[&str]) -> Result<String> {
    let mut command = Command::new(target().join("debug/crpipeline"));
    let output = command.arg("__reference").args(page).output().with_context(|| shown(&command))?;
    ensure!(output.status.success(), "`{}`: {}", shown(&command), String::from_utf8_lossy(&output.stderr).trim());
    String::from_utf8(output.stdout).with_context(|| shown(&command))
}
