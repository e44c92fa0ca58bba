//! `cargo xtask bench fuzz`: every fuzz target for a while, one after the other, each from its seeds and what earlier runs have found.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{
    interrupt,
    needs::program,
    run::{run as run_command, told},
    workspace::{cargo, root, target},
};

/// What is fuzzed and for how long.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only these targets, separated by commas: the names of the files in fuzz/fuzz_targets
    #[arg(long, value_delimiter = ',', value_name = "TARGET,…")]
    only: Vec<String>,
}

/// Longest that one input may take.
const INPUT_SECONDS: u32 = 25;
/// Most memory of a target.
const MEMORY_MEBIBYTES: u32 = 2048;
/// Longest input that is tried.
const INPUT_BYTES: u32 = 16_384;
/// What to do where something is missing.
const HOW_TO_INSTALL: &str = "install it with `cargo install cargo-fuzz --locked`";

/// What became of a target.
struct Outcome {
    target: String,
    executions: u64,
    per_second: u64,
    coverage: u64,
    inputs: usize,
    peak_mebibytes: u64,
    /// What was found, if anything.
    finding: Option<String>,
}

/// Fuzzes; fails if something was found.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let targets = chosen(&all_targets(&root())?, &arguments.only)?;
    ensure!(program("cargo-fuzz").is_some(), "fuzzing needs cargo-fuzz; {HOW_TO_INSTALL}");
    let folder = target().join("fuzz");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let seeds = folder.join("seeds");
    run_command(cargo().args(["run", "--quiet", "--package", "crp-ocr", "--features", "fuzzing", "--example", "fuzz_seeds"]).arg(&seeds))?;
    build(&folder.join("build"))?;
    let mut outcomes = Vec::new();
    for name in &targets {
        println!("Fuzzing {name} for {} seconds …", arguments.seconds);
        outcomes.push(fuzz(name, &folder, arguments.seconds)?);
        if interrupt::was_asked_to_stop() {
            break;
        }
    }
    print!("\n{}", table(&outcomes));
    for outcome in &outcomes {
        if let Some(finding) = &outcome.finding {
            println!("\n{} has found something: {finding}", outcome.target);
        }
    }
    println!("\nWhat was tried is kept in {}.", folder.join("corpus").display());
    Ok(if outcomes.iter().all(|outcome| outcome.finding.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of all targets, sorted.
fn all_targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("looking into {}", folder.display()))?;
    let stem = |file: std::io::Result<fs::DirEntry>| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = files.filter_map(stem).collect();
    names.sort();
    Ok(names)
}

fn chosen(all: &[String], only: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target \"{unknown}\"; there are {}", all.join(", "));
    }
    Ok(all.iter().filter(|name| only.is_empty() || only.contains(name)).cloned().collect())
}

/// Without a sanitizer of addresses: nearly all of what is fuzzed is safe code, and without it there are more executions.
/// Overflows and broken assertions are found all the same. It also needs no nightly compiler.
fn build(folder: &Path) -> Result<()> {
    run_command(cargo().args(["fuzz", "build", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir"]).arg(folder))
}

fn fuzz(name: &str, folder: &Path, seconds: u32) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(name);
    let findings = folder.join("findings").join(name);
    for made in [&corpus, &findings] {
        fs::create_dir_all(made).with_context(|| format!("making {}", made.display()))?;
    }
    let log_file = folder.join(format!("{name}.log"));
    let log = File::create(&log_file).with_context(|| format!("making {}", log_file.display()))?;
    let mut command = Command::new(binary(&folder.join("build"), name)?);
    command
        .arg(&corpus)
        .arg(folder.join("seeds").join(name))
        .args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_SECONDS}"), format!("-rss_limit_mb={MEMORY_MEBIBYTES}")])
        .args([format!("-max_len={INPUT_BYTES}"), format!("-artifact_prefix={}/", findings.display()), "-print_final_stats=1".to_owned()])
        .stdout(Stdio::null())
        .stderr(log);
    let status = interrupt::start(&mut command)?.wait()?;
    let said = String::from_utf8_lossy(&fs::read(&log_file)?).into_owned();
    let finding = (!status.success() && !interrupt::was_asked_to_stop()).then(|| {
        let input = after(&said, "Test unit written to ").map_or_else(String::new, |input| format!("; the input is {input}"));
        format!("it {}{input}; what it said is in {}", told(status), log_file.display())
    });
    let inputs = fs::read_dir(&corpus)?.count();
    Ok(Outcome { inputs, finding, ..figures(name, &said) })
}

/// Where the target was built: under the name of the machine's kind.
fn binary(folder: &Path, name: &str) -> Result<PathBuf> {
    let kinds = fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))?;
    let built = kinds.flatten().map(|kind| kind.path().join("release").join(name)).find(|file| file.is_file());
    built.with_context(|| format!("cargo-fuzz has not built {name} in {}", folder.display()))
}

/// What libFuzzer says at its end.
fn figures(name: &str, said: &str) -> Outcome {
    let number = |key: &str| after(said, key).and_then(|word| word.parse().ok()).unwrap_or(0);
    Outcome {
        target: name.to_owned(),
        executions: number("stat::number_of_executed_units: "),
        per_second: number("stat::average_exec_per_sec: "),
        coverage: number(" cov: "),
        inputs: 0,
        peak_mebibytes: number("stat::peak_rss_mb: "),
        finding: None,
    }
}

/// The word behind the last `key`.
fn after<'a>(said: &'a str, key: &str) -> Option<&'a str> {
    said.rsplit_once(key)?.1.split_whitespace().next()
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text =
        format!("{:<16}{:>12}{:>9}{:>10}{:>8}{:>10}  result\n", "target", "executions", "per s", "coverage", "inputs", "peak MiB");
    for outcome in outcomes {
        let result = if outcome.finding.is_some() { "FOUND SOMETHING" } else { "holds" };
        let Outcome { target, executions, per_second, coverage, inputs, peak_mebibytes, .. } = outcome;
        text += &format!("{target:<16}{executions:>12}{per_second:>9}{coverage:>10}{inputs:>8}{peak_mebibytes:>10}  {result}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "#2\tINITED cov: 48 ft: 49 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                        #991\tNEW    cov: 1234 ft: 5000 corp: 77/1b lim: 4 exec/s: 0 rss: 30Mb\n\
                        artifact_prefix='x/'; Test unit written to x/crash-1\n\
                        stat::number_of_executed_units: 991\nstat::average_exec_per_sec:     495\nstat::peak_rss_mb:              31\n";

    #[test]
    fn the_figures_of_a_run_are_those_that_stand_last() {
        let outcome = figures("layout", SAID);
        let found = (outcome.executions, outcome.per_second, outcome.coverage, outcome.peak_mebibytes);
        assert_eq!(found, (991, 495, 1234, 31));
        assert_eq!(after(SAID, "Test unit written to "), Some("x/crash-1"));
        let table = table(&[Outcome { finding: Some("x".to_owned()), ..outcome }]);
        assert!(table.contains("991") && table.contains("FOUND SOMETHING"), "{table}");
    }

    #[test]
    fn there_is_a_target_for_each_reader_and_a_wrong_name_is_told() {
        let all = all_targets(&root()).unwrap();
        assert!(["layout", "overlay", "protocol"].iter().all(|name| all.contains(&(*name).to_owned())), "{all:?}");
        assert_eq!(chosen(&all, &["layout".to_owned()]).unwrap(), ["layout"]);
        assert!(chosen(&all, &["lay".to_owned()]).unwrap_err().to_string().contains("protocol"));
        assert_eq!(chosen(&all, &[]).unwrap(), all);
    }
}
