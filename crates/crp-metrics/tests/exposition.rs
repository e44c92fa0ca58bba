//! What a scraper gets: every series at zero from the start, in text that the reference tools accept.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use crp_metrics::{BuildInfo, Catalogue, DatabaseKind, Entry, Exposition, Kind, Metrics, ProcessRole, Route, Scope, StorageKind};
use crp_model::labels::{FinalStatus, StorageOperation};

/// A method and a template may each appear several times.
const ROUTES: &[Route] = &[
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/documents"),
    ("POST", "/api/v1/documents"),
    ("GET", "/api/v1/documents/{id}"),
];

fn metrics() -> Metrics {
    let metrics = Metrics::new(BuildInfo { version: "1.2.3", revision: "abc", rustc: "1.95.0" }, ROUTES);
    metrics.config_info.set(StorageKind::S3, DatabaseKind::Postgres, ProcessRole::Worker);
    metrics
}

/// A sample: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// A strict reader of both formats, written against their grammar and not against our writer.
#[derive(Debug, Default)]
struct Scrape {
    helps: BTreeMap<String, String>,
    kinds: BTreeMap<String, String>,
    samples: Vec<Sample>,
    ended: bool,
}

impl Scrape {
    fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is ended");
        let mut scrape = Self::default();
        for line in text.lines() {
            assert!(!scrape.ended, "nothing follows the end: {line}");
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("name and help");
                assert!(scrape.helps.insert(name.into(), help.into()).is_none(), "two helps for {name}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("name and type");
                assert!(scrape.kinds.insert(name.into(), kind.into()).is_none(), "two families {name}");
            } else if line == "# EOF" {
                scrape.ended = true;
            } else {
                scrape.samples.push(sample(line));
            }
        }
        let unique: BTreeSet<_> = scrape.samples.iter().map(|(name, labels, _)| (name, labels)).collect();
        assert_eq!(unique.len(), scrape.samples.len(), "no series appears twice");
        scrape
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: BTreeMap<String, String> = labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        self.samples.iter().find(|(n, l, _)| n == name && *l == labels).map(|(_, _, value)| *value)
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "a label twice: {line}");
            match after.split_at(1) {
                (",", after) => rest = after,
                ("}", after) => break rest = after,
                _ => panic!("neither , nor }} after a label: {line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

/// The text up to the closing quote, unescaped, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().expect("something is escaped").1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                other => panic!("\\{other} means nothing"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote: {text}")
}

/// Every combination of label values that `entry` must have; labels given at construction are resolved for [`metrics`].
fn combinations(entry: &Entry) -> Vec<Vec<(&'static str, &'static str)>> {
    match entry.name {
        "crpipeline_http_requests_total" => {
            let pairs = ROUTES.iter().chain(&[("other", "other")]);
            let classes = (entry.labels[2].1)();
            return pairs.flat_map(|(m, r)| classes.iter().map(move |c| vec![("route", *r), ("method", *m), ("code_class", *c)])).collect();
        }
        "crpipeline_http_request_duration_seconds" => {
            let routes: BTreeSet<_> = ROUTES.iter().map(|(_, route)| *route).chain(["other"]).collect();
            return routes.into_iter().map(|route| vec![("route", route)]).collect();
        }
        "crpipeline_build_info" => return vec![vec![("version", "1.2.3"), ("revision", "abc"), ("rustc", "1.95.0")]],
        "crpipeline_config_info" => return vec![vec![("storage", "s3"), ("database", "postgres"), ("role", "worker")]],
        _ => {}
    }
    entry.labels.iter().fold(vec![vec![]], |sets, (name, values)| {
        let values = values();
        assert!(!values.is_empty(), "{} has values for {name}", entry.name);
        sets.iter().flat_map(|set| values.iter().map(move |value| [set.as_slice(), &[(*name, *value)]].concat())).collect()
    })
}

/// A bucket's bound as Prometheus 3 normalises it.
fn bound(bound: f64) -> String {
    format!("{bound:?}")
}

#[test]
fn every_series_of_the_catalogue_exists_at_zero_from_the_start() {
    let scrape = Scrape::read(&metrics().render(Exposition::Text).1);
    let mut expected = 0;
    for entry in Catalogue::entries().iter().filter(|e| !e.name.starts_with("process_")) {
        assert_eq!(scrape.kinds.get(entry.name).map(String::as_str), Some(entry.kind.as_str()), "{}", entry.name);
        assert_eq!(scrape.helps.get(entry.name), Some(&format!("{}.", entry.help)));
        let born = if entry.name.ends_with("_info") { 1.0 } else { 0.0 };
        for labels in combinations(entry) {
            if entry.kind != Kind::Histogram {
                assert_eq!(scrape.value(entry.name, &labels), Some(born), "{} {labels:?}", entry.name);
                expected += 1;
                continue;
            }
            let bounds: Vec<String> = entry.buckets.iter().map(|b| bound(*b)).chain(["+Inf".into()]).collect();
            for le in &bounds {
                let labels = [labels.as_slice(), &[("le", le.as_str())]].concat();
                assert_eq!(scrape.value(&format!("{}_bucket", entry.name), &labels), Some(0.0), "{} {labels:?}", entry.name);
            }
            for suffix in ["_sum", "_count"] {
                assert_eq!(scrape.value(&format!("{}{suffix}", entry.name), &labels), Some(0.0), "{}{suffix} {labels:?}", entry.name);
            }
            expected += bounds.len() + 2;
        }
    }
    let ours = scrape.samples.iter().filter(|(name, ..)| !name.starts_with("process_")).count();
    assert_eq!(ours, expected, "and no series is exposed that the catalogue does not declare");
    assert_eq!(scrape.kinds.keys().collect::<Vec<_>>(), scrape.helps.keys().collect::<Vec<_>>());
}

#[test]
fn what_is_counted_is_what_the_next_scrape_shows() {
    let metrics = metrics();
    metrics.jobs_total.inc(FinalStatus::Failed);
    metrics.s3_errors_total.inc_by(StorageOperation::Put, 3);
    metrics.job_turnaround_seconds.observe(7.0);
    metrics.queue_oldest_age_seconds.set(1.5);
    metrics.upload_bytes_total.inc_by(5_000_000_000);
    metrics.http.observe("GET", Some("/api/v1/documents/{id}"), 404, 0.2);
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        let scrape = Scrape::read(&metrics.render(exposition).1);
        assert_eq!(scrape.value("jobs_total", &[("status", "failed")]), Some(1.0));
        assert_eq!(scrape.value("jobs_total", &[("status", "succeeded")]), Some(0.0));
        assert_eq!(scrape.value("s3_errors_total", &[("operation", "put")]), Some(3.0));
        assert_eq!(scrape.value("crpipeline_job_turnaround_seconds_bucket", &[("le", "5.0")]), Some(0.0));
        assert_eq!(scrape.value("crpipeline_job_turnaround_seconds_bucket", &[("le", "10.0")]), Some(1.0));
        assert_eq!(scrape.value("crpipeline_job_turnaround_seconds_bucket", &[("le", "+Inf")]), Some(1.0));
        assert_eq!(scrape.value("crpipeline_job_turnaround_seconds_sum", &[]), Some(7.0));
        assert_eq!(scrape.value("crpipeline_queue_oldest_age_seconds", &[]), Some(1.5));
        assert_eq!(scrape.value("crpipeline_upload_bytes_total", &[]), Some(5e9));
        let route = [("route", "/api/v1/documents/{id}"), ("method", "GET"), ("code_class", "4xx")];
        assert_eq!(scrape.value("crpipeline_http_requests_total", &route), Some(1.0));
    }
}

