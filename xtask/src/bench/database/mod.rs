//! `cargo xtask bench queue` and `cargo xtask bench search`: what SQLite and PostgreSQL carry, and the manual's page about it.

mod goals;
mod report;
mod results;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::results::Results;
use super::ocr::machine;
use crate::{
    interrupt,
    postgres::Postgres,
    run::{run as run_command, told},
    workspace::{cargo, target},
};

/// What is measured.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A few seconds of everything in small databases: whether it runs, not how fast
    #[arg(long)]
    short: bool,
    /// Only this database
    #[arg(long, value_enum)]
    only: Option<Engine>,
    /// Documents of the archive that is searched, five pages each
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    documents: u64,
    /// Measure nothing; write docs/manual/capacity.md and its plots from the results of earlier runs of both benches
    #[arg(long, conflicts_with_all = ["short", "only"])]
    report: bool,
    /// Where databases of SQLite are made; a folder on the disk that matters [default: target/bench]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// A kind of database.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

/// Which of the two benches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Claims, and what a page costs beside recognition.
    Queue,
    /// Questions to a large archive.
    Search,
}

impl Subject {
    const fn name(self) -> &'static str {
        match self {
            Subject::Queue => "queue",
            Subject::Search => "search",
        }
    }

    /// Where its results are.
    fn file(self) -> PathBuf {
        target().join(format!("bench/{}.json", self.name()))
    }

    /// The plans, one new database each; the shape is that of `crates/crp-store/benches/load/main.rs`.
    fn plans(self, short: bool, documents: u64) -> Vec<Value> {
        match (self, short) {
            (Subject::Queue, true) => vec![
                json!({ "claims": { "organizations": 3, "seconds": 2, "depths": [{ "waiting": 1000, "callers": [2] }] } }),
                json!({ "cost": { "parts": [20, 20], "pages": 4, "pages_per_task": 2, "callers": 2 } }),
            ],
            (Subject::Queue, false) => {
                let claims = |organizations: u32| {
                    json!({ "claims": { "organizations": organizations, "seconds": 10, "depths": [
                        { "waiting": 1_000, "callers": [8] },
                        { "waiting": 100_000, "callers": [1, 2, 4, 8, 16, 32] },
                        { "waiting": 1_000_000, "callers": [8] },
                    ] } })
                };
                vec![
                    claims(1),
                    claims(100),
                    json!({ "cost": { "parts": [1000, 1000, 2000], "pages": 5, "pages_per_task": 2, "callers": 8 } }),
                ]
            }
            (Subject::Search, true) => vec![json!({ "archive": { "documents": 300, "questions": 5, "callers": 4 } })],
            (Subject::Search, false) => vec![json!({ "archive": { "documents": documents, "questions": 100, "callers": 8 } })],
        }
    }
}

/// What stands below the flags in the help.
pub(crate) const EXAMPLES: &str = "Examples:
  cargo xtask bench queue                    both databases: about 20 minutes
  cargo xtask bench search --only sqlite     one database
  cargo xtask bench search --documents 50000
  cargo xtask bench queue --short            whether it runs
  cargo xtask bench queue --report           docs/manual/capacity.md from target/bench/queue.json and search.json";

/// Measures, or writes the manual's page.
pub(crate) fn run(subject: Subject, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.report {
        return report::write(&Results::read(&Subject::Queue.file())?, &Results::read(&Subject::Search.file())?)
            .map(|()| ExitCode::SUCCESS);
    }
    run_command(cargo().args(["bench", "--package", "crp-store", "--bench", "load", "--no-run"]))?;
    let folder = arguments.folder.clone().unwrap_or_else(|| target().join("bench"));
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut results = Results::begin(machine::commit(), machine::today()?, machine::facts()?, Postgres::version());
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if arguments.only.is_some_and(|only| only != engine) {
            continue;
        }
        for plan in subject.plans(arguments.short, arguments.documents) {
            results.measured.extend(in_new_database(engine, plan, &folder)?);
            if interrupt::was_asked_to_stop() {
                bail!("interrupted");
            }
        }
    }
    let goals = goals::goals(&results.measured);
    print!("{}{}", report::plain(&results), goals::table(&goals));
    if !arguments.short {
        let file = subject.file();
        results.write(&file)?;
        println!("Results: {}", file.display());
    }
    // Small databases reach every goal or say nothing about it.
    Ok(if arguments.short || goals.iter().all(goals::Goal::is_reached) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_new_database(engine: Engine, plan: Value, folder: &Path) -> Result<Vec<Value>> {
    match engine {
        Engine::Sqlite => {
            let database = folder.join(format!("load-{}", std::process::id()));
            fs::create_dir(&database).with_context(|| format!("making {}", database.display()))?;
            let measured = measure(plan, &database.join("crpipeline.db").to_string_lossy());
            fs::remove_dir_all(&database).with_context(|| format!("removing {}", database.display()))?;
            measured
        }
        Engine::Postgres => {
            let server = Postgres::start_durable()?;
            measure(plan, &server.url())
        }
    }
}

/// Runs the bench's program; the results are its lines.
fn measure(mut plan: Value, database: &str) -> Result<Vec<Value>> {
    plan["database"] = database.into();
    let mut command = cargo();
    command.args(["bench", "--quiet", "--package", "crp-store", "--bench", "load", "--"]).arg(plan.to_string());
    let mut running = interrupt::start(command.stdout(Stdio::piped()))?;
    let mut lines = String::new();
    running.child.stdout.take().context("the program has no output")?.read_to_string(&mut lines)?;
    let status = running.wait()?;
    if !status.success() {
        bail!("measuring {plan} {}", told(status));
    }
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_plans_measure_what_the_goals_speak_of() {
        let queue = Subject::Queue.plans(false, 1);
        let million = queue.iter().filter(|plan| plan["claims"]["depths"][2]["waiting"] == 1_000_000).count();
        assert_eq!(million, 2, "one organization and a hundred");
        assert_eq!(Subject::Search.plans(false, 7)[0]["archive"]["documents"], 7);
    }
}
