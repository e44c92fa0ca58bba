//! The Dockerfile is well made, and what it promises is what the compose file builds on.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use crp_monitoring::{Settings, export};
use crp_testkit::programs;
use serde_json::Value;

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn dockerfile() -> String {
    fs::read_to_string(repository("deploy/Dockerfile")).unwrap()
}

#[test]
fn hadolint_has_no_complaint() {
    let Some(hadolint) = programs::program("hadolint") else { return };
    programs::output_of(Command::new(hadolint).arg(repository("deploy/Dockerfile")));
}

#[test]
fn the_image_has_what_the_compose_file_relies_on() {
    let files = export::files(&Settings::default());
    let compose = &files.iter().find(|file| file.path == "docker-compose.yml").unwrap().contents;
    let compose: Value = serde_saphyr::from_str(compose).unwrap();
    let service = &compose["services"]["crpipeline"];
    let dockerfile = dockerfile();
    assert!(repository(service["build"]["dockerfile"].as_str().unwrap()).is_file(), "the build names the Dockerfile");
    assert!(service["build"]["context"].as_str().unwrap().contains(":-..}"), "the source is the folder above");
    for name in service["build"]["args"].as_object().unwrap().keys() {
        assert!(dockerfile.contains(&format!("\nARG {name}=")), "{name} is no argument of the build");
    }
    for (name, value) in [("LISTEN", "0.0.0.0:8080"), ("METRICS_LISTEN", "0.0.0.0:9100")] {
        let name = format!("CRPIPELINE_{name}");
        assert_eq!(service["environment"][&name], value);
        assert!(dockerfile.contains(&format!("{name}={value}")), "{name} in the image");
    }
    let volume = service["volumes"][0].as_str().unwrap();
    let (_, folder) = volume.split_once(':').unwrap();
    assert!(dockerfile.contains(&format!("\nVOLUME {folder}\n")) && dockerfile.contains(&format!("CRPIPELINE_DATA_DIR={folder} ")));
    let test: Vec<&str> = service["healthcheck"]["test"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(dockerfile.contains(&format!("CMD {:?}", &test[1..])), "the same question about its health: {test:?}");
}

#[test]
fn the_image_runs_as_a_user_that_is_not_root() {
    let dockerfile = dockerfile();
    let users: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    assert_eq!(users, ["10001:10001"]);
    assert!(dockerfile.contains("useradd --uid 10001 ") && dockerfile.contains("groupadd --gid 10001 "));
}

#[test]
fn neither_secrets_nor_what_was_built_gets_into_the_image() {
    let ignored = fs::read_to_string(repository(".dockerignore")).unwrap();
    let ignored: BTreeSet<&str> = ignored.lines().collect();
    for path in [".git", "target", "crpipeline-data", "monitoring/secrets", "**/.env"] {
        assert!(ignored.contains(path), "{path}");
    }
}
