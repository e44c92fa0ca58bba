//! What Grafana finds in the dashboard files: the structure that 9.5 and today's versions both load, and queries that mean something.

use std::collections::BTreeSet;

use crp_monitoring::{
    dashboards::{DASHBOARDS, DATA_SOURCE_UID, Dashboard, Look},
    export, query,
};
use serde_json::Value;

/// Options of panels that Grafana 9.5 knows and today's versions still have, by where they stand.
const KNOWN: [(&str, &[&str]); 5] = [
    ("", &["id", "type", "title", "description", "gridPos", "datasource", "targets", "fieldConfig", "options", "collapsed", "panels"]),
    ("/fieldConfig/defaults", &["unit", "min", "decimals", "color", "custom", "mappings", "thresholds"]),
    (
        "/fieldConfig/defaults/custom",
        &[
            "drawStyle",
            "lineInterpolation",
            "lineWidth",
            "fillOpacity",
            "showPoints",
            "pointSize",
            "spanNulls",
            "axisPlacement",
            "stacking",
        ],
    ),
    ("/options", &["legend", "tooltip", "reduceOptions", "colorMode", "graphMode", "justifyMode", "textMode", "orientation"]),
    ("/targets/0", &["refId", "datasource", "expr", "legendFormat", "editorMode", "range", "instant"]),
];

fn parsed(dashboard: &Dashboard) -> Value {
    serde_json::from_str(&dashboard.json()).expect("JSON")
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().collect()
}

#[test]
fn the_dashboard_of_the_page_has_its_title_its_five_panels_and_its_legends_in_their_order() {
    let page = parsed(DASHBOARDS.iter().find(|one| one.file == "metrics.json").expect("the page's dashboard"));
    assert_eq!(page["title"], "crPipeline Metrics");
    let told: Vec<(&str, &str)> = panels(&page)
        .into_iter()
        .map(|one| (one["title"].as_str().unwrap(), one["targets"][0]["legendFormat"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("Stage Duration", "{{stage}}"),
            ("Jobs Processed", "{{status}}"),
            ("S3 Errors", "{{operation}}"),
            ("OCR Duration", "{{engine}}"),
            ("Login Failures", "{{reason}}"),
        ]
    );
    for panel in panels(&page) {
        assert_eq!(panel["type"], "timeseries");
        for target in panel["targets"].as_array().unwrap() {
            let rest = target["expr"].as_str().unwrap().replace("$__rate_interval", "");
            assert!(!rest.contains('$'), "a rule made from the panel could not fill in {rest}");
        }
    }
}

#[test]
fn files_have_what_grafana_needs_and_nothing_that_one_of_its_versions_does_not_know() {
    let mut uids = BTreeSet::new();
    for dashboard in DASHBOARDS {
        let json = parsed(dashboard);
        let uid = json["uid"].as_str().unwrap();
        assert!(uids.insert(uid.to_owned()) && uid.len() <= 40 && uid.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{uid}");
        assert_eq!(json["schemaVersion"], 38, "the schema of Grafana 9.5");
        assert!(json.get("id").is_none(), "the number in a database is not ours to choose");
        let variables = json["templating"]["list"].as_array().unwrap();
        assert_eq!((variables.len(), &variables[0]["type"], &variables[0]["name"]), (1, &"datasource".into(), &"datasource".into()));
        for panel in panels(&json) {
            let kind = panel["type"].as_str().unwrap();
            assert!(["timeseries", "stat", "row"].contains(&kind), "{kind}");
            for (place, known) in KNOWN {
                for name in panel.pointer(place).and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys) {
                    assert!(known.contains(&name.as_str()), "{}: {place}/{name}", panel["title"]);
                }
            }
            if kind != "row" {
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
            }
        }
    }
}

#[test]
fn panels_have_a_place_of_their_own_within_the_grid() {
    for dashboard in DASHBOARDS {
        let json = parsed(dashboard);
        let (mut taken, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels(&json) {
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(at("w") >= 3 && at("h") >= 1 && at("x") + at("w") <= 24, "{}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{}: {} lies over another", dashboard.title, panel["title"]);
                }
            }
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{} has the number of another", panel["title"]);
        }
    }
}

#[test]
fn every_panel_asks_something_explains_itself_and_can_tell_its_lines_apart() {
    for dashboard in DASHBOARDS {
        let mut titles = BTreeSet::new();
        for panel in dashboard.panels() {
            let title = panel.title;
            assert!(titles.insert(title), "two panels are called {title}");
            assert!(!panel.queries.is_empty() && panel.description.ends_with('.'), "{title}");
            let legends: BTreeSet<_> = panel.queries.iter().map(|query| query.legend).collect();
            assert_eq!(legends.len(), panel.queries.len(), "{title}: two queries have one legend");
            for query in panel.queries {
                assert_eq!(query::faults(query.expr), Vec::<String>::new(), "{title}: {}", query.expr);
                // What a legend does not name would give two lines the same name.
                let labels = query::result_labels(query.expr).unwrap();
                for label in &labels {
                    assert!(query.legend.contains(&format!("{{{{{label}}}}}")), "{title}: the legend does not tell {label} apart");
                }
                let named = query.legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap());
                named.for_each(|label| assert!(labels.contains(label), "{title}: no line has the label {label}"));
            }
            let one_number = matches!(panel.look, Look::Number { .. });
            assert!(!one_number || panel.size.1 <= 5, "{title}: a number needs little room");
        }
    }
}

#[test]
fn neither_panels_nor_rules_use_the_bare_names_of_histograms() {
    let exprs = DASHBOARDS.iter().flat_map(Dashboard::panels).flat_map(|panel| panel.queries).map(|query| query.expr);
    for expr in exprs.chain(crp_monitoring::ALERTS.iter().map(|alert| alert.expr)) {
        for selector in query::selectors(expr).unwrap() {
            assert!(!["stage_duration_seconds", "ocr_duration_seconds"].contains(&selector.metric.as_str()), "{expr}");
        }
    }
}

#[test]
fn the_provisioned_data_source_has_the_fixed_name_and_is_the_default() {
    let files = export::files(&crp_monitoring::Settings::default());
    let source = files.iter().find(|file| file.path == "grafana/provisioning/datasources/prometheus.yaml").expect("a data source");
    assert!(source.contents.contains(&format!("uid: {DATA_SOURCE_UID}")), "{}", source.contents);
    assert!(source.contents.contains("isDefault: true"), "{}", source.contents);
}
