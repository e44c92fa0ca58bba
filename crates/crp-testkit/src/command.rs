//! Runs the binary as a command, in an environment of its own, with an end to the patience.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;

use crate::poll::PATIENCE;

/// What a command did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ran {
    /// The lines of `--json`.
    ///
    /// # Panics
    /// If a line is not JSON.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}\n{}", self.stderr))).collect()
    }
}

/// The binary, to be run in a folder.
#[derive(Clone, Debug)]
pub struct CommandLine {
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl CommandLine {
    /// Commands of `program` in `folder`, which is also their home and their folder for temporary files.
    pub fn new(program: &str, folder: &Path) -> Self {
        Self { program: program.into(), folder: folder.to_owned(), environment: Vec::new() }
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The command, not started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        clean(command.as_std_mut());
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        command.env("HOME", &self.folder).env("TMPDIR", &self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started or does not end.
    pub async fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        let output = tokio::time::timeout(PATIENCE, self.command(arguments).output()).await;
        let output = output.expect("the command ends").expect("the binary can be started");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Takes away the settings of whoever runs the tests.
pub(crate) fn clean(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CRPIPELINE_") || text.starts_with("AWS_") || text.starts_with("S3_") || text.starts_with("DATABASE_URL") {
            command.env_remove(&name);
        }
    }
}
