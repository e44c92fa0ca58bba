//! A dashboard as Grafana reads it from a file: 9.5 and everything newer, so only options that both know.

use serde_json::{Value, json};

use super::{Dashboard, Look, Panel, Query, Section, Unit};

/// The schema of Grafana 9.5; newer ones bring it up to theirs when they load it.
const SCHEMA_VERSION: u32 = 38;
/// Columns of Grafana's grid.
const COLUMNS: u8 = 24;

impl Dashboard {
    /// The file, with a line break at its end.
    pub fn json(&self) -> String {
        let dashboard = json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["crpipeline"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": true,
            "graphTooltip": 1,
            "timezone": "",
            "refresh": "30s",
            "time": { "from": self.from, "to": "now" },
            "timepicker": {},
            "annotations": { "list": [] },
            "links": [{
                "type": "dashboards", "title": "crPipeline", "tags": ["crpipeline"], "asDropdown": false,
                "includeVars": true, "keepTime": true, "targetBlank": false, "icon": "external link", "tooltip": "", "url": "",
            }],
            "templating": { "list": [data_source_variable()] },
            "panels": panels(self.sections),
        });
        format!("{dashboard:#}\n")
    }
}

/// Which Prometheus is asked: Grafana's default one unless somebody chooses another.
fn data_source_variable() -> Value {
    json!({
        "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "regex": "",
        "current": { "selected": true, "text": "default", "value": "default" },
        "hide": 0, "refresh": 1, "multi": false, "includeAll": false, "options": [], "skipUrlSync": false,
    })
}

fn data_source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Every panel with its place: from left to right, a new line where the next one does not fit, a line for each heading.
fn panels(sections: &[Section]) -> Vec<Value> {
    let mut placed = Vec::new();
    let mut line = 0;
    for section in sections {
        if let Some(title) = section.title {
            let place = json!({ "x": 0, "y": line, "w": COLUMNS, "h": 1 });
            placed.push(json!({ "type": "row", "title": title, "collapsed": false, "panels": [], "gridPos": place }));
            line += 1;
        }
        let (mut column, mut height) = (0, 0);
        for panel in section.panels {
            let (wide, high) = panel.size;
            if column + wide > COLUMNS {
                line += u32::from(height);
                (column, height) = (0, 0);
            }
            let place = json!({ "x": column, "y": line, "w": wide, "h": high });
            placed.push(panel_at(panel, &place));
            column += wide;
            height = height.max(high);
        }
        line += u32::from(height);
    }
    for (id, panel) in (1..).zip(&mut placed) {
        panel["id"] = json!(id);
    }
    placed
}

fn panel_at(panel: &Panel, place: &Value) -> Value {
    let (kind, custom, options) = match panel.look {
        Look::Lines => ("timeseries", lines(), legend()),
        Look::Bars => ("timeseries", bars(), legend()),
        Look::Number { .. } => ("stat", json!({}), number()),
    };
    let mut defaults = json!({
        "unit": unit(panel.unit), "min": 0, "color": { "mode": color(panel.look) },
        "custom": custom, "mappings": mappings(panel.unit), "thresholds": thresholds(panel.look),
    });
    if panel.unit == Unit::Count && !matches!(panel.look, Look::Lines) {
        // Half a job does not exist, even where an extrapolation finds one.
        defaults["decimals"] = json!(0);
    }
    json!({
        "type": kind,
        "title": panel.title,
        "description": panel.description,
        "gridPos": place,
        "datasource": data_source(),
        "targets": panel.queries.iter().enumerate().map(|(at, query)| target(at, query, kind == "stat")).collect::<Vec<_>>(),
        "fieldConfig": {
            "defaults": defaults,
            "overrides": [],
        },
        "options": options,
    })
}

fn target(at: usize, query: &Query, instant: bool) -> Value {
    let id = char::from(b'A' + u8::try_from(at).expect("a panel has few queries"));
    json!({
        "refId": id.to_string(), "datasource": data_source(), "expr": query.expr, "legendFormat": query.legend,
        "editorMode": "code", "range": !instant, "instant": instant,
    })
}

/// Single points are shown: between two gaps a line has no length.
fn lines() -> Value {
    json!({
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 2, "fillOpacity": 8, "showPoints": "auto", "pointSize": 5,
        "spanNulls": false, "axisPlacement": "auto", "stacking": { "mode": "none", "group": "A" },
    })
}

fn bars() -> Value {
    json!({
        "drawStyle": "bars", "lineWidth": 1, "fillOpacity": 80, "showPoints": "never", "pointSize": 5,
        "spanNulls": false, "axisPlacement": "auto", "stacking": { "mode": "normal", "group": "A" },
    })
}

fn legend() -> Value {
    json!({
        "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] },
        "tooltip": { "mode": "multi", "sort": "desc" },
    })
}

fn number() -> Value {
    json!({
        "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
        "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
    })
}

const fn color(look: Look) -> &'static str {
    match look {
        Look::Number { .. } => "thresholds",
        Look::Lines | Look::Bars => "palette-classic",
    }
}

/// Green, and red where it is bad. The first step has no value in Grafana's files: it reaches down to minus infinity.
fn thresholds(look: Look) -> Value {
    let steps = match look {
        Look::Number { bad_from: Some(limit), bad_below: false } => {
            json!([{ "color": "green", "value": null }, { "color": "red", "value": limit }])
        }
        Look::Number { bad_from: Some(limit), bad_below: true } => {
            json!([{ "color": "red", "value": null }, { "color": "green", "value": limit }])
        }
        _ => json!([{ "color": "green", "value": null }]),
    };
    json!({ "mode": "absolute", "steps": steps })
}

/// The names of Grafana's unit formats.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "short",
        Unit::Seconds => "s",
        Unit::Bytes => "bytes",
        Unit::Share => "percentunit",
        Unit::PerSecond => "ops",
        Unit::YesNo => "bool_yes_no",
    }
}

/// A word beside the color, for those who do not see the color.
fn mappings(unit: Unit) -> Value {
    if unit == Unit::YesNo {
        json!([{ "type": "value", "options": { "0": { "text": "no", "index": 0 }, "1": { "text": "yes", "index": 1 } } }])
    } else {
        json!([])
    }
}
