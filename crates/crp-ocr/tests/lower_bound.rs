//! The processes of the benchmark's lower bound: they share the pages, wait for each other, and tell what recognition took.
#![cfg(target_os = "linux")]

mod support;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use support::pdf;

fn started(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_document-child"));
    command.arg("lower-bound").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn two_processes_recognise_each_page_once_and_only_when_they_are_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The first page", "the second page", "and the third page"]);
    let file = file.to_str().unwrap();
    let mut pages = Vec::new();
    for first in ["0", "1"] {
        let mut child = started(&["eng", first, "2", file]);
        let mut from = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(from.next().unwrap().unwrap(), "ready");
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let told: serde_json::Value = serde_json::from_str(&from.next().unwrap().unwrap()).unwrap();
        assert!(child.wait().unwrap().success());
        assert!(told["wall_seconds"].as_f64().unwrap() > 0.0 && told["cpu_seconds"].is_f64(), "{told}");
        pages.push(told["pages"].as_u64().unwrap());
    }
    assert_eq!(pages, [2, 1]);
}

#[test]
fn one_that_cannot_prepare_its_pages_says_why() {
    let output = started(&["eng", "0", "1", "/no/such/file.pdf"]).wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("/no/such/file.pdf cannot be read"), "{output:?}");
}
