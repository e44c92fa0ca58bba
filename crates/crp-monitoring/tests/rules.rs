//! Every alert: Prometheus takes it, it fires and stays silent as its test says, its query fits the catalogue, its runbook tells its query.

use std::{
    collections::BTreeSet,
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use crp_monitoring::{ALERTS, Alert, Settings, export, query};
use crp_testkit::programs;
use serde_json::Value;

/// The exported files, in a folder that stays for a look at it.
fn exported(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    export::write(&folder, &export::files(&Settings::default()), true).unwrap();
    folder
}

#[test]
fn prometheus_takes_the_rules() {
    let Some(promtool) = programs::program("promtool") else { return };
    let rules = exported("rules-checked").join("rules/crpipeline.yml");
    let said = programs::output_of(Command::new(promtool).args(["check", "rules"]).arg(rules));
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains(&format!("SUCCESS: {} rules found", ALERTS.len())), "{said}");
}

#[test]
fn every_alert_fires_stays_silent_and_resolves_as_its_test_says() {
    let Some(promtool) = programs::program("promtool") else { return };
    let folder = exported("rules-tested");
    // A file at a time on every processor: each evaluates all rules over hours.
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(alert) = ALERTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let test = format!("tests/{}.yml", alert.name);
            programs::output_of(Command::new(&promtool).current_dir(&folder).args(["test", "rules", &test]));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| (0..processors).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn every_query_fits_the_catalogue() {
    for alert in ALERTS {
        assert_eq!(query::faults(alert.expr), Vec::<String>::new(), "{}", alert.name);
    }
}

#[test]
fn no_alert_needs_the_bare_name_of_a_histogram() {
    for selector in ALERTS.iter().flat_map(|alert| query::selectors(alert.expr).unwrap()) {
        assert!(!["stage_duration_seconds", "ocr_duration_seconds"].contains(&selector.metric.as_str()), "{selector:?}");
    }
}

#[test]
fn what_an_alert_says_names_only_labels_that_its_result_has() {
    for alert in ALERTS {
        let labels = query::result_labels(alert.expr).unwrap();
        for text in [alert.summary, alert.description, alert.first_step] {
            for (at, start) in text.match_indices("$labels.") {
                let label: String = text[at + start.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(labels.contains(&label), "{} has no label {label}", alert.name);
            }
        }
    }
}

#[test]
fn texts_of_an_alert_are_single_lines_and_sentences_where_they_should_be() {
    for Alert { name, summary, description, first_step, .. } in ALERTS {
        for text in [summary, description, first_step] {
            assert!(!text.contains('\n') && text.trim() == *text && !text.contains("  "), "{name}: {text:?}");
        }
        assert!(!summary.ends_with('.') && description.ends_with('.') && first_step.ends_with('.'), "{name}");
    }
}

#[test]
fn names_are_unique_and_are_ours() {
    let names: BTreeSet<&str> = ALERTS.iter().map(|alert| alert.name).collect();
    assert_eq!(names.len(), ALERTS.len());
    assert!(names.iter().all(|name| name.starts_with("Crpipeline")), "{names:?}");
}

#[test]
fn every_runbook_tells_its_severity_its_query_and_what_to_do() {
    for alert in ALERTS {
        let runbook = alert.runbook;
        let name = alert.name;
        assert_eq!(runbook.lines().next(), Some(format!("# {name}").as_str()));
        assert!(runbook.contains(&format!("Severity: **{}**", alert.severity.as_str())), "{name}: severity");
        assert!(runbook.contains(&format!("```promql\n{}\n```\n", alert.expr)), "{name}: the query is another");
        let headings: Vec<&str> = runbook.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"], "{name}");
        let lines = runbook.lines().count();
        assert!((20..=70).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn every_query_in_a_runbook_fits_the_catalogue() {
    for alert in ALERTS {
        let queries: Vec<&str> =
            alert.runbook.split("```promql\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(q, _)| q).collect();
        for text in queries.iter().skip(1).flat_map(|block| block.lines()).filter(|line| !line.is_empty()) {
            assert_eq!(query::faults(text), Vec::<String>::new(), "{}: {text}", alert.name);
        }
    }
}

#[test]
fn every_file_belongs_to_an_alert_and_the_index_names_each() {
    let names: BTreeSet<String> = ALERTS.iter().map(|alert| alert.name.to_owned()).collect();
    let monitoring = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring");
    let stems = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(monitoring.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).filter(|stem| stem != "README").collect()
    };
    assert_eq!(stems("runbooks"), names);
    assert_eq!(stems("tests"), names);

    let index = fs::read_to_string(monitoring.join("runbooks/README.md")).unwrap();
    let rows: Vec<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
    let beginnings = ALERTS.iter().map(|alert| format!("| [{0}]({0}.md) | {1} |", alert.name, alert.severity.as_str()));
    for (row, beginning) in rows.iter().zip(beginnings) {
        assert!(row.starts_with(&beginning), "{row}\nshould begin with {beginning}");
    }
    assert_eq!(rows.len(), ALERTS.len());
}

#[test]
fn every_test_sees_its_alert_fire_and_stay_silent_beside_other_exporters() {
    for alert in ALERTS {
        let file: Value = serde_saphyr::from_str(alert.test).unwrap_or_else(|error| panic!("{}: {error}", alert.name));
        assert_eq!(file["rule_files"], serde_json::json!(["../rules/crpipeline.yml"]), "{}", alert.name);
        let cases = file["tests"].as_array().unwrap();
        let checks: Vec<&Value> = cases.iter().flat_map(|case| case["alert_rule_test"].as_array().unwrap()).collect();
        assert!(checks.iter().all(|check| check["alertname"] == alert.name), "{}: tests another alert", alert.name);
        let expected = |check: &Value| check["exp_alerts"].as_array().map_or(0, Vec::len);
        assert!(checks.iter().any(|check| expected(check) > 0), "{} never fires in its test", alert.name);
        assert!(checks.iter().any(|check| expected(check) == 0), "{} is never silent in its test", alert.name);
        assert!(alert.test.contains(r#"job="node", instance="other:9100""#), "{}: no node exporter beside", alert.name);
    }
}

/// What runbooks quote of the log; each is in the code as it is here.
const QUOTED_FROM_THE_LOG: [&str; 11] = [
    "A defect in crPipeline",
    "A lease expired; the task was taken back from a lost worker",
    "Leases could not be renewed",
    "No task could be claimed",
    "Starting crPipeline",
    "Stopping; running work is finished or handed back",
    "The heartbeat could not be written",
    "could not be read",
    "task failed",
    "the database failed",
    "port_in_use",
];

#[test]
fn what_runbooks_quote_of_the_log_is_in_the_code() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = ["crp-model", "crp-store", "crp-web", "crp-worker", "crpipeline"].map(|name| texts_below(&crates.join(name).join("src")));
    for quoted in QUOTED_FROM_THE_LOG {
        assert!(ALERTS.iter().any(|alert| alert.runbook.contains(quoted)), "no runbook quotes {quoted:?} any more");
        assert!(sources.iter().flatten().any(|text| text.contains(quoted)), "nothing logs {quoted:?} any more");
    }
}

fn texts_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { texts_below(&path) } else { vec![fs::read_to_string(path).unwrap_or_default()] }).collect()
}

#[test]
fn settings_codes_and_commands_in_runbooks_exist() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |path: &str| fs::read_to_string(docs.join(path)).unwrap();
    let (settings, codes, commands) =
        (read("reference/configuration.md"), read("reference/failure-codes.md"), read("manual/command-line.md"));
    for alert in ALERTS {
        for setting in words(alert.runbook, "CRPIPELINE_") {
            assert!(settings.contains(&format!("`{setting}`")), "{}: there is no setting {setting}", alert.name);
        }
        for code in words(alert.runbook, "code=\"").into_iter().map(|word| word.replace("code=\"", "")) {
            assert!(codes.contains(&format!("`{code}`")), "{}: there is no code {code}", alert.name);
        }
        for command in alert.runbook.split(['`', '\n']).filter_map(|text| text.strip_prefix("crpipeline ")) {
            let command = command.split_whitespace().next().unwrap_or_default();
            assert!(command == "--version" || commands.contains(&format!("`{command}")), "{}: there is no command {command}", alert.name);
        }
    }
}

/// Every word of letters, digits and underscores that begins like this.
fn words(text: &str, beginning: &str) -> BTreeSet<String> {
    let ends = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    text.match_indices(beginning).map(|(at, _)| text[at..at + beginning.len() + ends(&text[at + beginning.len()..])].to_owned()).collect()
}
