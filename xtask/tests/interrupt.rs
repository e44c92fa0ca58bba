//! Ctrl-C while the tests run: the runner and the database end, and the last line is still the closing line.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Plays cargo: builds at once, and then runs for ever; tells its process and the database's address.
const CARGO: &str = r#"#!/bin/sh
case "$*" in *--no-run*) exit 0 ;; esac
echo "running $$ $CRP_TEST_POSTGRES_URL"
exec sleep 600
"#;

fn interrupted_by(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL may run as another user, who has to get to its data in here.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();

    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["test", "--no-install"])
        .env("CARGO", &cargo)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(xtask.stdout.take().unwrap()).lines().map(Result::unwrap);
    let Some(running) = lines.by_ref().find(|line| line.starts_with("running ")) else {
        panic!("the tests never started: is PostgreSQL installed? `cargo xtask test` installs it");
    };
    let [_, runner, url] = running.split(' ').collect::<Vec<_>>()[..] else { panic!("{running}") };
    let database = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    assert!(TcpStream::connect(database).is_ok(), "the database answers while the tests run");

    kill_process(Pid::from_child(&xtask), signal).unwrap();
    let last = lines.last().unwrap();
    assert_eq!(xtask.wait().unwrap().code(), Some(130));
    assert_eq!(last, "0 passed, 1 failed");
    assert!(TcpStream::connect(database).is_err(), "the database is gone");
    let runner = Pid::from_raw(runner.parse().unwrap()).unwrap();
    assert!(test_kill_process(runner).is_err(), "the test runner is gone");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["cargo"], "no folder of the database stays behind");
}

#[test]
fn ctrl_c_ends_everything_that_was_started() {
    interrupted_by(Signal::INT);
}

#[test]
fn sigterm_ends_everything_that_was_started() {
    interrupted_by(Signal::TERM);
}
