//! Which crate may depend on which, and which crate alone may use a big library.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace;

/// The allowed arrows; a crate that is not named here may depend on none of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("crp-model", &[]),
    ("crp-metrics", &["crp-model"]),
    ("crp-objects", &["crp-metrics", "crp-model"]),
    ("crp-store", &["crp-metrics", "crp-model"]),
    ("crp-ocr", &["crp-metrics", "crp-model"]),
    ("crp-pipeline", &["crp-ocr", "crp-metrics", "crp-model"]),
    ("crp-worker", &["crp-pipeline", "crp-store", "crp-objects", "crp-metrics", "crp-model"]),
    ("crp-web", &["crp-store", "crp-objects", "crp-metrics", "crp-model"]),
    ("crp-monitoring", &["crp-metrics", "crp-model"]),
    ("crp-ops", &["crp-store", "crp-objects", "crp-ocr", "crp-metrics", "crp-model"]),
    ("crpipeline", ANY_BUT_TESTKIT),
    ("crp-testkit", ANY_BUT_TESTKIT),
];

const ANY_BUT_TESTKIT: &[&str] = &[
    "crp-model",
    "crp-metrics",
    "crp-objects",
    "crp-store",
    "crp-ocr",
    "crp-pipeline",
    "crp-worker",
    "crp-web",
    "crp-monitoring",
    "crp-ops",
];

/// Libraries that only some crates may use, so that replacing one touches one crate. Every build counts, tests too.
const DOORS: &[(&str, &[&str])] = &[
    ("sqlx", &["crp-store"]),
    ("object_store", &["crp-objects"]),
    ("axum", &["crp-web"]),
    ("utoipa", &["crp-web"]),
    ("utoipa-axum", &["crp-web"]),
    ("utoipa-swagger-ui", &["crp-web"]),
    ("tower-http", &["crp-web"]),
    ("prometheus-client", &["crp-metrics"]),
    ("clap", &["crpipeline", "xtask"]),
    ("hayro", &["crp-ocr"]),
    ("hayro-interpret", &["crp-ocr"]),
    ("hayro-syntax", &["crp-ocr"]),
    ("hayro-ccitt", &["crp-ocr"]),
    ("zune-jpeg", &["crp-ocr"]),
    ("png", &["crp-ocr"]),
    ("libloading", &["crp-ocr"]),
    ("landlock", &["crp-ocr"]),
    ("seccompiler", &["crp-ocr"]),
    // The test kit makes sample documents.
    ("lopdf", &["crp-ocr", "crp-testkit"]),
    ("image", &["crp-ocr", "crp-testkit"]),
    ("tiff", &["crp-ocr", "crp-testkit"]),
];

/// One line of a `Cargo.toml`: `from` depends on `to`.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    from: String,
    to: String,
    only_for_tests: bool,
}

/// Every direct dependency of every crate of the workspace.
pub(crate) fn dependencies(root: &Path) -> Result<Vec<Dependency>> {
    let answer = workspace::cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("asking cargo for its metadata")?;
    ensure!(answer.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&answer.stderr).trim());
    of_metadata(&serde_json::from_slice(&answer.stdout).context("cargo metadata answered no JSON")?)
}

fn of_metadata(metadata: &Value) -> Result<Vec<Dependency>> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata names no packages")? {
        let from = package["name"].as_str().context("a package without a name")?;
        for dependency in package["dependencies"].as_array().context("a package without dependencies")? {
            let to = dependency["name"].as_str().context("a dependency without a name")?;
            let only_for_tests = dependency["kind"] == "dev";
            found.push(Dependency { from: from.to_owned(), to: to.to_owned(), only_for_tests });
        }
    }
    Ok(found)
}

