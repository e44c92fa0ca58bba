//! The files of `deploy` against the binary that they start: commands, variables, secrets, time to stop, versions.

mod compose;
mod kubernetes;
mod packages;
mod started;
mod systemd;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use crp_testkit::CommandLine;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// A path of the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document of a YAML file.
fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().unwrap_or_else(|| panic!("{item} is no text"))).collect()
}

/// What stands in the file of a secret.
fn secret(name: &str) -> String {
    let value = if name.contains("database-url") { "postgres://crpipeline:a@localhost/crpipeline" } else { "a secret for a test" };
    value.to_owned()
}

/// A process as a file of `deploy` starts it.
struct Process {
    /// For messages.
    named: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl Process {
    /// The binary in a folder, with this environment; the secrets that it names are files there.
    fn command_line(&self, folder: &tempfile::TempDir) -> CommandLine {
        let mut line = CommandLine::new(BINARY, folder.path());
        for (name, value) in &self.environment {
            let value = if name.ends_with("_FILE") {
                let file = folder.path().join(name);
                fs::write(&file, secret(value)).unwrap();
                file.display().to_string()
            } else {
                value.clone()
            };
            line = line.env(name, value);
        }
        line
    }

    /// Asks the binary whether it knows all of it.
    async fn expect_known(&self) {
        let folder = tempfile::tempdir().unwrap();
        let line = self.command_line(&folder);
        let mut with_help = self.arguments.clone();
        with_help.push("--help".to_owned());
        let help = line.run(&with_help).await;
        assert_eq!(help.code, Some(0), "{} {:?}: {}", self.named, self.arguments, help.stderr);
        let known = known_variables().await;
        for name in self.environment.keys() {
            assert!(known.contains(name), "{}: the binary knows no variable {name}", self.named);
        }
        let checked = line.run(&["config", "check"]).await;
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", self.named);
    }
}

/// Every variable of the environment that is a setting.
async fn known_variables() -> BTreeSet<String> {
    let rows = settings().await;
    let names = rows.iter().map(|row| row["environment"].as_str().unwrap().to_owned());
    names.flat_map(|name| [format!("{name}_FILE"), name]).collect()
}

/// What `config show` says of a binary that was told nothing.
async fn settings() -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let shown = CommandLine::new(BINARY, folder.path()).run(&["config", "show", "--json"]).await;
    serde_json::from_str(&shown.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown.stderr))
}

/// Seconds that a process takes at most to hand its work back, if nobody says otherwise.
async fn grace_seconds() -> u64 {
    let rows = settings().await;
    let row = rows.iter().find(|row| row["setting"] == "server.shutdown_grace_seconds").expect("the setting");
    row["value"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_misspelt_variable_or_flag_would_be_found() {
    let process = |argument: &str, variable: &str| Process {
        named: "a misspelt one".to_owned(),
        arguments: vec!["serve".to_owned(), argument.to_owned()],
        environment: BTreeMap::from([(variable.to_owned(), "1".to_owned())]),
    };
    process("--worker-slots=1", "CRPIPELINE_MAX_PAGES").expect_known().await;
    for wrong in [process("--worker-slot=1", "CRPIPELINE_MAX_PAGES"), process("--worker-slots=1", "CRPIPELINE_MAX_PAGE")] {
        assert!(tokio::spawn(async move { wrong.expect_known().await }).await.is_err());
    }
}
