//! The compose files are what Docker Compose takes, old and new, and they show to the network only what has a login.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crp_monitoring::{Settings, export};
use crp_testkit::programs;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Every way to put the compose files together that the documents name.
const COMBINATIONS: &[&[&str]] = &[
    &["docker-compose.yml"],
    &["docker-compose.yml", "docker-compose.grafana-alerts.yml"],
    &["docker-compose.yml", "docker-compose.grafana-alerts.yml", "docker-compose.grafana-slack.yml"],
    &["docker-compose.host.yml"],
    &["docker-compose.host.yml", "docker-compose.grafana-alerts.yml"],
    &["docker-compose.host.yml", "docker-compose.grafana-alerts.yml", "docker-compose.grafana-slack.yml"],
];

/// What the files for Grafana's own alerts want to be told.
const OPT_IN: &[(&str, &str)] =
    &[("ALERT_EMAIL_TO", "a@example.org"), ("GF_SMTP_HOST", "mail.example.org:587"), ("SLACK_WEBHOOK_URL", "https://example.org/hook")];

fn exported() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    export::write(folder.path(), &export::files(&Settings::default()), false).unwrap();
    folder
}

fn yaml(folder: &TempDir, path: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(folder.path().join(path)).unwrap()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `docker-compose config` with nothing in the environment but what is given; `None` where it is not installed.
fn config(folder: &TempDir, files: &[&str], environment: &[(&str, &str)]) -> Option<Output> {
    let mut command = Command::new(programs::program("docker-compose")?);
    command.current_dir(folder.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(files.iter().flat_map(|file| ["-f", *file])).arg("config").envs(environment.iter().copied());
    Some(command.output().expect("docker-compose can be started"))
}

/// What `docker-compose config` makes of the files.
fn resolved(folder: &TempDir, files: &[&str], environment: &[(&str, &str)]) -> Option<Value> {
    let output = config(folder, files, environment)?;
    assert!(output.status.success(), "{files:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_saphyr::from_slice(&output.stdout).unwrap())
}

fn services(compose: &Value) -> BTreeMap<&str, &Value> {
    compose["services"].as_object().expect("services").iter().map(|(name, service)| (name.as_str(), service)).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().expect("a string")).collect()
}

#[test]
fn docker_compose_takes_every_combination() {
    let folder = exported();
    for files in COMBINATIONS {
        let Some(compose) = resolved(&folder, files, OPT_IN) else { return };
        let names: Vec<&str> = services(&compose).into_keys().collect();
        let with_crpipeline = files[0] == "docker-compose.yml";
        let wanted: &[&str] = if with_crpipeline {
            &["alertmanager", "crpipeline", "grafana", "prometheus"]
        } else {
            &["alertmanager", "grafana", "prometheus"]
        };
        assert_eq!(names, wanted, "{files:?}");
    }
}

#[test]
fn the_compose_specification_allows_every_file() {
    let Some(check) = programs::program("check-jsonschema") else { return };
    let folder = exported();
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = names.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("docker-compose")).collect();
    assert_eq!(files.len(), 4);
    programs::output_of(Command::new(check).args(["--builtin-schema", "vendor.compose-spec"]).args(files));
}

#[test]
fn grafanas_own_alerts_say_what_they_want_to_be_told() {
    let folder = exported();
    let files = COMBINATIONS[2];
    for (missing, _) in OPT_IN {
        let given: Vec<(&str, &str)> = OPT_IN.iter().copied().filter(|(name, _)| name != missing).collect();
        let Some(output) = config(&folder, files, &given) else { return };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("set it to"), "without {missing}: {said}");
    }
}

#[test]
fn every_image_is_pinned_and_grafana_can_be_another() {
    let folder = exported();
    for files in [["docker-compose.yml"], ["docker-compose.host.yml"]] {
        let Some(compose) = resolved(&folder, &files, &[]) else { return };
        for (name, service) in services(&compose) {
            let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap_or_else(|| panic!("{name} has no tag"));
            assert_ne!(tag, "latest", "{name}");
        }
        assert_eq!(compose["services"]["grafana"]["image"], "grafana/grafana:13.2.0");
        let older = resolved(&folder, &files, &[("GRAFANA_TAG", "9.5.2")]).unwrap();
        assert_eq!(older["services"]["grafana"]["image"], "grafana/grafana:9.5.2");
    }
}

