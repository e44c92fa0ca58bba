//! `deploy/compose.yaml`: what Docker Compose makes of it, and that nobody outside reaches what has no login.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crp_testkit::{CommandLine, programs};
use serde_json::Value;
use tempfile::TempDir;

use super::{BINARY, Process, grace_seconds, repository, strings, text, yaml};

const OURS: [&str; 2] = ["serve", "worker"];
const OTHERS: [&str; 2] = ["garage", "postgres"];

fn compose() -> Value {
    yaml(&text("deploy/compose.yaml")).remove(0)
}

/// A copy of the file and of what it mounts, with secrets as the script makes them.
fn folder_with_secrets() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["compose.yaml", "garage.toml", "make-secrets.sh"] {
        fs::copy(repository("deploy").join(file), folder.path().join(file)).unwrap();
    }
    make_secrets(folder.path());
    folder
}

fn make_secrets(folder: &Path) -> String {
    String::from_utf8(programs::output_of(&mut Command::new(folder.join("make-secrets.sh")))).unwrap()
}

/// `docker-compose config` in a folder; `None` where it is not installed.
fn config(folder: &Path) -> Option<std::process::Output> {
    let mut command = Command::new(programs::program("docker-compose")?);
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Some(command.args(["-f", "compose.yaml", "config"]).output().expect("docker-compose can be started"))
}

#[test]
fn docker_compose_takes_it_and_gives_the_same_services() {
    let folder = folder_with_secrets();
    let Some(output) = config(folder.path()) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let resolved = yaml(&String::from_utf8(output.stdout).unwrap()).remove(0);
    let names: Vec<&String> = resolved["services"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["garage", "postgres", "serve", "worker"]);
    assert_eq!(resolved["services"]["worker"]["deploy"]["replicas"], 2);
    // Of the secrets, Garage's alone are variables: it takes its key from nowhere else.
    for name in ["postgres-password", "s3-secret-access-key"] {
        let secret = fs::read_to_string(folder.path().join("secrets").join(name)).unwrap();
        let holders = resolved["services"].as_object().unwrap().iter().filter(|(_, service)| service.to_string().contains(&secret));
        let holders: Vec<&String> = holders.map(|(name, _)| name).collect();
        assert!(holders.iter().all(|holder| *holder == "garage"), "{name}: {holders:?}");
    }
}

#[test]
fn the_compose_specification_allows_it() {
    let Some(check) = programs::program("check-jsonschema") else { return };
    programs::output_of(Command::new(check).args(["--builtin-schema", "vendor.compose-spec"]).arg(repository("deploy/compose.yaml")));
}

#[test]
fn without_secrets_of_its_own_it_does_not_start() {
    let folder = folder_with_secrets();
    fs::remove_dir_all(folder.path().join("secrets")).unwrap();
    let Some(output) = config(folder.path()) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("garage.env"), "{said}");
}

#[test]
fn every_installation_has_secrets_of_its_own_and_keeps_them() {
    let (one, other) = (folder_with_secrets(), folder_with_secrets());
    let secret = |folder: &TempDir, name: &str| fs::read_to_string(folder.path().join("secrets").join(name)).unwrap();
    let compose = compose();
    for (name, declared) in compose["secrets"].as_object().unwrap() {
        assert_eq!(declared["file"], format!("secrets/{name}"));
        let value = secret(&one, name);
        assert!(value.len() >= 34 && value.trim() == value && value != secret(&other, name), "{name}");
        let mode = fs::metadata(one.path().join("secrets").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "{name}: containers run as users of their own");
    }
    assert_eq!(fs::metadata(one.path().join("secrets")).unwrap().permissions().mode() & 0o777, 0o700, "nobody else on the machine");
    assert!(secret(&one, "database-url").contains(&format!(":{}@postgres:5432/", secret(&one, "postgres-password"))));
    for name in ["s3-access-key-id", "s3-secret-access-key"] {
        assert!(secret(&one, "garage.env").contains(&format!("={}\n", secret(&one, name))), "{name}: Garage and we agree");
    }
    let before = secret(&one, "garage.env");
    assert!(!make_secrets(one.path()).contains("wrote"));
    assert_eq!(secret(&one, "garage.env"), before);
}

#[test]
fn nobody_outside_reaches_database_and_storage_and_only_the_web_can_be_opened() {
    let compose = compose();
    let published: BTreeMap<&str, Vec<&str>> =
        compose["services"].as_object().unwrap().iter().map(|(name, service)| (name.as_str(), strings(&service["ports"]))).collect();
    assert_eq!(published["serve"], ["${CRPIPELINE_ADDRESS:-127.0.0.1}:8080:8080", "127.0.0.1:9100:9100"]);
    assert_eq!(published["worker"], ["127.0.0.1:9101-9116:9100"]);
    for name in OTHERS {
        assert!(published[name].is_empty(), "{name}");
        assert_eq!(strings(&compose["services"][name]["networks"]), ["inside"], "{name}");
    }
    assert_eq!(compose["networks"]["inside"]["internal"], true);
}

