//! `cargo xtask bench durability`: processes are killed, stopped and starved of their database again and again; nothing may be lost or done twice.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::ocr::machine::{commit, today};
use crate::{
    interrupt,
    postgres::Postgres,
    run::run as run_command,
    workspace::{cargo, target},
};

/// How much is run, and from which seed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where chance begins; the same seed picks the same steps, documents and times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The short form, which is also part of the tests
    #[arg(long, conflicts_with = "percent")]
    short: bool,
    /// So much of the long form
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    percent: u64,
    /// Only these runs, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// The results as JSON [default: target/bench/durability.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What `--help` says at its end.
pub(crate) const EXAMPLES: &str = "Examples:
  cargo xtask bench durability                                  all of it: hours
  cargo xtask bench durability --short                          a few minutes
  cargo xtask bench durability --percent 10 --seed 7            a tenth of it, from another seed
  cargo xtask bench durability --only storm_on_three_workers    one run";

/// Every run: the name of its test in crates/crpipeline/tests/durability.
const RUNS: [&str; 13] = [
    "storm_on_one_process",
    "storm_on_three_workers",
    "rescue_of_killed_workers",
    "rescue_after_a_restart",
    "stopped_for_longer_than_the_lease",
    "asked_to_stop_one_process",
    "asked_to_stop_a_worker",
    "crashed_database",
    "poison_document",
    "fairness_between_organizations",
    "full_disks",
    "failing_io",
    "bucket_away_for_ten_minutes",
];

/// All runs with what they were made from.
#[derive(Serialize)]
struct Results {
    commit: String,
    date: String,
    cores: usize,
    seed: u64,
    /// `None`: the short form.
    percent_of_long: Option<u64>,
    runs: Vec<Outcome>,
}

