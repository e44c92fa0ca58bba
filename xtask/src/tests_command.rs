//! `cargo xtask test`: installs what the tests need, starts their servers, runs all of them and counts.

use std::{
    env,
    io::{BufRead as _, BufReader, IsTerminal as _, stderr},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{
    install, interrupt,
    needs::{self, Need},
    npm_tools,
    phases::Phases,
    postgres::Postgres,
    python_tools,
    run::{run, told},
    test_results::{self, Counts},
    web_app,
    workspace::{cargo, root},
};

/// Runs everything. Whatever happens, the last line says how many passed.
pub(crate) fn test(no_install: bool, runner_arguments: &[String]) -> Result<ExitCode> {
    close(|phases, counts| run_all(no_install, runner_arguments, phases, counts))
}

/// Runs the tests of the web app alone.
pub(crate) fn test_web(playwright_arguments: &[String]) -> Result<ExitCode> {
    close(|phases, counts| {
        phases.run("build the web app", web_app::build)?;
        phases.run("build the binary", || run(cargo().args(["build", "--bin", "crpipeline"])))?;
        run_web(&tools(), playwright_arguments, phases, counts)
    })
}

/// Runs `work`, then says how long its phases took and how many tests passed.
fn close(work: impl FnOnce(&mut Phases, &mut Counts) -> Result<()>) -> Result<ExitCode> {
    let mut phases = Phases::default();
    let mut counts = Counts::default();
    let result = work(&mut phases, &mut counts);
    print!("{}", phases.table());
    if let Err(error) = &result {
        eprintln!("error: {error:#}");
        // Something that should have run did not: that is a failure, not a run without tests.
        counts.failed = counts.failed.max(1);
    }
    println!("\n{}", counts.closing_line());
    Ok(match () {
        () if interrupt::was_asked_to_stop() => ExitCode::from(130),
        () if counts.failed > 0 || counts.passed == 0 => ExitCode::FAILURE,
        () => ExitCode::SUCCESS,
    })
}

fn run_all(no_install: bool, runner_arguments: &[String], phases: &mut Phases, counts: &mut Counts) -> Result<()> {
    let mut environment = Vec::new();
    phases.run("install what the tests need", || {
        if !no_install {
            let needs: Vec<&Need> = needs::TO_RUN.iter().chain(needs::TO_TEST).collect();
            install::install_missing(&needs)?;
            python_tools::install()?;
            npm_tools::install()?;
            web_app::install()?;
        }
        environment = tools();
        Ok(())
    })?;
    phases.run("build the web app", web_app::build)?;
    let runner = Runner::find();
    phases.run("build the tests", || run(&mut runner.command(runner_arguments, true)))?;

    let postgres = phases.run("start PostgreSQL", Postgres::start)?;
    environment.push(("CRP_TEST_POSTGRES_URL", postgres.url().into()));
    environment.extend(corpus().map(|folder| ("CRPIPELINE_CORPUS", folder)));
    let web_environment = environment.clone();
    let ran = phases.run("run the tests", || runner.count(runner.command(runner_arguments, false).envs(environment)))?;
    if ran.failed > 0 {
        phases.mark_last_failed();
    }
    *counts = counts.plus(ran);
    drop(postgres);
    if runner_arguments.is_empty() {
        run_web(&web_environment, &[], phases, counts)?;
    } else {
        println!("Some tests were asked for, so those of the web app are left out; `cargo xtask web` runs them.");
    }
    Ok(())
}

fn run_web(environment: &[(&'static str, PathBuf)], arguments: &[String], phases: &mut Phases, counts: &mut Counts) -> Result<()> {
    phases.run("check the web app", web_app::check)?;
    let ran = phases.run("test the web app in a browser", || web_app::test(environment, arguments))?;
    if ran.failed > 0 {
        phases.mark_last_failed();
    }
    *counts = counts.plus(ran);
    Ok(())
}

/// Paths of programs that are not simply called by their name.
fn tools() -> Vec<(&'static str, PathBuf)> {
    let found = [
        ("CRP_PROMETHEUS", needs::program("prometheus")),
        ("CRP_PROMTOOL", needs::program("promtool")),
        ("CRP_ALERTMANAGER", needs::alertmanager()),
        ("CRP_AMTOOL", needs::program("amtool")),
        ("CRP_DOCKER_COMPOSE", needs::program("docker-compose")),
        ("CRP_CHROMIUM", needs::browser()),
    ];
    found
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
        .chain(python_tools::installed())
        .chain(npm_tools::installed())
        .collect()
}

/// Real scans with known texts, if this machine has them.
fn corpus() -> Option<PathBuf> {
    let folder = env::var_os("CRPIPELINE_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("SKIPPED: there is no corpus of real scans (CRPIPELINE_CORPUS is not set); the tests that read it print SKIPPED too");
    }
    folder
}

/// What runs the tests.
#[derive(Clone, Copy)]
enum Runner {
    Nextest,
    CargoTest,
}

impl Runner {
    fn find() -> Self {
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let in_cargo_home = cargo_home.is_some_and(|home| home.join("bin/cargo-nextest").is_file());
        if in_cargo_home || needs::program("cargo-nextest").is_some() {
            return Self::Nextest;
        }
        println!("cargo-nextest is not installed, so `cargo test` runs the tests: slower, without a time limit for each test");
        Self::CargoTest
    }

    /// The command that builds the tests, or builds and runs them.
    fn command(self, arguments: &[String], only_build: bool) -> Command {
        let mut command = cargo();
        match self {
            Self::Nextest => command.args(["nextest", "run"]),
            Self::CargoTest => command.args(["test", "--lib", "--bins", "--tests"]),
        };
        if !arguments.iter().any(|argument| argument == "-p" || argument.starts_with("--package")) {
            command.arg("--workspace");
        }
        if env::var_os("CI").is_some() {
            command.arg("--locked");
        }
        if only_build {
            command.arg("--no-run");
        } else {
            command.arg("--no-fail-fast");
            // Its stream goes through us, so it would take it for a file.
            if matches!(self, Self::Nextest) && stderr().is_terminal() {
                command.args(["--color", "always"]);
            }
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the tests, shows what they print, and counts.
    fn count(self, command: &mut Command) -> Result<Counts> {
        // Each of them writes its counts to another stream.
        match self {
            Self::Nextest => command.stderr(Stdio::piped()),
            Self::CargoTest => command.stdout(Stdio::piped()),
        };
        let mut running = interrupt::start(command)?;
        let (mut counts, mut seen) = (Counts::default(), false);
        let mut read = |line: &str, of: fn(&str) -> Option<Counts>| {
            if let Some(found) = of(line) {
                counts = counts.plus(found);
                seen = true;
            }
        };
        if let Some(stream) = running.child.stderr.take() {
            each_line(stream, |line| {
                eprintln!("{line}");
                read(line, test_results::of_nextest);
            })?;
        } else if let Some(stream) = running.child.stdout.take() {
            each_line(stream, |line| {
                println!("{line}");
                read(line, test_results::of_cargo_test);
            })?;
        }
        let status = running.wait()?;
        ensure!(seen, "the test runner {} and said nothing about tests", told(status));
        if !status.success() {
            counts.failed = counts.failed.max(1);
        }
        Ok(counts)
    }
}

fn each_line(stream: impl std::io::Read, mut tell: impl FnMut(&str)) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).context("reading from the test runner")? > 0 {
        tell(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Command) -> Vec<String> {
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn naming_a_package_replaces_the_whole_workspace() {
        let all = arguments(&Runner::Nextest.command(&[], false));
        assert!(all.contains(&"--workspace".to_owned()) && all.contains(&"--no-fail-fast".to_owned()));
        let one = arguments(&Runner::Nextest.command(&["-p".to_owned(), "crp-model".to_owned()], false));
        assert!(!one.contains(&"--workspace".to_owned()) && one.ends_with(&["-p".to_owned(), "crp-model".to_owned()]));
    }

    #[test]
    fn a_runner_that_fails_without_counts_is_an_error_not_a_run_without_tests() {
        let error = Runner::Nextest.count(Command::new("sh").args(["-c", "echo error: no such package >&2; exit 101"])).unwrap_err();
        assert!(error.to_string().contains("exit code 101"), "{error}");
    }

    #[test]
    fn a_runner_that_fails_after_its_summary_is_never_green() {
        let script = "echo '     Summary [   0.1s] 2 tests run: 2 passed, 0 skipped' >&2; exit 100";
        let counts = Runner::Nextest.count(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(counts, Counts { passed: 2, failed: 1, skipped: 0 });
    }
}
