//! `deploy/systemd`: what systemd says about the units, and that the binary knows their commands and settings.

use std::{collections::BTreeMap, fs, process::Command};

use crp_testkit::programs;

use super::{Process, grace_seconds, repository, text};

const UNITS: [&str; 2] = ["crpipeline.service", "crpipeline-worker@.service"];

/// The lines `name=value` of a unit, in their order.
fn lines(unit: &str) -> Vec<(String, String)> {
    let text = text(&format!("deploy/systemd/{unit}"));
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The one value of a setting.
fn value(unit: &str, name: &str) -> String {
    let values: Vec<String> = lines(unit).into_iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
    let [value] = &values[..] else { panic!("{unit}: {name} has the values {values:?}") };
    value.clone()
}

/// Settings of the file for administrators: what is set, and with `examples` also what stands there as a comment.
fn settings(examples: bool) -> BTreeMap<String, String> {
    let text = text("deploy/systemd/crpipeline.env");
    let lines = text.lines().filter_map(|line| match line.strip_prefix('#') {
        Some(example) if examples && example.starts_with(|first: char| first.is_ascii_uppercase()) => Some(example),
        Some(_) => None,
        None => Some(line),
    });
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The processes of both units, with every example of the file of settings, or with none.
pub(super) fn processes(examples: bool) -> Vec<Process> {
    let of = |unit: &str| {
        let mut environment = settings(examples);
        let serve_arguments = environment.remove("SERVE_ARGUMENTS").unwrap_or_default();
        let (name, folder) = value(unit, "Environment").split_once('=').map(|(name, folder)| (name.to_owned(), folder.to_owned())).unwrap();
        environment.insert(name, folder);
        let command = value(unit, "ExecStart").replace("$SERVE_ARGUMENTS", &serve_arguments).replace("%i", "3");
        let mut words = command.split_whitespace().map(str::to_owned);
        assert_eq!(words.next().as_deref(), Some("/usr/bin/crpipeline"), "{unit}");
        Process { named: unit.to_owned(), arguments: words.collect(), environment }
    };
    UNITS.into_iter().map(of).collect()
}

#[tokio::test]
async fn the_binary_knows_what_the_units_tell_it() {
    let [serve, worker] = &processes(true)[..] else { panic!("two units") };
    assert_eq!((serve.arguments.join(" ")).as_str(), "serve --no-worker");
    assert_eq!((worker.arguments.join(" ")).as_str(), "worker --metrics-listen 127.0.0.1:9103");
    assert!(serve.environment.len() > 5, "the examples are read: {:?}", serve.environment);
    for process in [serve, worker] {
        process.expect_known().await;
    }
}

#[tokio::test]
async fn as_it_is_installed_it_serves_one_machine() {
    let serve = processes(false).remove(0);
    assert_eq!((serve.arguments, serve.environment.len()), (vec!["serve".to_owned()], 1), "nothing has to be set");
}

#[tokio::test]
async fn a_stop_reaches_the_process_that_hands_its_work_back_and_leaves_it_the_time() {
    for unit in UNITS {
        assert_eq!(value(unit, "KillMode"), "mixed", "{unit}: children that get the signal themselves fail their pages");
        assert_eq!(value(unit, "OOMPolicy"), "continue", "{unit}: one page too large does not end the server");
        assert!(value(unit, "TimeoutStopSec").parse::<u64>().unwrap() > grace_seconds().await, "{unit}");
        assert_eq!(value(unit, "Restart"), "on-failure", "{unit}");
        assert_eq!(value(unit, "RestartPreventExitStatus"), "2", "{unit}: the exit code of a wrong configuration");
    }
}

#[test]
fn both_units_are_locked_in_alike() {
    let locks = |unit: &str| {
        let lines = lines(unit);
        let first = lines.iter().position(|(name, _)| name == "NoNewPrivileges").expect("the first of them");
        lines[first..].to_vec()
    };
    assert_eq!(locks(UNITS[0]), locks(UNITS[1]));
    assert!(locks(UNITS[0]).len() > 25);
    // They keep what tells how much memory and how many processors there are: /proc/meminfo.
    assert!(!text("deploy/systemd/crpipeline.service").contains("ProcSubset="));
}

#[test]
fn systemd_finds_little_that_could_be_locked_further() {
    let Some(analyze) = programs::program("systemd-analyze") else { return };
    for unit in UNITS {
        let file = repository("deploy/systemd").join(unit);
        // In tenths: the worst is 100, and a unit without any lock has 96.
        programs::output_of(Command::new(&analyze).args(["security", "--no-pager", "--offline=true", "--threshold=20"]).arg(file));
    }
}

#[test]
fn the_user_of_the_units_is_made_with_its_folder() {
    let sysusers = text("deploy/systemd/crpipeline.sysusers");
    for unit in UNITS {
        let (user, folder) = (value(unit, "User"), format!("/var/lib/{}", value(unit, "StateDirectory")));
        let line = sysusers.lines().find(|line| line.starts_with(&format!("u {user} "))).unwrap_or_else(|| panic!("{unit}: {user}"));
        assert!(line.ends_with(&format!(" {folder}")), "{line}");
        assert_eq!(value(unit, "WorkingDirectory"), folder);
        assert_eq!(value(unit, "Environment"), format!("CRPIPELINE_DATA_DIR={folder}"));
    }
    assert!(fs::metadata(repository("deploy/systemd/crpipeline.env")).is_ok());
}