/// What a run found; its test writes it.
#[derive(Serialize, Deserialize)]
struct Outcome {
    name: String,
    seconds: f64,
    did: std::collections::BTreeMap<String, u64>,
    figures: Vec<Figure>,
    controls: Vec<Control>,
    complaints: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Figure {
    what: String,
    value: f64,
    unit: String,
    at_most: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Control {
    broken: String,
    noticed: Option<String>,
}

impl Figure {
    fn is_missed(&self) -> bool {
        self.at_most.is_some_and(|most| self.value > most)
    }
}

/// Runs it; fails if anything was lost or done twice, a figure is over its bound, or a control was not noticed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let names = chosen(&arguments.only)?;
    let json = arguments.json.clone().unwrap_or_else(|| target().join("bench/durability.json"));
    let folder = json.parent().context("the results need a folder")?.join("durability");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let mut results = Results {
        commit: commit(),
        date: today()?,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        seed: arguments.seed,
        percent_of_long: (!arguments.short).then_some(arguments.percent),
        runs: Vec::new(),
    };
    println!("Revision {}, seed {}.", results.commit, results.seed);
    run_command(cargo().args(TEST).arg("--no-run"))?;
    let postgres = Postgres::start()?;
    let mut failed = Vec::new();
    for name in &names {
        match one(name, arguments, &postgres.url(), &folder) {
            Ok(outcome) => results.runs.push(outcome),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
        if interrupt::was_asked_to_stop() {
            break;
        }
    }
    fs::write(&json, serde_json::to_string_pretty(&results)?).with_context(|| format!("writing {}", json.display()))?;
    print!("\n{}", table(&results));
    failed.iter().for_each(|failure| println!("FAILED: {failure}"));
    println!("Results: {}", json.display());
    let all_well = failed.is_empty() && results.runs.iter().all(Outcome::is_well);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The test binary with all runs.
const TEST: [&str; 5] = ["test", "--package", "crpipeline", "--test", "durability"];

fn one(name: &str, arguments: &Arguments, postgres: &str, folder: &Path) -> Result<Outcome> {
    println!("\nRunning {name} …");
    let report = folder.join(format!("{name}.json"));
    let _ = fs::remove_file(&report);
    let mut command = cargo();
    command.args(TEST).args(["--quiet", "--", "--exact", name, "--nocapture"]);
    command
        .env("CRP_DURABILITY_REPORT", folder)
        .env("CRP_DURABILITY_SEED", arguments.seed.to_string())
        .env("CRP_TEST_POSTGRES_URL", postgres);
    if !arguments.short {
        command.env("CRP_DURABILITY_PERCENT", arguments.percent.to_string());
    }
    let ended = run_command(&mut command);
    // A run with complaints has written what it found before it failed.
    match fs::read_to_string(&report) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) => bail!("it left no result ({})", ended.err().map_or(error.to_string(), |ended| ended.to_string())),
    }
}

fn chosen(only: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = only.iter().find(|name| !RUNS.contains(&name.as_str())) {
        bail!("there is no run \"{unknown}\"; there are {}", RUNS.join(", "));
    }
    Ok(RUNS.into_iter().filter(|name| only.is_empty() || only.iter().any(|wanted| wanted == name)).collect())
}

impl Outcome {
    fn is_well(&self) -> bool {
        self.complaints.is_empty()
            && !self.figures.iter().any(Figure::is_missed)
            && self.controls.iter().all(|control| control.noticed.is_some())
    }
}

fn table(results: &Results) -> String {
    let mut text = format!("Revision {}, {}, {} cores, seed {}\n", results.commit, results.date, results.cores, results.seed);
    for run in &results.runs {
        let did: Vec<String> = run.did.iter().map(|(what, times)| format!("{times} {what}")).collect();
        let noticed = run.controls.iter().filter(|control| control.noticed.is_some()).count();
        let verdict = if run.is_well() { "holds" } else { "DOES NOT HOLD" };
        text += &format!("\n{}: {verdict}; {} in {:.0} s\n", run.name, did.join(", "), run.seconds);
        text +=
            &format!("  {:>8}  complaints of the checker; {noticed} of {} controls noticed\n", run.complaints.len(), run.controls.len());
        for figure in &run.figures {
            let goal = figure.at_most.map_or(String::new(), |most| format!(" (at most {most})"));
            let missed = if figure.is_missed() { "  MISSED" } else { "" };
            text += &format!("  {:>8.2}  {} {}{goal}{missed}\n", figure.value, figure.unit, figure.what);
        }
        for complaint in run.complaints.iter().take(5) {
            text += &format!("  WRONG: {complaint}\n");
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;

    #[test]
    fn every_run_is_a_test_and_every_test_a_run() {
        let tests = fs::read_to_string(root().join("crates/crpipeline/tests/durability/main.rs")).unwrap();
        let named: Vec<&str> = tests.lines().filter_map(|line| line.strip_prefix("async fn ")?.split('(').next()).collect();
        assert_eq!(named, RUNS);
    }

    #[test]
    fn a_wrong_name_is_told_and_a_missed_goal_is_a_failure() {
        assert!(chosen(&["storm".to_owned()]).unwrap_err().to_string().contains("storm_on_one_process"));
        assert_eq!(chosen(&[]).unwrap(), RUNS);
        let figure = |value| Figure { what: "a wait".to_owned(), value, unit: "s".to_owned(), at_most: Some(2.0) };
        let outcome = |value, noticed: Option<&str>| Outcome {
            name: "x".to_owned(),
            seconds: 1.0,
            did: [("kills".to_owned(), 3)].into(),
            figures: vec![figure(value)],
            controls: vec![Control { broken: "y".to_owned(), noticed: noticed.map(str::to_owned) }],
            complaints: Vec::new(),
        };
        assert!(outcome(2.0, Some("z")).is_well());
        assert!(!outcome(2.1, Some("z")).is_well() && !outcome(2.0, None).is_well());
        let results = Results {
            commit: "c".to_owned(),
            date: String::new(),
            cores: 2,
            seed: 1,
            percent_of_long: None,
            runs: vec![outcome(2.1, None)],
        };
        let table = table(&results);
        assert!(["3 kills", "MISSED", "DOES NOT HOLD", "0 of 1 controls"].iter().all(|part| table.contains(part)), "{table}");
    }
}
