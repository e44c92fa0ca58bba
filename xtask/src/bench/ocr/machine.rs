//! What it was measured on and when, for whoever reads the figures later.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::{results::Machine, tools::first_line};
use crate::workspace::root;

/// The machine as it is now.
pub(in crate::bench) fn facts() -> Result<Machine> {
    let file = |path: &str| fs::read_to_string(path).with_context(|| format!("reading {path}"));
    let load = file("/proc/loadavg")?;
    Ok(Machine {
        processor: value(&file("/proc/cpuinfo")?, "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mebibytes: value(&file("/proc/meminfo")?, "MemTotal", ':')
            .and_then(|kibibytes| kibibytes.split(' ').next()?.parse::<u64>().ok())
            .map_or(0, |kibibytes| kibibytes / 1024),
        system: value(&file("/etc/os-release")?, "PRETTY_NAME", '=')
            .map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned()),
        load_at_start: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
    })
}

/// The value of the first line `name SEPARATOR value`.
fn value(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The day, in UTC.
pub(in crate::bench) fn today() -> Result<String> {
    first_line(Command::new("date").args(["-u", "+%F"]))
}

/// The commit that is checked out, with a `+` where files have changed since; empty outside of a repository.
pub(in crate::bench) fn commit() -> String {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(root()).output();
    let text = |output: std::process::Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(commit) = git(&["rev-parse", "--short=12", "HEAD"]).map(text) else { return String::new() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_ok_and(|output| !output.stdout.is_empty());
    if changed { commit + "+" } else { commit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let text = "model\t\t: 7\nmodel name\t: A processor\nMemTotal:  2048 kB\n";
        assert_eq!(value(text, "model name", ':').as_deref(), Some("A processor"));
        assert_eq!(value(text, "MemTotal", ':').as_deref(), Some("2048 kB"));
        assert_eq!(value(text, "Mem", ':'), None);
    }
}