/// The published ports as `service address:port:port`.
fn published(compose: &Value) -> Vec<String> {
    let of_service = |(name, service): (&str, &Value)| -> Vec<String> {
        service["ports"].as_array().into_iter().flatten().map(|published| format!("{name} {}", port(published))).collect()
    };
    services(compose).into_iter().flat_map(of_service).collect()
}

/// A port as `address:port:port`; version 1 of Compose tells it as text, version 2 as an object.
fn port(published: &Value) -> String {
    match published.as_str() {
        Some(text) => text.trim_end_matches("/tcp").to_owned(),
        None => {
            let part = |key: &str| published[key].as_str().map_or_else(|| published[key].to_string(), str::to_owned);
            format!("{}:{}:{}", part("host_ip"), part("published"), part("target"))
        }
    }
}

#[test]
fn only_this_machine_reaches_the_ports_and_only_what_has_a_login_can_be_opened() {
    let folder = exported();
    let Some(compose) = resolved(&folder, &["docker-compose.yml"], &[]) else { return };
    let closed = [
        "alertmanager 127.0.0.1:9093:9093",
        "crpipeline 127.0.0.1:8080:8080",
        "crpipeline 127.0.0.1:9100:9100",
        "grafana 127.0.0.1:3000:3000",
        "prometheus 127.0.0.1:9090:9090",
    ];
    assert_eq!(published(&compose), closed);
    let open = [("CRPIPELINE_ADDRESS", "0.0.0.0"), ("GRAFANA_ADDRESS", "10.0.0.1"), ("CRPIPELINE_METRICS_PORT", "19100")];
    let compose = resolved(&folder, &["docker-compose.yml"], &open).unwrap();
    let opened = [
        "alertmanager 127.0.0.1:9093:9093",
        "crpipeline 0.0.0.0:8080:8080",
        "crpipeline 127.0.0.1:19100:9100",
        "grafana 10.0.0.1:3000:3000",
        "prometheus 127.0.0.1:9090:9090",
    ];
    assert_eq!(published(&compose), opened);
}

#[test]
fn on_the_host_everything_listens_on_this_machine_alone() {
    let folder = exported();
    let Some(compose) = resolved(&folder, &["docker-compose.host.yml"], &[]) else { return };
    for (name, service) in services(&compose) {
        assert_eq!(service["network_mode"], "host", "{name}");
        assert!(service.get("ports").is_none(), "{name}: the host's network has no ports to publish");
    }
    for (name, listen) in [("prometheus", "--web.listen-address=127.0.0.1:9090"), ("alertmanager", "--web.listen-address=127.0.0.1:9093")] {
        assert!(strings(&compose["services"][name]["command"]).contains(&listen), "{name}");
    }
    let grafana = &compose["services"]["grafana"]["environment"];
    assert_eq!((&grafana["GF_SERVER_HTTP_ADDR"], &grafana["GF_SERVER_HTTP_PORT"]), (&json!("127.0.0.1"), &json!("3000")));
    assert!(strings(&compose["services"]["alertmanager"]["command"]).contains(&"--cluster.listen-address="), "no port for peers");
}

#[test]
fn what_is_mounted_is_exported_and_lands_where_something_can_be_mounted() {
    let folder = exported();
    for files in COMBINATIONS {
        let Some(compose) = resolved(&folder, files, OPT_IN) else { return };
        for (name, service) in services(&compose) {
            let mounts: Vec<(&str, &str)> = service["volumes"].as_array().into_iter().flatten().map(mount).collect();
            for (source, target) in mounts.iter().filter(|(source, _)| source.starts_with('/')) {
                assert!(Path::new(source).exists(), "{name}: {source} is not exported");
                // Below a folder that is mounted to be read only, Docker cannot make the place for another.
                let holds = |place: &str| target.starts_with(&format!("{place}/"));
                let around = mounts.iter().filter(|(from, place)| from.starts_with('/') && holds(place));
                let around = around.max_by_key(|(_, place)| place.len());
                if let Some((from, place)) = around {
                    let inside = Path::new(from).join(target.strip_prefix(&format!("{place}/")).unwrap());
                    assert!(inside.exists(), "{name}: {target} has no place in {from}");
                }
            }
        }
    }
}