#[test]
fn open_metrics_ends_with_its_end_and_names_counters_without_total_and_text_does_not() {
    let metrics = metrics();
    let (content_type, body) = metrics.render(Exposition::for_accept(Some("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")));
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let scrape = Scrape::read(&body);
    assert!(scrape.ended && body.ends_with("\n# EOF\n"));
    assert_eq!(scrape.kinds["jobs"], "counter");
    assert!(!scrape.kinds.contains_key("jobs_total"));

    let (content_type, body) = metrics.render(Exposition::for_accept(None));
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    let scrape = Scrape::read(&body);
    assert!(!scrape.ended && !body.contains("# EOF") && !body.contains("# UNIT"));
    assert_eq!(scrape.kinds["jobs_total"], "counter");
    assert!(!scrape.kinds.contains_key("jobs"));
}

#[test]
fn two_renders_differ_in_nothing_but_the_process_and_the_cost_of_rendering() {
    let metrics = metrics();
    let stable = |exposition| {
        let scrape = Scrape::read(&metrics.render(exposition).1);
        let of_time = |name: &str| name.starts_with("process_") || name == "crpipeline_metrics_scrape_duration_seconds";
        scrape.samples.into_iter().filter(|(name, ..)| !of_time(name)).collect::<Vec<_>>()
    };
    let first = stable(Exposition::Text);
    assert_eq!(first, stable(Exposition::Text));
    assert_eq!(first, stable(Exposition::OpenMetrics));
    assert!(metrics.metrics_scrape_duration_seconds.get() > 0.0);
}

