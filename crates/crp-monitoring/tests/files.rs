//! The exported files for Prometheus, Alertmanager and Grafana are what these programs take, and what the manual's page promises.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use crp_metrics::Catalogue;
use crp_monitoring::{ALERTS, Settings, export};
use crp_testkit::{alertmanager::Alertmanager, api::Api, poll::PATIENCE, programs, smtp_sink::SmtpSink, webhook_sink::WebhookSink};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The file that operators of the first version have: its text is a promise.
const DASHBOARD_PROVIDER: &str = "apiVersion: 1
providers:
  - name: 'default'
    folder: ''
    type: file
    options:
      path: /var/lib/grafana/dashboards
";

/// The exported files in a folder of their own.
fn exported(settings: &Settings) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    export::write(folder.path(), &export::files(settings), false).unwrap();
    folder
}

fn text(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(folder: &TempDir, path: &str) -> Value {
    serde_saphyr::from_str(&text(folder, path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn every_file_parses_and_says_who_made_it() {
    for file in export::files(&Settings::default()) {
        let (path, contents) = (file.path.as_str(), file.contents.as_str());
        match Path::new(path).extension().and_then(|extension| extension.to_str()) {
            Some("yml" | "yaml") => {
                let parsed: Result<Value, _> = serde_saphyr::from_str(contents);
                assert!(parsed.as_ref().is_ok_and(Value::is_object), "{path}: {parsed:?}");
            }
            Some("json") => assert!(serde_json::from_str::<Value>(contents).is_ok(), "{path} is no JSON"),
            _ => {}
        }
        let is_template = !path.starts_with("runbooks/") && !path.starts_with("tests/") && !path.ends_with(".json");
        let is_verbatim = path == "grafana/provisioning/dashboards/dashboard.yaml" || path.ends_with(".gitignore");
        if is_template && !is_verbatim {
            assert!(contents.lines().next().unwrap().contains("crpipeline monitoring export"), "{path} does not say who made it");
        }
    }
}

#[test]
fn the_dashboard_provider_is_the_one_of_the_manuals_page_byte_for_byte() {
    assert_eq!(text(&exported(&Settings::default()), "grafana/provisioning/dashboards/dashboard.yaml"), DASHBOARD_PROVIDER);
}

#[test]
fn prometheus_takes_its_files_also_where_they_stand_alone() {
    let Some(promtool) = programs::program("promtool") else { return };
    let folder = exported(&Settings::default());
    for name in ["prometheus.yml", "prometheus.host.yml"] {
        let said = programs::output_of(Command::new(&promtool).args(["check", "config", "--lint=all"]).arg(folder.path().join(name)));
        assert!(String::from_utf8_lossy(&said).contains("rules found"), "{name}: {}", String::from_utf8_lossy(&said));
        let alone = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join(name), alone.path().join("prometheus.yml")).unwrap();
        programs::output_of(Command::new(&promtool).args(["check", "config"]).arg(alone.path().join("prometheus.yml")));
    }
}

#[test]
fn each_prometheus_has_exactly_one_target_and_its_alertmanager() {
    let folder = exported(&Settings { alertmanager_port: 19093, job_name: "papers".to_owned(), ..Settings::default() });
    for (name, target, alertmanager) in
        [("prometheus.yml", "crpipeline:9100", "alertmanager:9093"), ("prometheus.host.yml", "localhost:9100", "localhost:19093")]
    {
        let configuration = yaml(&folder, name);
        let jobs = configuration["scrape_configs"].as_array().unwrap();
        assert_eq!(jobs.len(), 1, "{name}");
        assert_eq!((&jobs[0]["job_name"], &jobs[0]["static_configs"]), (&json!("papers"), &json!([{ "targets": [target] }])), "{name}");
        assert_eq!(configuration["alerting"]["alertmanagers"], json!([{ "static_configs": [{ "targets": [alertmanager] }] }]), "{name}");
        assert_eq!(configuration["global"]["scrape_interval"], "15s");
    }
}

#[test]
fn several_processes_are_several_targets_of_one_job() {
    let targets = vec!["web:9100".to_owned(), "worker:9101".to_owned()];
    let configuration = yaml(&exported(&Settings { targets: targets.clone(), ..Settings::default() }), "prometheus.yml");
    assert_eq!(strings(&configuration["scrape_configs"][0]["static_configs"][0]["targets"]), targets);
}

#[test]
fn the_bare_names_of_the_histograms_are_made_of_series_that_exist() {
    let names: BTreeSet<&str> = Catalogue::entries().iter().map(|entry| entry.name).collect();
    let configuration = yaml(&exported(&Settings::default()), "prometheus.yml");
    let relabeling = configuration["scrape_configs"][0]["metric_relabel_configs"].as_array().unwrap();
    let renamed: Vec<(&str, &str)> =
        relabeling.iter().map(|rule| (rule["regex"].as_str().unwrap(), rule["replacement"].as_str().unwrap())).collect();
    let wanted = [
        ("crpipeline_stage_duration_recent_p95_seconds", "stage_duration_seconds"),
        ("crpipeline_ocr_duration_recent_p95_seconds", "ocr_duration_seconds"),
    ];
    assert_eq!(renamed, wanted);
    for (from, to) in renamed {
        assert!(names.contains(from) && names.contains(to), "{from} → {to}");
    }
}

#[test]
fn alertmanager_takes_its_files() {
    let Some(amtool) = programs::program("amtool") else { return };
    let with_login = Settings {
        smtp_smarthost: Some("mail.example.org:587".to_owned()),
        smtp_username: Some("crpipeline".to_owned()),
        email_to: "a@example.org, b@example.org".to_owned(),
        ..Settings::default()
    };
    for settings in [Settings::default(), with_login] {
        let folder = exported(&settings);
        for name in ["alertmanager.yml", "alertmanager.host.yml"] {
            programs::output_of(Command::new(&amtool).arg("check-config").arg(folder.path().join(name)));
        }
    }
}

#[test]
fn mail_is_encrypted_unless_the_mail_server_is_this_machine() {
    let own = exported(&Settings::default());
    for (name, smarthost) in [("alertmanager.yml", "host.docker.internal:25"), ("alertmanager.host.yml", "localhost:25")] {
        let global = &yaml(&own, name)["global"];
        assert_eq!((&global["smtp_smarthost"], &global["smtp_require_tls"]), (&json!(smarthost), &json!(false)));
    }
    let provider = exported(&Settings { smtp_smarthost: Some("localhost.example.org:587".to_owned()), ..Settings::default() });
    let global = &yaml(&provider, "alertmanager.yml")["global"];
    assert_eq!((&global["smtp_smarthost"], &global["smtp_require_tls"]), (&json!("localhost.example.org:587"), &json!(true)));
    // There is no STARTTLS inside of TLS: Alertmanager would wait for it in vain and send nothing.
    let tls = exported(&Settings { smtp_smarthost: Some("mail.example.org:465".to_owned()), ..Settings::default() });
    assert_eq!(yaml(&tls, "alertmanager.yml")["global"]["smtp_require_tls"], json!(false));
}

#[test]
fn alertmanager_speaks_only_of_alerts_that_exist() {
    let known: BTreeSet<&str> = ALERTS.iter().map(|alert| alert.name).collect();
    let folder = exported(&Settings::default());
    for path in ["alertmanager.yml", "README.md"] {
        let text = text(&folder, path);
        for (at, _) in text.match_indices("Crpipeline") {
            let name: String = text[at..].chars().take_while(|c| c.is_alphanumeric()).collect();
            assert!(known.contains(name.as_str()), "{path} names {name}");
        }
    }
}

#[test]
fn an_alert_that_silences_another_has_the_label_that_they_must_share() {
    let labels = |name: &str| {
        let alert = ALERTS.iter().find(|alert| alert.name == name).unwrap_or_else(|| panic!("no alert {name}"));
        crp_monitoring::query::result_labels(alert.expr).unwrap()
    };
    let configuration = yaml(&exported(&Settings::default()), "alertmanager.yml");
    for rule in configuration["inhibit_rules"].as_array().unwrap() {
        for matcher in strings(&rule["source_matchers"]).iter().chain(&strings(&rule["target_matchers"])) {
            for name in matcher.split('"').nth(1).unwrap().split('|') {
                for label in strings(&rule["equal"]) {
                    assert!(labels(name).contains(&label), "{name} has no label {label}");
                }
            }
        }
    }
}

/// The file for containers, with its waits and the places of its secrets as a test wants them.
fn hurried(smarthost: &str, secrets: &Path) -> TempDir {
    let folder = exported(&Settings { smtp_smarthost: Some(smarthost.to_owned()), ..Settings::default() });
    let hurried = text(&folder, "alertmanager.yml")
        .replace("group_wait: 30s", "group_wait: 1s")
        .replace("group_interval: 5m", "group_interval: 1s")
        .replace("/etc/alertmanager/secrets", &secrets.display().to_string());
    fs::write(folder.path().join("alertmanager.yml"), hurried).unwrap();
    folder
}

/// An alert as Prometheus sends it; ended long ago, if it ended.
fn alert(instance: &str, summary: &str, has_ended: bool) -> Value {
    let mut alert = json!({
        "labels": { "alertname": "CrpipelineLoginFailures", "job": "crpipeline", "instance": instance, "severity": "warning" },
        "annotations": { "summary": summary, "description": "Somebody guesses.", "first_step": "Look.", "runbook": "page.md" },
        "generatorURL": "http://localhost:9090/graph",
    });
    if has_ended {
        alert["startsAt"] = json!("2020-01-01T00:00:00Z");
        alert["endsAt"] = json!("2020-01-01T00:01:00Z");
    }
    alert
}

async fn send(alertmanager: &Alertmanager, alerts: &[Value]) {
    let api = Api::anonymous(&format!("http://{}", alertmanager.address()));
    api.post("/api/v2/alerts", &json!(alerts)).await.expect(200);
}

#[tokio::test]
async fn without_any_secret_alertmanager_starts_and_mail_tells_all_that_a_person_needs() {
    let (mail, nothing) = (SmtpSink::start(0).await, tempfile::tempdir().unwrap());
    let folder = hurried(&mail.address(), nothing.path());
    let Some(alertmanager) = Alertmanager::start(&folder.path().join("alertmanager.yml")).await else { return };
    send(&alertmanager, &[alert("a", "7 refused logins", false)]).await;
    let firing = mail.mail_when("the alert", PATIENCE, |mail| mail.subject.contains("FIRING")).await;
    assert_eq!(firing.subject, "[FIRING] CrpipelineLoginFailures: 7 refused logins");
    assert_eq!((firing.from.as_str(), firing.to.as_slice()), ("crpipeline@localhost", ["root@localhost".to_owned()].as_slice()));
    for part in [
        "FIRING (warning): 7 refused logins",
        "What it means: Somebody guesses.",
        "What to do first: Look.",
        "Runbook: page.md",
        "job=crpipeline",
        "In Prometheus: http://localhost:9090/graph",
    ] {
        assert!(firing.text.contains(part), "{part} is not in\n{}", firing.text);
    }
    send(&alertmanager, &[alert("a", "7 refused logins", true)]).await;
    let resolved = mail.mail_when("the end", PATIENCE, |mail| mail.subject.contains("RESOLVED")).await;
    assert!(resolved.text.contains("Until: 2020-01-01 00:01:00 UTC") && !resolved.text.contains("do first"), "{}", resolved.text);
    assert!(alertmanager.log().contains("slack_webhook_url"), "the missing address is told in the log");
}

#[tokio::test]
async fn the_subject_tells_what_still_goes_on_when_a_part_of_it_has_ended() {
    let (mail, nothing) = (SmtpSink::start(0).await, tempfile::tempdir().unwrap());
    let folder = hurried(&mail.address(), nothing.path());
    let Some(alertmanager) = Alertmanager::start(&folder.path().join("alertmanager.yml")).await else { return };
    send(&alertmanager, &[alert("a", "at a", false), alert("b", "at b", false)]).await;
    mail.mail_when("both", PATIENCE, |mail| mail.subject == "[FIRING] CrpipelineLoginFailures: at a (2 in all)").await;
    send(&alertmanager, &[alert("a", "at a", true)]).await;
    mail.mail_when("the rest", PATIENCE, |mail| mail.subject == "[FIRING] CrpipelineLoginFailures: at b (2 in all)").await;
}

#[tokio::test]
async fn slack_hears_of_an_alert_while_the_mail_server_is_gone() {
    let (slack, secrets) = (WebhookSink::start().await, tempfile::tempdir().unwrap());
    fs::write(secrets.path().join("slack_webhook_url"), slack.url()).unwrap();
    // Nobody listens at this port.
    let folder = hurried("127.0.0.1:1", secrets.path());
    let Some(alertmanager) = Alertmanager::start(&folder.path().join("alertmanager.yml")).await else { return };
    send(&alertmanager, &[alert("a", "7 refused logins", false)]).await;
    let said = |status: &'static str| move |post: &crp_testkit::webhook_sink::Post| post.json.to_string().contains(status);
    let firing = slack.post_when("the alert", PATIENCE, said("FIRING")).await.json.to_string();
    for part in ["[FIRING] CrpipelineLoginFailures", "*7 refused logins*", "Somebody guesses.", "Look.", "page.md", "#alerts"] {
        assert!(firing.contains(part), "{part} is not in {firing}");
    }
    send(&alertmanager, &[alert("a", "7 refused logins", true)]).await;
    slack.post_when("the end", Duration::from_secs(60), said("RESOLVED")).await;
}

#[test]
fn grafanas_data_source_is_the_same_in_both_places_but_for_its_address() {
    let folder = exported(&Settings { scrape_interval_seconds: 30, prometheus_port: 19090, ..Settings::default() });
    let mut addresses = Vec::new();
    for place in ["provisioning/datasources", "datasources.host"] {
        let source = yaml(&folder, &format!("grafana/{place}/prometheus.yaml"))["datasources"][0].clone();
        assert_eq!((&source["uid"], &source["isDefault"]), (&json!("crpipeline-prometheus"), &json!(true)));
        assert_eq!(source["jsonData"]["timeInterval"], "30s");
        addresses.push(source["url"].as_str().unwrap().to_owned());
    }
    assert_eq!(addresses, ["http://prometheus:9090", "http://localhost:19090"]);
}

#[test]
fn grafanas_own_login_alert_is_the_one_of_the_rules_and_replaces_no_policy() {
    let folder = exported(&Settings::default());
    let rule = yaml(&folder, "grafana/opt-in/alerting/login-failures.yaml")["groups"][0]["rules"][0].clone();
    let of_prometheus = ALERTS.iter().find(|alert| alert.name == "CrpipelineLoginFailures").unwrap();
    let (query, threshold) = (&rule["data"][0], &rule["data"][1]["model"]);
    let evaluator = &threshold["conditions"][0]["evaluator"];
    let as_one = format!("{} > {}", query["model"]["expr"].as_str().unwrap(), evaluator["params"][0]);
    assert_eq!((as_one.as_str(), &evaluator["type"]), (of_prometheus.expr, &json!("gt")));
    assert_eq!((&query["datasourceUid"], &query["model"]["instant"]), (&json!("crpipeline-prometheus"), &json!(true)));
    assert_eq!(
        (&threshold["type"], &threshold["expression"], &rule["condition"]),
        (&json!("threshold"), &query["refId"], &threshold["refId"])
    );
    assert_eq!((&rule["noDataState"], &rule["execErrState"]), (&json!("OK"), &json!("Error")));
    let summary = rule["annotations"]["summary"].as_str().unwrap();
    assert!(summary.contains("{{ .Values.A.Value |") && summary.contains("{{ .Labels.reason }}"), "{summary}");
    // Grafana takes everything after a dollar sign for a variable of its environment.
    assert!(!rule.to_string().contains('$'), "{rule}");
    for path in ["alerting/contact-point.yaml", "slack/contact-point.yaml"] {
        let file = yaml(&folder, &format!("grafana/opt-in/{path}"));
        assert_eq!(file["contactPoints"][0]["name"], rule["notification_settings"]["receiver"], "{path}");
        assert!(file.get("policies").is_none(), "{path}");
    }
}

#[test]
fn grafana_finds_only_files_that_it_takes_in_its_folders() {
    let allowed = |path: &str| path.ends_with(".yaml");
    let files = export::files(&Settings::default());
    let below = |folder: &str| files.iter().filter(|file| file.path.starts_with(folder)).map(|file| file.path.as_str()).collect::<Vec<_>>();
    // Grafana 9 refuses to start over any other file in the folder for alerts.
    for folder in ["grafana/provisioning/", "grafana/opt-in/", "grafana/datasources.host/"] {
        assert!(!below(folder).is_empty() && below(folder).into_iter().all(allowed), "{:?}", below(folder));
    }
    assert!(below("grafana/dashboards/").into_iter().all(|path| path.ends_with(".json")));
}

#[test]
fn git_never_sees_a_secret() {
    let folder = exported(&Settings::default());
    for path in ["secrets/smtp_password", ".env"] {
        fs::write(folder.path().join(path), "x").unwrap();
    }
    let git = |arguments: &[&str]| programs::output_of(Command::new("git").current_dir(folder.path()).args(arguments));
    git(&["init", "--quiet"]);
    let seen = String::from_utf8(git(&["status", "--porcelain", "--untracked-files=all"])).unwrap();
    let seen: BTreeSet<&str> = seen.lines().filter_map(|line| line.strip_prefix("?? ")).collect();
    let exported = export::files(&Settings::default());
    assert_eq!(seen, exported.iter().map(|file| file.path.as_str()).collect());
}