/// Source and target of a mount; version 1 of Compose tells it as text, version 2 as an object.
fn mount(mount: &Value) -> (&str, &str) {
    let Some(text) = mount.as_str() else {
        return (mount["source"].as_str().unwrap(), mount["target"].as_str().unwrap());
    };
    let mut parts = text.split(':');
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn the_containers_find_their_files_where_the_manuals_page_puts_them() {
    let folder = exported();
    for name in ["docker-compose.yml", "docker-compose.host.yml"] {
        let compose = yaml(&folder, name);
        let targets = |service: &str| -> Vec<String> {
            compose["services"][service]["volumes"].as_array().into_iter().flatten().map(|volume| mount(volume).1.to_owned()).collect()
        };
        assert!(targets("prometheus").contains(&"/etc/prometheus/prometheus.yml".to_owned()), "{name}");
        for target in ["/etc/grafana/provisioning", "/var/lib/grafana/dashboards"] {
            assert!(targets("grafana").contains(&target.to_owned()), "{name}: {target}");
        }
    }
}

#[test]
fn every_container_tells_whether_it_is_well_and_comes_back_after_a_crash() {
    let folder = exported();
    for name in ["docker-compose.yml", "docker-compose.host.yml"] {
        let compose = yaml(&folder, name);
        assert!(compose.get("version").is_none(), "{name}: version means nothing any more");
        for (service, told) in services(&compose) {
            assert!(told["healthcheck"]["test"].is_array() && told["restart"] == "unless-stopped", "{name} {service}");
        }
    }
}

/// A Grafana that has not run before has no database.
const NO_DATABASE: &str = "/nonexistent/grafana.db";

/// Runs what Grafana's container runs first, with an echo in the place of Grafana and of its command line.
fn start_grafana(compose: &Value, address: &str, password: &str, database: &str) -> Output {
    let entrypoint = strings(&compose["services"]["grafana"]["entrypoint"]);
    let [shell, options, script] = entrypoint[..] else { panic!("{entrypoint:?}") };
    assert_eq!((shell, options), ("/bin/sh", "-euc"));
    // Compose makes one dollar sign of two.
    let script = script.replace("$$", "$").replace("/var/lib/grafana/grafana.db", database);
    assert!(script.contains("\nexec /run.sh"), "{script}");
    let mut command = Command::new(shell);
    let script = format!("grafana() {{ echo \"grafana $* < $(cat)\"; }}\n{}", script.replace("exec /run.sh", "exec echo started"));
    command.args([options, &script]).env_clear();
    command.env("GRAFANA_ADDRESS", address).env("GF_SECURITY_ADMIN_USER", "boss").env("GF_SECURITY_ADMIN_PASSWORD", password);
    command.output().unwrap()
}

#[test]
fn grafana_refuses_a_known_password_where_others_can_reach_it() {
    let folder = exported();
    for name in ["docker-compose.yml", "docker-compose.host.yml"] {
        let compose = yaml(&folder, name);
        for (address, password) in [("127.0.0.1", "admin"), ("127.0.0.2", "admin"), ("0.0.0.0", "correct horse"), ("10.0.0.1", "Admin1")] {
            let output = start_grafana(&compose, address, password, NO_DATABASE);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "started\n", "{name} {address} {password}");
        }
        for (address, password) in [("0.0.0.0", "admin"), ("10.0.0.1", ""), ("0.0.0.0", "boss"), ("", "admin"), ("::", "admin")] {
            let output = start_grafana(&compose, address, password, NO_DATABASE);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{name} {address} {password}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("set GRAFANA_ADMIN_PASSWORD to a password of your own"), "{said}");
        }
    }
}

#[test]
fn a_grafana_that_ran_with_a_known_password_gets_the_new_one_before_others_reach_it() {
    let folder = exported();
    let database = folder.path().join("grafana.db");
    std::fs::write(&database, "").unwrap();
    let database = database.display().to_string();
    for name in ["docker-compose.yml", "docker-compose.host.yml"] {
        let compose = yaml(&folder, name);
        let output = start_grafana(&compose, "0.0.0.0", "correct horse", &database);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "grafana cli admin reset-admin-password --password-from-stdin < correct horse\nstarted\n", "{name}");
        let output = start_grafana(&compose, "127.0.0.1", "admin", &database);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "started\n", "{name}: at home it keeps what it has");
    }
}

#[test]
fn docker_compose_hands_the_refusal_to_the_shell_as_it_was_tried() {
    let folder = exported();
    let Some(compose) = resolved(&folder, &["docker-compose.yml"], &[("GRAFANA_ADDRESS", "0.0.0.0")]) else { return };
    assert_eq!(compose["services"]["grafana"]["environment"]["GRAFANA_ADDRESS"], "0.0.0.0");
    let output = start_grafana(&compose, "0.0.0.0", "admin", NO_DATABASE);
    assert_eq!(output.status.code(), Some(1));
}