#[test]
fn quotes_and_newlines_in_a_label_value_stay_inside_it() {
    let version = "1\" } 5\nevil_total 7\n# EOF\n\\";
    let metrics = Metrics::new(BuildInfo { version, revision: "{}", rustc: "ü" }, &[("GET", "/a\"\n\\b")]);
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        let scrape = Scrape::read(&metrics.render(exposition).1);
        let build = [("version", version), ("revision", "{}"), ("rustc", "ü")];
        assert_eq!(scrape.value("crpipeline_build_info", &build), Some(1.0));
        let route = [("route", "/a\"\n\\b"), ("method", "GET"), ("code_class", "2xx")];
        assert_eq!(scrape.value("crpipeline_http_requests_total", &route), Some(0.0));
        assert!(scrape.samples.iter().all(|(name, ..)| name != "evil_total"));
    }
}

#[test]
fn the_series_of_one_process_stay_within_their_budget() {
    let routes: Vec<Route> = (0..60).map(|n| ("GET", &*format!("/api/v1/route/{n}").leak())).collect();
    let metrics = Metrics::new(BuildInfo { version: "1", revision: "2", rustc: "3" }, routes.leak());
    metrics.config_info.set(StorageKind::Local, DatabaseKind::Sqlite, ProcessRole::Serve);
    let series = Scrape::read(&metrics.render(Exposition::Text).1).samples.len();
    println!("{series} series with 60 routes");
    assert!(series < 2_500, "{series} series are more than an operator expects of one process");
}

#[test]
fn a_process_without_configuration_names_none() {
    let metrics = Metrics::new(BuildInfo { version: "1", revision: "2", rustc: "3" }, &[]);
    assert_eq!(metrics.config_info.get(), None);
    assert!(!metrics.render(Exposition::Text).1.contains("crpipeline_config_info"));
    metrics.config_info.set(StorageKind::Local, DatabaseKind::Sqlite, ProcessRole::Run);
    metrics.config_info.set(StorageKind::S3, DatabaseKind::Postgres, ProcessRole::Api);
    assert_eq!(metrics.config_info.get(), Some(&[("storage", "local"), ("database", "sqlite"), ("role", "run")][..]));
}

#[test]
fn promtool_has_nothing_to_say() {
    let metrics = metrics();
    metrics.jobs_total.inc(FinalStatus::Succeeded);
    metrics.job_turnaround_seconds.observe(7.0);
    let started =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut promtool) = started else {
        println!("SKIPPED: promtool is not on PATH (Debian: apt-get install --no-install-recommends prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(metrics.render(Exposition::Text).1.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success() && said.is_empty(), "promtool: {}\n{said}", output.status);
}

#[test]
fn the_catalogue_is_what_dashboards_and_rules_rely_on() {
    let mut table = String::new();
    for entry in Catalogue::entries() {
        let labels: Vec<String> = entry
            .labels
            .iter()
            .map(|(name, values)| match values().as_slice() {
                [] => format!("{name} = (given)"),
                values => format!("{name} = {}", values.join(" ")),
            })
            .collect();
        let bounds = entry.buckets.iter().map(|b| bound(*b)).collect::<Vec<_>>().join(" ");
        writeln!(table, "{} | {} | {} | {} | {}", entry.name, entry.kind, entry.scope, labels.join("; "), bounds).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn names_and_helps_follow_the_rules_of_the_product() {
    let bare =
        ["jobs_total", "stage_duration_seconds", "s3_errors_total", "ocr_duration_seconds", "login_failures_total", "job_duration_seconds"];
    for (position, entry) in Catalogue::entries().iter().enumerate() {
        let name = entry.name;
        let prefixed = name.starts_with("crpipeline_") || name.starts_with("process_");
        assert!(prefixed || bare.get(position) == Some(&name), "{name} is new and has no prefix");
        assert_eq!(entry.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(entry.kind == Kind::Histogram, !entry.buckets.is_empty(), "{name}");
        assert!(entry.buckets.is_sorted(), "{name}");
        assert!(!entry.help.is_empty() && !entry.help.ends_with('.'), "{name}");
        // OpenMetrics knows no bare quote in a help.
        assert!(!entry.help.contains(['"', '\\', '\n']), "{name}");
        for (label, values) in entry.labels {
            let forbidden = ["tenant", "organization", "user", "file", "path", "job", "id", "le", "quantile", "instance"];
            assert!(!forbidden.contains(label), "{name} has the label {label}");
            let values = values();
            let unique: BTreeSet<_> = values.iter().collect();
            assert_eq!(unique.len(), values.len(), "{name}{{{label}}} has a value twice");
        }
        assert!(entry.scope == Scope::Instance || entry.kind == Kind::Gauge, "{name}: only gauges come from the database");
    }
    let names: BTreeSet<_> = Catalogue::entries().iter().map(|e| e.name).collect();
    assert_eq!(names.len(), Catalogue::entries().len(), "no name is declared twice");
}
