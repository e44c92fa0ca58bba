//! A PostgreSQL of one test's own, durable as in production, which can be crashed and started again.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{is_root, programs};
use crate::{
    poll::{PATIENCE, until},
    programs::{output_of, skipped},
};

/// A server with a cluster of its own. Dropped, both are gone.
#[derive(Debug)]
pub struct OwnPostgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl OwnPostgres {
    /// A running server with the empty database `postgres`; says `SKIPPED` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skipped("PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("crp-postgres-").tempdir().expect("a folder for PostgreSQL");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a folder for its owner alone");
        if let Some((user, group)) = user() {
            chown(folder.path(), Some(user), Some(group)).expect("a folder of the user postgres");
        }
        let data = folder.path().join("data");
        let mut initdb = as_user(&programs.join("initdb"), folder.path());
        output_of(initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata"]).arg(data));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let mut own = Self { programs, folder, port, server: None };
        own.start_again().await;
        Some(own)
    }

    /// The URL of its database, which holds no secret.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Crashes it: every connection is cut, nothing more is written (`pg_ctl stop -m immediate`).
    ///
    /// # Panics
    /// If it does not end.
    pub async fn crash(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        signal(&server, Signal::QUIT);
        until("PostgreSQL to end", PATIENCE, async || server.try_wait().expect("it can be waited for")).await;
    }

    /// Starts it after a crash and waits until it takes logins.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start_again(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let mut postgres = as_user(&self.programs.join("postgres"), self.folder.path());
        postgres.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"] {
            postgres.args(["-c", setting]);
        }
        let streams = (log.try_clone().expect("a log"), log);
        let server = postgres.stdout(streams.0).stderr(streams.1).process_group(0).spawn().expect("PostgreSQL starts");
        self.server = Some(server);
        let is_ready = async || {
            let port = self.port.to_string();
            let mut asked = Command::new(self.programs.join("pg_isready"));
            let answer = asked.args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-p", &port]).status();
            answer.is_ok_and(|status| status.success()).then_some(())
        };
        until("PostgreSQL to answer", PATIENCE, is_ready).await;
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(&server, Signal::QUIT);
            let _ = server.wait();
        }
    }
}

fn signal(server: &Child, signal: Signal) {
    // It may have ended in this very moment.
    let _ = kill_process(Pid::from_child(server), signal);
}

/// PostgreSQL refuses to run as root; its package made a user for it.
fn user() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the user postgres");
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields[2].parse().expect("a number"), fields[3].parse().expect("a number")))
}

fn as_user(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    for variable in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE"] {
        command.env_remove(variable);
    }
    if let Some((user, group)) = user() {
        command.uid(user).gid(group);
    }
    command
}
