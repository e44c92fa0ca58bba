//! The licences of what is inside the binary, which ask that their texts go where it goes: crates, and packages of the web app.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::output;
use crate::workspace::{cargo, root};

/// The name of the file in packages.
pub(super) const FILE: &str = "THIRD-PARTY-LICENCES.txt";

/// A package of somebody else that is inside.
struct Inside {
    /// Name, version, and the licence in its own words.
    told: String,
    /// Its folder, as it was downloaded.
    folder: PathBuf,
}

/// All texts, each once, with what it is the licence of.
pub(super) fn text() -> Result<String> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--locked", "--filter-platform"]).arg(platform()))?;
    let mut inside = crates(&serde_json::from_str(&metadata).context("reading cargo metadata")?)?;
    inside.extend(npm_packages()?);
    let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without_text = BTreeSet::new();
    for Inside { told, folder } in inside {
        let texts = texts_in(&folder)?;
        if texts.is_empty() {
            without_text.insert(told.clone());
        }
        for text in texts {
            by_text.entry(text).or_default().insert(told.clone());
        }
    }
    Ok(written(&by_text, &without_text))
}

fn platform() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// What the binary is linked from: the normal dependencies of `crpipeline`, and theirs, without our own crates.
fn crates(metadata: &Value) -> Result<Vec<Inside>> {
    let of = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> = of(&metadata["packages"]).into_iter().map(|package| (id(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> = of(&metadata["resolve"]["nodes"]).into_iter().map(|node| (id(&node["id"]), node)).collect();
    let binary = packages.iter().find(|(_, package)| package["name"] == "crpipeline").context("the workspace has no crpipeline")?.0;
    let (mut seen, mut open) = (BTreeSet::new(), vec![binary.clone()]);
    while let Some(next) = open.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        let needed = of(&nodes.get(&next).context("a package that nothing resolves")?["deps"]).into_iter();
        let linked = needed.filter(|needed| of(&needed["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
        open.extend(linked.map(|needed| id(&needed["pkg"])));
    }
    let others = packages.into_iter().filter(|(id, package)| seen.contains(id) && !package["source"].is_null());
    others
        .map(|(_, package)| {
            let text = |key: &str| package[key].as_str().unwrap_or("?").to_owned();
            let folder = Path::new(&text("manifest_path")).parent().context("a manifest in a folder")?.to_owned();
            Ok(Inside { told: format!("{} {} ({})", text("name"), text("version"), text("license")), folder })
        })
        .collect()
}

/// What the web app is bundled from: its dependencies and theirs, and Svelte, which its own compiler puts in.
fn npm_packages() -> Result<Vec<Inside>> {
    let file = root().join("ui/package-lock.json");
    let lock: Value = serde_json::from_str(&fs::read_to_string(&file)?).with_context(|| file.display().to_string())?;
    let packages = lock["packages"].as_object().context("a lock file with packages")?;
    let bundled = packages.iter().filter(|(path, package)| {
        !path.is_empty() && (package["dev"] != true || path.as_str() == "node_modules/svelte") && package["optional"] != true
    });
    Ok(bundled
        .map(|(path, package)| {
            let name = path.rsplit_once("node_modules/").map_or(path.as_str(), |(_, name)| name);
            let text = |key: &str| package[key].as_str().unwrap_or("?");
            Inside { told: format!("{name} {} ({}), web app", text("version"), text("license")), folder: root().join("ui").join(path) }
        })
        .collect())
}

/// Files that say what is allowed, under the names that people give them.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let says = ["licen", "copying", "notice", "unlicense", "copyright"].iter().any(|begin| name.starts_with(begin));
        if says && entry.path().is_file() {
            let text = fs::read(entry.path()).with_context(|| entry.path().display().to_string())?;
            texts.push(String::from_utf8_lossy(&text).replace("\r\n", "\n").trim().to_owned());
        }
    }
    Ok(texts)
}

fn written(by_text: &BTreeMap<String, BTreeSet<String>>, without_text: &BTreeSet<String>) -> String {
    let mut all =
        "Inside crpipeline is the work of others. Each licence stands below once, after the names of what it is about.\n".to_owned();
    let rule = "=".repeat(100);
    // Writing to a text cannot fail.
    for (text, names) in by_text {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = write!(all, "\n{rule}\n{}\n{rule}\n\n{text}\n", names.join("\n"));
    }
    if !without_text.is_empty() {
        let names: Vec<&str> = without_text.iter().map(String::as_str).collect();
        let _ =
            write!(all, "\n{rule}\nWithout a text of their own; the licence is the one in parentheses:\n{}\n{rule}\n", names.join("\n"));
    }
    all
}

/// Writes the file into a folder.
pub(super) fn write_to(file: &Path, text: &str) -> Result<()> {
    ensure!(text.len() > 10_000, "there are hardly any licences; was everything downloaded?");
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    super::contents::set_mode(file, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_the_binary_and_nothing_else_is_named_with_its_text() {
        let text = text().unwrap();
        for inside in ["tokio 1.", "sqlx-core 0.9", "hayro 0.9", "rustls 0.23", "svelte 5.", "pdfjs-dist 5."] {
            assert!(text.contains(&format!("\n{inside}")), "{inside}");
        }
        for outside in ["insta ", "proptest ", "crp-model ", "vite ", "playwright"] {
            assert!(!text.contains(&format!("\n{outside}")), "{outside}");
        }
        assert!(text.contains("Permission is hereby granted, free of charge"));
    }
}
