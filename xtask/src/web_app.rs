//! The web app in `ui`: its packages, its build, its checks, and its tests in a real browser.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    interrupt, needs,
    run::{run, shown, told},
    test_results::Counts,
    workspace::{self, root, target},
};

/// The oldest Node that its build tools run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Builds the app, where Node is there; the server says how to build it when it is not.
pub(crate) fn build_if_possible() -> Result<()> {
    match node_version() {
        Some(version) if version >= OLDEST_NODE => build(),
        found => {
            let found = found.map_or("is not installed".to_owned(), |(major, minor)| format!("is {major}.{minor}"));
            println!(
                "Node.js {found}; the web app needs {}.{} or newer and is not built. The server runs without it.",
                OLDEST_NODE.0, OLDEST_NODE.1
            );
            Ok(())
        }
    }
}

/// Installs the packages that the lock file names, and builds, unless what is built is newer than everything it is made of.
pub(crate) fn build() -> Result<()> {
    if is_built()? {
        println!("The web app is built already.");
        return Ok(());
    }
    install()?;
    run(npm()?.args(["run", "--silent", "build"]))
}

fn is_built() -> Result<bool> {
    let Ok(built) = fs::metadata(folder().join("dist/index.html")).and_then(|file| file.modified()) else { return Ok(false) };
    let mut newest = built;
    let sources = workspace::files(&root())?.into_iter().filter(|file| file.starts_with("ui") || file.starts_with("examples/documents"));
    for file in sources {
        newest = newest.max(fs::metadata(root().join(&file)).and_then(|file| file.modified()).with_context(|| file.display().to_string())?);
    }
    Ok(newest == built)
}

/// Types, lint, and whether the client is the one that the OpenAPI document makes.
pub(crate) fn check() -> Result<()> {
    for script in ["check", "lint", "client:check"] {
        run(npm()?.args(["run", "--silent", script]))?;
    }
    Ok(())
}

/// The tests of its modules and those in a browser, against the binary; what they said is printed, what they counted returned.
pub(crate) fn test(environment: &[(&'static str, PathBuf)], arguments: &[String]) -> Result<Counts> {
    let units = counted("vitest", &["run", "--reporter=default", "--reporter=json"], &[], environment, of_vitest)?;
    let mut playwright: Vec<&str> = vec!["test", "--reporter=list,json"];
    playwright.extend(arguments.iter().map(String::as_str));
    let journeys = counted("playwright", &playwright, &[("CRP_BINARY", target().join("debug/crpipeline"))], environment, of_playwright)?;
    Ok(units.plus(journeys))
}

/// Runs a test runner of the app and reads the counts from the report that it leaves.
fn counted(
    program: &str,
    arguments: &[&str],
    own: &[(&'static str, PathBuf)],
    environment: &[(&'static str, PathBuf)],
    read: fn(&str) -> Result<Counts>,
) -> Result<Counts> {
    let report = target().join("ui").join(format!("{program}.json"));
    fs::create_dir_all(target().join("ui")).context("making the folder of the reports")?;
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("removing {}", report.display()))?;
    }
    let mut command = Command::new(folder().join("node_modules/.bin").join(program));
    command.args(arguments).current_dir(folder()).envs(environment.iter().chain(own).map(|(name, value)| (name, value)));
    match program {
        "vitest" => command.arg(format!("--outputFile.json={}", report.display())),
        _ => command.env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report),
    };
    let status = interrupt::start(&mut command)?.wait()?;
    let text = fs::read_to_string(&report).with_context(|| format!("`{}` {} and left no report", shown(&command), told(status)))?;
    let mut counts = read(&text).with_context(|| format!("reading {}", report.display()))?;
    if !status.success() {
        counts.failed = counts.failed.max(1);
    }
    Ok(counts)
}

fn of_vitest(text: &str) -> Result<Counts> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        num_passed_tests: u64,
        num_failed_tests: u64,
        num_pending_tests: u64,
    }
    let report: Report = serde_json::from_str(text)?;
    Ok(Counts { passed: report.num_passed_tests, failed: report.num_failed_tests, skipped: report.num_pending_tests })
}

fn of_playwright(text: &str) -> Result<Counts> {
    #[derive(Deserialize)]
    struct Report {
        stats: Stats,
    }
    #[derive(Deserialize)]
    struct Stats {
        expected: u64,
        unexpected: u64,
        flaky: u64,
        skipped: u64,
    }
    let Report { stats } = serde_json::from_str(text)?;
    // A test that passes only when it is tried again has not passed.
    Ok(Counts { passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped })
}

/// Installs the packages once for each state of the lock file.
pub(crate) fn install() -> Result<()> {
    let lock = fs::read_to_string(folder().join("package-lock.json")).context("reading the lock file of the web app")?;
    let ready = folder().join("node_modules/.installed-lock.json");
    if fs::read_to_string(&ready).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(npm()?.args(["ci", "--loglevel=error"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    // Written last: an installation that was cut short is made anew.
    fs::write(&ready, lock).context("marking the packages of the web app as installed")
}

fn folder() -> PathBuf {
    root().join("ui")
}

fn npm() -> Result<Command> {
    let Some(program) = needs::program("npm") else { bail!("npm is not on the search path; install Node.js 20.19 or newer") };
    let mut command = Command::new(program);
    command.current_dir(folder());
    Ok(command)
}

/// Major and minor version of Node, if it and npm are there.
fn node_version() -> Option<(u32, u32)> {
    needs::program("npm")?;
    version_of(&needs::program("node")?)
}

fn version_of(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert_eq!(parse_version("v20.20.2\n"), Some((20, 20)));
        assert!(parse_version("v18.19.0").unwrap() < OLDEST_NODE);
        assert!(parse_version("v22.1.0").unwrap() > OLDEST_NODE);
        assert_eq!(parse_version("none"), None);
    }

    #[test]
    fn a_flaky_test_counts_as_failed() {
        let counts = of_playwright(r#"{"stats":{"expected":5,"unexpected":1,"flaky":2,"skipped":3,"duration":1.5}}"#).unwrap();
        assert_eq!(counts, Counts { passed: 5, failed: 3, skipped: 3 });
        let counts = of_vitest(r#"{"numPassedTests":4,"numFailedTests":1,"numPendingTests":2,"success":false}"#).unwrap();
        assert_eq!(counts, Counts { passed: 4, failed: 1, skipped: 2 });
    }

    #[test]
    fn the_lock_file_names_no_registry_and_every_version_is_exact() {
        let text = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
        let lock = text("package-lock.json");
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
        assert!(!text("package.json").contains('^') && text(".npmrc").contains("omit-lockfile-registry-resolved=true"));
    }
}
