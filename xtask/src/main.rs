//! The one tool for chores: `cargo xtask up | test | check | docs | dist | bench`.

mod bench;
mod check;
mod dist;
mod docs;
mod install;
mod interrupt;
mod needs;
mod npm_tools;
mod phases;
mod postgres;
mod python_tools;
mod run;
mod structure;
mod test_results;
mod tests_command;
mod up;
mod web_app;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the crPipeline workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing, build, and start `crpipeline serve`; Ctrl-C ends it.
    Up {
        /// Arguments for `crpipeline serve`, after `--`.
        #[arg(last = true)]
        serve: Vec<String>,
    },
    /// Install what the tests need and run all of them; the last line is `N passed, N failed`.
    Test {
        /// Do not install anything; tests whose tools are missing then fail.
        #[arg(long)]
        no_install: bool,
        /// Arguments for the test runner, after `--`, for example `-- -p crp-store a_name`.
        #[arg(last = true)]
        runner: Vec<String>,
    },
    /// Build the web app, check it and run its tests in a browser; part of `test`.
    Web {
        /// Arguments for Playwright, after `--`, for example `-- -g upload`.
        #[arg(last = true)]
        playwright: Vec<String>,
    },
    /// Formatting, clippy and the rules of the structure.
    Check {
        /// Only the rules of the structure, which need no build.
        #[arg(long)]
        structure: bool,
    },
    /// Write docs/reference anew from what the binary says about itself.
    Docs {
        /// Write nothing; fail when a page is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Build the release with its web app, and make a tarball and a Debian package of it.
    Dist(dist::Dist),
    /// List the benchmarks, or run one.
    Bench {
        /// The benchmark to run.
        #[command(subcommand)]
        bench: Option<bench::Bench>,
    },
}

fn main() -> ExitCode {
    let chore = Arguments::parse().chore;
    let result = interrupt::listen().and_then(|()| match chore {
        Chore::Up { serve } => up::up(&serve),
        Chore::Test { no_install, runner } => tests_command::test(no_install, &runner),
        Chore::Web { playwright } => tests_command::test_web(&playwright),
        Chore::Check { structure } => check::check(structure),
        Chore::Docs { check } => docs::docs(check),
        Chore::Dist(arguments) => dist::dist(&arguments),
        Chore::Bench { bench } => bench::bench(bench),
    });
    match result {
        Ok(code) => code,
        Err(_) if interrupt::was_asked_to_stop() => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
