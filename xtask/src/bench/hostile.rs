//! `cargo xtask bench hostile`: every crafted file and every odd document of the corpus through the real binary, one process each.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    run::run as run_command,
    workspace::{cargo, target},
};

/// Where the results go.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The results as JSON [default: target/bench/hostile.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The test that does it; it prints a table of what became of the files.
const TEST: &str = "heavy_hostile::the_whole_corpus_is_read_or_gets_codes_of_its_own";

/// Reads all of them; fails if one gets a vague code, takes more than a minute or a gibibyte, or reaches anything.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let json = arguments.json.clone().unwrap_or_else(|| target().join("bench/hostile.json"));
    let folder = json.parent().context("the results need a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let json = folder.canonicalize()?.join(json.file_name().context("the results need a name")?);
    println!("Reading hostile and odd documents one by one; this takes about half an hour on two cores.");
    run_command(
        cargo()
            .args(["test", "--package", "crpipeline", "--test", "it", "--", "--exact", TEST, "--nocapture"])
            .env("CRP_HOSTILE_REPORT", &json),
    )?;
    println!("Results: {}", json.display());
    Ok(ExitCode::SUCCESS)
}