#[tokio::test]
async fn nothing_gets_more_than_it_needs_and_everything_tells_whether_it_is_well() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), OURS.len() + OTHERS.len());
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert_eq!(service["logging"]["options"]["max-size"], "10m", "{name}");
        assert!(service["mem_limit"].is_string() && service["pids_limit"].is_u64(), "{name}");
        assert!(service["healthcheck"]["test"].is_array(), "{name}");
        let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        assert!(!tag.contains("latest"), "{name}");
        assert!(service.get("privileged").is_none() && service.get("network_mode").is_none(), "{name}");
        let seconds: u64 = service["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
        assert!(seconds > grace_seconds().await, "{name}: it is killed while it hands its work back");
    }
    for name in OURS {
        let test = strings(&services[name]["healthcheck"]["test"]).join(" ");
        assert!(test.ends_with("http://127.0.0.1:9100/readyz"), "{name}: {test}");
        assert_eq!(services[name]["environment"]["CRPIPELINE_METRICS_LISTEN"], "0.0.0.0:9100", "{name}");
    }
    assert_eq!(services["worker"]["depends_on"]["serve"]["condition"], "service_healthy");
    for name in OTHERS {
        assert_eq!(services["serve"]["depends_on"][name]["condition"], "service_healthy", "{name}");
    }
}

/// The processes of ours, with what variables say when nobody sets them.
pub(super) fn processes() -> Vec<Process> {
    let compose = compose();
    let of = |name: &str| {
        let service = &compose["services"][name];
        let environment = service["environment"].as_object().unwrap().iter();
        Process {
            named: format!("compose, {name}"),
            arguments: strings(&service["command"]).into_iter().map(str::to_owned).collect(),
            environment: environment.map(|(name, value)| (name.clone(), default_of(value.as_str().unwrap()))).collect(),
        }
    };
    OURS.into_iter().map(of).collect()
}

/// `${NAME:-default}` without NAME.
fn default_of(value: &str) -> String {
    let inside = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.map_or(value, |inside| inside.split_once(":-").expect("a default").1).to_owned()
}

#[tokio::test]
async fn the_binary_knows_what_compose_tells_it() {
    let processes = processes();
    let [serve, worker] = &processes[..] else { panic!("two of ours") };
    assert_eq!((serve.arguments.join(" "), worker.arguments.join(" ")), ("serve --no-worker".to_owned(), "worker".to_owned()));
    for process in &processes {
        process.expect_known().await;
    }
}

#[test]
fn the_image_is_built_with_arguments_that_it_has_and_writes_to_its_volume_alone() {
    let (compose, dockerfile) = (compose(), text("deploy/Dockerfile"));
    for name in OURS {
        let service = &compose["services"][name];
        for argument in service["build"]["args"].as_object().unwrap().keys() {
            assert!(dockerfile.contains(&format!("\nARG {argument}=")), "{name}: {argument}");
        }
        let folder = service["environment"]["CRPIPELINE_DATA_DIR"].as_str().unwrap();
        assert_eq!(strings(&service["volumes"]), [folder], "{name}");
        assert!(dockerfile.contains(&format!("\nVOLUME {folder}\n")) && dockerfile.contains(&format!(" TMPDIR={folder} ")), "{name}");
    }
}

#[tokio::test]
async fn the_documented_export_scrapes_every_process_where_it_is_published() {
    let readme = text("deploy/README.md");
    let command = readme.lines().find(|line| line.starts_with("crpipeline monitoring export ")).expect("the command");
    assert!(text("deploy/compose.yaml").contains(&format!("#   {command}\n")), "the head of the file says the same");
    let folder = tempfile::tempdir().unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let ran = CommandLine::new(BINARY, folder.path()).run(&words).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let prometheus = yaml(&fs::read_to_string(folder.path().join("monitoring-here/prometheus.host.yml")).unwrap()).remove(0);
    let targets = strings(&prometheus["scrape_configs"][0]["static_configs"][0]["targets"]);
    // One server, and workers from the first port of their range on.
    assert_eq!(targets, ["localhost:9100", "localhost:9101", "localhost:9102"]);
    assert_eq!(compose()["services"]["worker"]["deploy"]["replicas"], targets.len() - 1);
}

#[test]
fn garage_and_ours_speak_of_the_same_bucket_region_and_port() {
    let compose = compose();
    let garage: toml::Table = toml::from_str(&text("deploy/garage.toml")).unwrap();
    let api = &garage["s3_api"];
    let environment = &compose["services"]["serve"]["environment"];
    assert_eq!(environment["S3_BUCKET"], compose["services"]["garage"]["environment"]["GARAGE_DEFAULT_BUCKET"]);
    assert_eq!(environment["AWS_REGION"].as_str(), api["s3_region"].as_str());
    let (_, port) = api["api_bind_addr"].as_str().unwrap().rsplit_once(':').unwrap();
    assert_eq!(environment["AWS_ENDPOINT_URL"], format!("http://garage:{port}"));
    assert_eq!(garage["replication_factor"].as_integer(), Some(1), "with --single-node no other is possible");
    for folder in ["metadata_dir", "data_dir"] {
        let folder = garage[folder].as_str().unwrap();
        let mounted = strings(&compose["services"]["garage"]["volumes"]).into_iter().any(|volume| volume.ends_with(&format!(":{folder}")));
        assert!(mounted, "{folder} is on no volume");
    }
}
