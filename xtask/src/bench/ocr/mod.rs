//! `cargo xtask bench ocr`: crPipeline, its peers and the lower bound, in turn on the same documents with the same languages.

mod documents;
mod goals;
mod lower_bound;
pub(super) mod machine;
mod measure;
mod outputs;
mod plan;
mod process_tree;
pub(super) mod python;
mod receipts;
mod report;
pub(super) mod results;
mod rounds;
mod score;
pub(super) mod table;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::{
    documents::Document,
    plan::Plan,
    results::{Results, ToolFacts},
    rounds::Progress,
    tools::{Settings, Tool, release},
};
use crate::{
    install, interrupt,
    needs::{self, Need},
    phases::Phases,
    run::run as run_command,
    workspace::{cargo, target},
};

/// What is measured and how often.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only these documents and tools, by name, separated by commas; both lists stand below
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// Runs of each tool that a goal speaks of; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Pages at a time [default: the number of processors]
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Tesseract's language codes
    #[arg(short, long, default_value = "eng", value_name = "CODES")]
    languages: String,
    /// Also a document of 1,000 pages
    #[arg(long)]
    long: bool,
    /// Install the newest peers again
    #[arg(long)]
    renew_peers: bool,
    /// Measure the release build that is there
    #[arg(long)]
    no_build: bool,
    /// Prepare everything and measure nothing
    #[arg(long)]
    prepare: bool,
    /// Where the results go [default: target/bench/ocr.json]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep what the results of an earlier run say about other documents
    #[arg(long)]
    add: bool,
    /// Measure nothing; write the manual's page and its plots from the results of an earlier run
    #[arg(long, conflicts_with_all = ["only", "long", "prepare", "add"])]
    report: bool,
}

/// What stands below the flags in the help.
pub(crate) const EXAMPLES: &str = "Documents: one-page, scan24, vector, small-print, receipts, hundred, thousand
Tools: lower-bound, crpipeline, ocrmypdf, ocrmypdf-defaults, ocrmypdf-debian, kreuzberg, shell-loop

Examples:
  cargo xtask bench ocr                              everything but 1,000 pages; about 20 minutes on 2 cores after the build
  cargo xtask bench ocr --prepare                    install, build and make the documents now, to measure later
  cargo xtask bench ocr --only scan24 --rounds 1     one document, once
  cargo xtask bench ocr --only one-page,crpipeline,lower-bound
  cargo xtask bench ocr --only thousand --add        memory and temporary files over 1,000 pages, into the same results
  cargo xtask bench ocr --report                     docs/manual/ocr-figures.md from target/bench/ocr.json";

