//! `cargo xtask bench`: lists the benchmarks of `benches/` and runs one.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result};

use crate::{
    run::run,
    workspace::{cargo, root},
};

/// Runs the benchmark `name`, or lists what there is.
pub(crate) fn bench(name: Option<&str>) -> Result<ExitCode> {
    let benches = benches()?;
    match name {
        Some(name) if benches.iter().any(|bench| bench == name) => {
            run(cargo().args(["bench", "--workspace", "--bench", name]))?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(name) => eprintln!("There is no benchmark \"{name}\"."),
        None => {}
    }
    if benches.is_empty() {
        eprintln!("There are no benchmarks yet; benches/README.md says what they will measure and where they go.");
    } else {
        println!("Benchmarks: {}\nRun one with: cargo xtask bench NAME", benches.join(", "));
    }
    Ok(if name.is_none() && !benches.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The names of the benchmarks: the files `benches/NAME.rs`.
fn benches() -> Result<Vec<String>> {
    let folder = root().join("benches");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
