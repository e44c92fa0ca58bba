//! Every alert: Prometheus takes it, it fires and stays silent as its test says, its query fits the catalogue, its runbook tells its query.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crp_monitoring::{ALERTS, Alert, Settings, export, query};
use crp_testkit::programs;
use serde_json::Value;

/// The exported files, in a folder that stays for a look at it.
fn exported(name: &str) -> std::path::PathBuf {
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
    let tests = ALERTS.iter().map(|alert| format!("tests/{}.yml", alert.name));
    programs::output_of(Command::new(promtool).current_dir(folder).args(["test", "rules"]).args(tests));
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
