//! Tells the binary which source and compiler it was built from.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=CRPIPELINE_REVISION");
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for file in ["HEAD", "refs/heads"] {
        println!("cargo::rerun-if-changed={repository}/.git/{file}");
    }
    let given = std::env::var("CRPIPELINE_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = given.or_else(|| first_line(Command::new("git").args(["-C", repository, "rev-parse", "--short=12", "HEAD"])));
    println!("cargo::rustc-env=CRPIPELINE_REVISION={}", revision.as_deref().unwrap_or("unknown"));
    let compiler = std::env::var_os("RUSTC").and_then(|rustc| first_line(Command::new(rustc).arg("--version")));
    println!("cargo::rustc-env=CRPIPELINE_RUSTC={}", compiler.as_deref().unwrap_or("unknown"));
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}