/// Measures, or writes the manual's page.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let output = arguments.output.clone().unwrap_or_else(|| target().join("bench/ocr.json"));
    if arguments.report {
        let mut results = read(&output)?;
        // Judged anew: the goals of today may not be those of the day of the measurement.
        results.goals = goals::goals(&results);
        return report::write(&results, &output).map(|()| ExitCode::SUCCESS);
    }
    let plan = Plan::new(&arguments.only, arguments.rounds, arguments.long)?;
    process_tree::adopt_orphans()?;
    let corpus = documents::corpus()?;
    let mut phases = Phases::default();
    phases.run("what the bench itself needs", install_own_needs)?;
    let missing = phases.run("peers", || Ok(install_peers(&plan, arguments.renew_peers)))?;
    let documents = phases.run("documents", || documents::prepare(&plan.documents, &corpus, &target().join("bench/ocr/documents")))?;
    if !arguments.no_build {
        phases.run("release build", build)?;
    }
    for program in ["crpipeline", "document-child"] {
        ensure!(release(program).is_file(), "{} is not built; leave --no-build away", release(program).display());
    }
    if arguments.prepare {
        print!("{}", phases.table());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings {
        jobs: arguments.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from),
        languages: arguments.languages.clone(),
    };
    let mut results = begin(&plan, &missing, &settings)?;
    if arguments.add && output.exists() {
        results.add(read(&output)?, &plan.documents);
    }
    phases.run("measuring", || measure_all(&plan, &documents, &settings, &mut results, &output))?;
    print!("{}{}", phases.table(), table::everything(&results));
    println!("\nResults: {}\nThe manual's page from them: cargo xtask bench ocr --report", output.display());
    let ours_failed = results
        .documents
        .iter()
        .flat_map(|document| &document.tools)
        .any(|tool| tool.id == Tool::Crpipeline.id() && tool.failure.is_some());
    Ok(if ours_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Programs and packages without which nothing can be measured.
fn install_own_needs() -> Result<()> {
    let of_tests = ["qpdf", "pdftotext", "Python 3 with venv and pip"];
    let needs: Vec<&Need> =
        needs::TO_RUN.iter().chain(needs::TO_TEST.iter().filter(|need| of_tests.contains(&need.what))).chain(needs::TO_BENCH).collect();
    install::install_missing(&needs)?;
    python::BENCH.install(false)
}

/// Installs the peers, each on its own: one that cannot be had is told in the results and does not stop the others.
fn install_peers(plan: &Plan, anew: bool) -> Vec<(Tool, String)> {
    let mut missing = Vec::new();
    let mut renewed: Vec<Tool> = Vec::new();
    for tool in plan.tools.iter().copied() {
        // Two of them are one program.
        let again = anew && !(tool == Tool::OcrmypdfDefaults && renewed.contains(&Tool::OcrmypdfNewest));
        renewed.push(tool);
        if let Err(error) = tool.install(again) {
            eprintln!("{} could not be installed: {error:#}", tool.name());
            missing.push((tool, format!("{error:#}")));
        }
    }
    missing
}

/// The release binary, and the program of the lower bound.
fn build() -> Result<()> {
    run_command(cargo().args(["build", "--release", "-p", "crpipeline", "-p", "crp-ocr", "--bins"]))
}

/// The results before anything was measured.
fn begin(plan: &Plan, missing: &[(Tool, String)], settings: &Settings) -> Result<Results> {
    let mut facts = Vec::new();
    for tool in plan.tools.iter().copied() {
        let why = missing.iter().find(|(other, _)| *other == tool).map(|(_, why)| why.clone());
        let (version, why) = match why.map_or_else(|| tool.version(), |why| Err(anyhow::anyhow!(why))) {
            Ok(version) => (Some(version), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        println!("{}: {}", tool.name(), version.as_deref().unwrap_or("not installed"));
        let (id, name, command) = (tool.id().to_owned(), tool.name().to_owned(), tool.described(settings));
        facts.push(ToolFacts { id, name, version, missing: why, command });
    }
    let machine = machine::facts()?;
    if machine.load_at_start > 0.5 {
        println!("WARNING: the machine is busy (load {}); the times will not be those of a quiet one.", machine.load_at_start);
    }
    Ok(Results {
        date: machine::today()?,
        machine,
        jobs: settings.jobs,
        languages: settings.languages.clone(),
        commit: machine::commit(),
        tools: facts,
        documents: Vec::new(),
        goals: Vec::new(),
    })
}

/// Measures document by document; the file has everything up to then, however it ends.
fn measure_all(plan: &Plan, documents: &[Document], settings: &Settings, results: &mut Results, output: &Path) -> Result<()> {
    let there: Vec<Tool> = plan
        .tools
        .iter()
        .copied()
        .filter(|tool| results.tools.iter().any(|facts| facts.id == tool.id() && facts.version.is_some()))
        .collect();
    let mut progress = Progress::new(plan, documents, &there);
    println!("{}", progress.announcement());
    for document in documents {
        let measured = rounds::measure(plan, document, &there, settings, &mut progress);
        if interrupt::was_asked_to_stop() {
            anyhow::bail!("interrupted");
        }
        results.documents.push(measured?);
        results.documents.sort_by_key(|document| documents::ALL.iter().position(|(id, _)| *id == document.id));
        results.goals = goals::goals(results);
        write(results, output)?;
    }
    Ok(())
}

fn write(results: &Results, output: &Path) -> Result<()> {
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let mut json = serde_json::to_string_pretty(results).context("writing the results")?;
    json.push('\n');
    fs::write(output, json).with_context(|| format!("writing {}", output.display()))
}

fn read(file: &Path) -> Result<Results> {
    let json = fs::read(file).with_context(|| format!("reading {}; `cargo xtask bench ocr` writes it", file.display()))?;
    serde_json::from_slice(&json).with_context(|| format!("{} is not of this version of the bench", file.display()))
}
