//! Every alert: Prometheus takes it, it fires and stays silent as its test says, its query fits the catalogue.

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
fn every_test_is_about_its_alert_beside_other_exporters() {
    for alert in ALERTS {
        let file: Value = serde_saphyr::from_str(alert.test).unwrap_or_else(|error| panic!("{}: {error}", alert.name));
        assert_eq!(file["rule_files"], serde_json::json!(["../rules/crpipeline.yml"]), "{}", alert.name);
        let cases = file["tests"].as_array().unwrap();
        let checks: Vec<&Value> = cases.iter().flat_map(|case| case["alert_rule_test"].as_array().unwrap()).collect();
        assert!(checks.iter().all(|check| check["alertname"] == alert.name), "{}: tests another alert", alert.name);
        assert!(!checks.is_empty(), "{}: nothing is looked at", alert.name);
        assert!(alert.test.contains(r#"job="node", instance="other:9100""#), "{}: no node exporter beside", alert.name);
    }
}

#[test]
fn every_test_follows_one_story_from_silence_to_the_alert_and_back_to_silence() {
    for alert in ALERTS {
        let file: Value = serde_saphyr::from_str(alert.test).unwrap();
        let cases = file["tests"].as_array().unwrap();
        assert!(cases.iter().any(resolves), "{}: no case sees it silent, firing, and silent again", alert.name);
    }
}

#[test]
fn every_alert_fires_and_resolves_where_scrapes_are_a_minute_apart() {
    for alert in ALERTS {
        let file: Value = serde_saphyr::from_str(alert.test).unwrap();
        let mut cases = file["tests"].as_array().unwrap().iter().filter(|case| case["interval"] == "1m");
        assert!(cases.any(resolves), "{}: no case with an interval of 1m sees it fire and end", alert.name);
    }
}

/// Whether the case, over its one input, sees the alert silent, then firing, then silent again.
fn resolves(case: &Value) -> bool {
    let checks = case["alert_rule_test"].as_array().unwrap().iter();
    let mut seen: Vec<(u64, bool)> = checks.map(|check| (seconds(check["eval_time"].as_str().unwrap()), fires(check))).collect();
    seen.sort_unstable();
    let mut told: Vec<bool> = seen.into_iter().map(|(_, fires)| fires).collect();
    told.dedup();
    told.windows(3).any(|three| three == [false, true, false])
}

fn fires(check: &Value) -> bool {
    check["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty())
}

/// A time of promtool, such as `1h9m45s`, in seconds.
fn seconds(time: &str) -> u64 {
    let parts = time.split_inclusive(|c: char| c.is_ascii_alphabetic()).map(|part| part.split_at(part.len() - 1));
    let in_seconds = |unit: &str| match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => panic!("{time}: no unit {unit}"),
    };
    parts.map(|(number, unit)| number.parse::<u64>().expect(time) * in_seconds(unit)).sum()
}
