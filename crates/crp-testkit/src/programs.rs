//! Programs and files that a machine may lack: tests that need them skip, and say so loudly.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Says why a test did not do its work.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The program, from the variable `CRP_<NAME>` or from the search path; says `SKIPPED` if there is none.
pub fn program(name: &str) -> Option<PathBuf> {
    let variable = format!("CRP_{}", name.to_uppercase().replace('-', "_"));
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
    let found = named.or_else(|| {
        let folders = env::var_os("PATH")?;
        env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

/// The folder of real scans: `$CRPIPELINE_CORPUS`, else `../shared/corpus` beside the workspace; says `SKIPPED` if there is none.
pub fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = env::var_os("CRPIPELINE_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    if folder.is_none() {
        skipped("there is no corpus of real scans; CRPIPELINE_CORPUS can name one");
    }
    folder
}

/// Runs a program to its end and gives what it wrote to standard output.
///
/// # Panics
/// If it cannot be started or fails, with everything that it said.
pub fn output_of(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
