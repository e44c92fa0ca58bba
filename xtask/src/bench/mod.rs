//! `cargo xtask bench`: the benchmarks, one module each, with arguments of their own.

mod database;
mod durability;
mod fuzz;
mod hostile;
mod ocr;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// A benchmark.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Speed, memory and accuracy of reading documents, beside the peers and the lower bound.
    #[command(after_help = ocr::EXAMPLES)]
    Ocr(ocr::Arguments),
    /// What hostile and odd documents become: codes, time and memory of each.
    Hostile(hostile::Arguments),
    /// Whether anything is lost or done twice when processes and the database are killed.
    #[command(after_help = durability::EXAMPLES)]
    Durability(durability::Arguments),
    /// How many tasks a database carries, and what a page costs it.
    #[command(after_help = database::EXAMPLES)]
    Queue(database::Arguments),
    /// How long a search in 200,000 documents takes.
    #[command(after_help = database::EXAMPLES)]
    Search(database::Arguments),
    /// Whether any bytes break a reader or writer of ours; needs cargo-fuzz.
    Fuzz(fuzz::Arguments),
}

/// Runs a benchmark, or lists what there is.
pub(crate) fn bench(bench: Option<Bench>) -> Result<ExitCode> {
    match bench {
        Some(Bench::Ocr(arguments)) => ocr::run(&arguments),
        Some(Bench::Hostile(arguments)) => hostile::run(&arguments),
        Some(Bench::Durability(arguments)) => durability::run(&arguments),
        Some(Bench::Queue(arguments)) => database::run(database::Subject::Queue, &arguments),
        Some(Bench::Search(arguments)) => database::run(database::Subject::Search, &arguments),
        Some(Bench::Fuzz(arguments)) => fuzz::run(&arguments),
        None => {
            print!("{}", listing());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Every benchmark with what it measures.
fn listing() -> String {
    let command = Bench::augment_subcommands(clap::Command::new("bench"));
    let line = |bench: &clap::Command| format!("  cargo xtask bench {:<10} {}\n", bench.get_name(), bench.get_about().unwrap_or_default());
    let lines: String = command.get_subcommands().map(line).collect();
    format!("Benchmarks (each tells more with --help):\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_tells_what_each_benchmark_measures() {
        assert!(listing().contains("cargo xtask bench ocr        Speed, memory and accuracy"), "{}", listing());
    }
}
