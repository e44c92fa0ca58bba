//! What Grafana finds in the dashboard files: the structure that 9.5 and today's versions both load, and queries that mean something.

use std::collections::{BTreeMap, BTreeSet};

use crp_monitoring::{
    dashboards::{DASHBOARDS, DATA_SOURCE_UID, Dashboard, Look},
    export, query,
};
use serde_json::Value;

/// What stands in a dashboard beside its panels; Grafana 9.5 knows all of it and today's versions still do. `*` is any item.
const OF_DASHBOARD: &str = "
    uid title description tags/* schemaVersion version editable graphTooltip timezone refresh time/from time/to timepicker
    annotations/list links/*/type links/*/title links/*/tags/* links/*/asDropdown links/*/includeVars links/*/keepTime
    links/*/targetBlank links/*/icon links/*/tooltip links/*/url templating/list/*/type templating/list/*/name
    templating/list/*/label templating/list/*/query templating/list/*/regex templating/list/*/current/selected
    templating/list/*/current/text templating/list/*/current/value templating/list/*/hide templating/list/*/refresh
    templating/list/*/multi templating/list/*/includeAll templating/list/*/options templating/list/*/skipUrlSync";

/// The same for a panel that is a heading.
const OF_ROW: &str = "id type title gridPos/x gridPos/y gridPos/w gridPos/h collapsed panels";

/// The same for every panel that shows something; `mappings` may be empty or not.
const OF_PANEL: &str = "
    id type title description gridPos/x gridPos/y gridPos/w gridPos/h datasource/type datasource/uid
    targets/*/refId targets/*/datasource/type targets/*/datasource/uid targets/*/expr targets/*/legendFormat
    targets/*/editorMode targets/*/range targets/*/instant fieldConfig/overrides fieldConfig/defaults/unit
    fieldConfig/defaults/min fieldConfig/defaults/decimals fieldConfig/defaults/color/mode fieldConfig/defaults/mappings
    fieldConfig/defaults/thresholds/mode fieldConfig/defaults/thresholds/steps/*/color
    fieldConfig/defaults/thresholds/steps/*/value";

/// What a time series has beside that.
const OF_TIMESERIES: &str = "
    fieldConfig/defaults/custom/drawStyle fieldConfig/defaults/custom/lineInterpolation fieldConfig/defaults/custom/lineWidth
    fieldConfig/defaults/custom/fillOpacity fieldConfig/defaults/custom/showPoints fieldConfig/defaults/custom/pointSize
    fieldConfig/defaults/custom/spanNulls fieldConfig/defaults/custom/axisPlacement fieldConfig/defaults/custom/stacking/mode
    fieldConfig/defaults/custom/stacking/group options/legend/displayMode options/legend/placement options/legend/showLegend
    options/legend/calcs options/tooltip/mode options/tooltip/sort";

/// What a single number has beside that. The names below the options of a mapping are the values that are mapped.
const OF_STAT: &str = "
    fieldConfig/defaults/custom fieldConfig/defaults/mappings/*/type fieldConfig/defaults/mappings/*/options/*/text
    fieldConfig/defaults/mappings/*/options/*/index options/reduceOptions/calcs/* options/reduceOptions/fields
    options/reduceOptions/values options/colorMode options/graphMode options/justifyMode options/textMode options/orientation";

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
fn files_have_what_grafana_needs() {
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
            if kind != "row" {
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
                let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
                assert!(!unit.is_empty(), "{} has no unit", panel["title"]);
            }
        }
    }
}

/// Where every value stands that has nothing below it; items of a list and values that are mapped stand at `*`.
fn paths(at: &str, value: &Value, found: &mut BTreeSet<String>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
    match value {
        Value::Object(members) if !members.is_empty() => {
            let is_mapped = at.ends_with("mappings/*/options");
            members.iter().for_each(|(name, member)| paths(&below(if is_mapped { "*" } else { name }), member, found));
        }
        Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| paths(&below("*"), item, found)),
        _ => drop(found.insert(at.to_owned())),
    }
}

#[test]
fn nothing_is_in_the_files_that_grafana_9_5_or_todays_does_not_know() {
    let of_timeseries = [OF_PANEL, OF_TIMESERIES].concat();
    let of_stat = [OF_PANEL, OF_STAT].concat();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dashboard in DASHBOARDS {
        let mut json = parsed(dashboard);
        let panels = json.as_object_mut().unwrap().remove("panels").unwrap();
        paths("", &json, found.entry("dashboard".to_owned()).or_default());
        for panel in panels.as_array().unwrap() {
            paths("", panel, found.entry(panel["type"].as_str().unwrap().to_owned()).or_default());
        }
    }
    let known = [("dashboard", OF_DASHBOARD), ("row", OF_ROW), ("timeseries", &of_timeseries), ("stat", &of_stat)];
    assert_eq!(found.keys().map(String::as_str).collect::<BTreeSet<_>>(), known.iter().map(|(kind, _)| *kind).collect());
    for (kind, known) in known {
        let known: BTreeSet<String> = known.split_whitespace().map(str::to_owned).collect();
        assert_eq!(found[kind].difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "{kind}: not known to have");
        assert_eq!(known.difference(&found[kind]).collect::<Vec<_>>(), Vec::<&String>::new(), "{kind}: known and not there");
    }
}

#[test]
fn links_from_elsewhere_never_break_because_the_ids_stay() {
    let uids: Vec<(&str, String)> = DASHBOARDS.iter().map(|one| (one.file, parsed(one)["uid"].as_str().unwrap().to_owned())).collect();
    assert_eq!(uids, [("metrics.json", "crpipeline-metrics".to_owned()), ("operations.json", "crpipeline-operations".to_owned())]);
    assert_eq!(DATA_SOURCE_UID, "crpipeline-prometheus");
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
