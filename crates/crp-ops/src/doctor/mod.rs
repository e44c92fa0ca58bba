//! Looks at everything that crPipeline needs on this machine, and says what to do about what is missing. Changes nothing.

mod database;
mod engine;
mod folders;
mod http_engine;
mod intake;
mod ports;
mod storage;

use std::{net::SocketAddr, path::PathBuf};

use crp_metrics::Metrics;
use crp_model::{Code, Failure, SandboxRequirement};
use crp_objects::S3Settings;
use crp_ocr::ChildCommand;
use crp_store::{DataDirectoryLock, Database};
use serde::Serialize;

/// One look at one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: lower-case letters and underscores, stable.
    pub name: &'static str,
    /// How it is.
    pub outcome: Outcome,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it; `None` where nothing is to be done.
    pub remedy: Option<String>,
}

/// How a thing is. The order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// crPipeline works, less well or less safely.
    Warn,
    /// crPipeline does not work, or not for every document.
    Fail,
}

impl Check {
    /// All is well.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, found: found.into(), remedy: None }
    }

    /// It works, but.
    pub fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warn, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// It does not work.
    pub fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Fail, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// It does not work, as the failure tells.
    pub fn failed(name: &'static str, failure: &Failure) -> Self {
        Self::fail(name, failure.message.clone(), failure.remedy.clone())
    }
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The folder of everything that is kept on this machine.
    pub data_dir: PathBuf,
    /// The folder for temporary files.
    pub temp_dir: PathBuf,
    /// The watched folder, if there is to be one.
    pub watched_folder: Option<PathBuf>,
    /// The database.
    pub database: Database,
    /// The bucket; `None` for the folder of objects in the data directory.
    pub s3: Option<S3Settings>,
    /// How the process that reads documents is started.
    pub child: ChildCommand,
    /// How much the operator insists on the sandbox around documents.
    pub sandbox: SandboxRequirement,
    /// The addresses that a server would listen on.
    pub listeners: Vec<Listener>,
    /// Where the doors that are opened count; nobody scrapes them.
    pub metrics: Metrics,
}

pub use ports::likely_owner;

/// An address that a server would listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address.
    pub address: SocketAddr,
    /// The setting that changes it.
    pub setting: &'static str,
}

/// Looks at everything, in the order in which a start needs it.
pub async fn examine(subject: &Subject) -> Vec<Check> {
    let mut checks = vec![folders::data_dir(&subject.data_dir), folders::temp_dir(&subject.temp_dir)];
    checks.extend(subject.watched_folder.as_deref().map(intake::check));
    let (server, is_running) = server(subject);
    checks.push(server);
    let (database, mut languages) = database::check(&subject.database, &subject.metrics).await;
    checks.push(database);
    checks.push(storage::check(subject, &subject.metrics).await);
    if languages.is_empty() {
        languages.push("eng".to_owned());
    }
    checks.extend(engine::check(&subject.child, subject.sandbox, &languages).await);
    if let Some(engine) = &subject.child.http {
        checks.push(http_engine::check(engine).await);
    }
    checks.extend(subject.listeners.iter().map(|listener| ports::check(*listener, is_running)));
    checks
}

/// The worst of the outcomes.
pub fn worst(checks: &[Check]) -> Outcome {
    checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Ok)
}

/// Whether a server works on the data directory now.
fn server(subject: &Subject) -> (Check, bool) {
    const NAME: &str = "server";
    if !subject.data_dir.is_dir() {
        return (Check::ok(NAME, "No server has run on this data directory yet"), false);
    }
    match DataDirectoryLock::acquire(&subject.data_dir) {
        Ok(_released_at_once) => (Check::ok(NAME, "No server runs on this data directory"), false),
        Err(failure) if failure.code == Code::DataDirectoryInUse => {
            (Check::ok(NAME, format!("A server runs on this data directory: {}", failure.message)), true)
        }
        Err(failure) => (Check::failed(NAME, &failure), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides() {
        let (ok, warn, fail) = (Check::ok("a", "x"), Check::warn("b", "x", "y"), Check::fail("c", "x", "y"));
        assert_eq!(worst(&[]), Outcome::Ok);
        assert_eq!(worst(&[ok.clone(), warn.clone()]), Outcome::Warn);
        assert_eq!(worst(&[fail, ok, warn]), Outcome::Fail);
    }
}