/// Arrows between our crates that nobody allowed.
pub(crate) fn forbidden_arrows(dependencies: &[Dependency]) -> Vec<String> {
    let ours = |name: &str| ARROWS.iter().any(|(crate_name, _)| *crate_name == name);
    dependencies
        .iter()
        .filter(|dependency| ours(&dependency.to))
        .filter(|dependency| {
            let allowed = ARROWS.iter().find(|(name, _)| *name == dependency.from).map_or(&[][..], |(_, allowed)| allowed);
            let for_tests = dependency.only_for_tests && dependency.to == "crp-testkit";
            !for_tests && !allowed.contains(&dependency.to.as_str())
        })
        .map(|dependency| format!("{} must not depend on {} (ARCHITECTURE.md, \"Arrows\")", dependency.from, dependency.to))
        .collect()
}

/// Libraries used by a crate that is not their door.
pub(crate) fn forbidden_doors(dependencies: &[Dependency]) -> Vec<String> {
    let mut complaints: Vec<String> = dependencies
        .iter()
        .filter_map(|dependency| {
            let (library, doors) = DOORS.iter().find(|(library, _)| *library == dependency.to)?;
            (!doors.contains(&dependency.from.as_str())).then(|| {
                format!("{} must not use {library}; its door is {} (ARCHITECTURE.md, \"One door per library\")", dependency.from, doors[0])
            })
        })
        .collect();
    complaints.dedup();
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(from: &str, to: &str, kind: &str) -> Vec<Dependency> {
        let kind = if kind.is_empty() { Value::Null } else { kind.into() };
        let metadata = serde_json::json!({"packages": [{"name": from, "dependencies": [{"name": to, "kind": kind}]}]});
        of_metadata(&metadata).unwrap()
    }

    #[test]
    fn web_and_worker_never_meet() {
        assert!(forbidden_arrows(&dependency("crp-web", "crp-worker", ""))[0].starts_with("crp-web must not depend on crp-worker"));
        assert_eq!(forbidden_arrows(&dependency("crp-worker", "crp-web", "")).len(), 1);
        assert_eq!(forbidden_arrows(&dependency("crp-web", "crp-worker", "dev")).len(), 1, "not even in tests");
    }

    #[test]
    fn the_model_depends_on_none_of_ours_and_the_allowed_arrows_are_allowed() {
        assert_eq!(forbidden_arrows(&dependency("crp-model", "crp-metrics", "")).len(), 1);
        assert!(forbidden_arrows(&dependency("crp-metrics", "crp-model", "")).is_empty());
        assert!(forbidden_arrows(&dependency("crpipeline", "crp-web", "")).is_empty());
        assert!(forbidden_arrows(&dependency("crp-store", "serde", "")).is_empty());
    }

    #[test]
    fn the_test_kit_is_for_tests_alone() {
        assert!(forbidden_arrows(&dependency("crp-store", "crp-testkit", "dev")).is_empty());
        assert_eq!(forbidden_arrows(&dependency("crpipeline", "crp-testkit", "")).len(), 1);
        assert_eq!(forbidden_arrows(&dependency("crpipeline", "crp-testkit", "build")).len(), 1);
    }

    #[test]
    fn the_tool_for_chores_depends_on_no_crate_of_the_product() {
        assert_eq!(forbidden_arrows(&dependency("xtask", "crp-model", "")).len(), 1);
    }

    #[test]
    fn a_library_has_one_door() {
        assert!(forbidden_doors(&dependency("crp-web", "sqlx", ""))[0].starts_with("crp-web must not use sqlx; its door is crp-store"));
        assert_eq!(forbidden_doors(&dependency("crp-worker", "lopdf", "dev")).len(), 1);
        assert!(forbidden_doors(&dependency("crp-store", "sqlx", "")).is_empty());
        assert!(forbidden_doors(&dependency("crp-testkit", "lopdf", "")).is_empty());
    }

    #[test]
    fn every_crate_of_the_workspace_has_a_place_in_the_picture() {
        let crates = std::fs::read_dir(workspace::root().join("crates")).unwrap();
        for folder in crates.flatten().filter(|entry| entry.path().join("Cargo.toml").is_file()) {
            let name = folder.file_name().to_string_lossy().into_owned();
            assert!(ARROWS.iter().any(|(known, _)| *known == name), "{name} has no line in ARROWS");
        }
    }
}
