//! Documents that stay true: every path of the repository that they name exists, and so does the target of every link.

use std::path::{Component, Path, PathBuf};

/// Top-level folders; a path in backticks that begins with one is a promise.
const FOLDERS: &[&str] = &["crates", "xtask", "ui", "monitoring", "deploy", "docs", "examples", "benches", ".ci", ".cargo", ".config"];

/// Top-level files that documents speak of by their bare name.
const FILES: &[&str] = &["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rustfmt.toml", "clippy.toml", "deny.toml", "LICENSE"];

/// What only a build makes.
const MADE_BY_BUILDS: &[&str] = &["ui/dist", "ui/node_modules"];

/// Whether `path` is a document whose paths are looked at. The changelog tells the past and may name what is gone.
pub(crate) fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md") && path != Path::new("CHANGELOG.md")
}

/// Paths and links of the document `path` that lead nowhere; `exists` is asked with paths relative to the root.
pub(crate) fn complaints(path: &Path, text: &str, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in prose(text) {
        for code in inline_code(line) {
            if let Some(wanted) = repository_path(code)
                && !MADE_BY_BUILDS.iter().any(|made| wanted.starts_with(made))
                && !exists(&wanted)
            {
                complaints.push(format!("{}:{number}: `{code}` does not exist", path.display()));
            }
        }
        for link in links(line) {
            let folder = path.parent().unwrap_or(Path::new(""));
            if !normalized(&folder.join(link)).is_some_and(|wanted| exists(&wanted)) {
                complaints.push(format!("{}:{number}: the link to {link} leads nowhere", path.display()));
            }
        }
    }
    complaints
}

/// What is wrong with the changelog.
pub(crate) fn changelog(text: &str) -> Vec<String> {
    if text.lines().any(|line| line.trim_end() == "## [Unreleased]") {
        return Vec::new();
    }
    vec!["CHANGELOG.md: has no section \"## [Unreleased]\" for what changes next".to_owned()]
}

/// The lines outside of fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

fn inline_code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The path that `code` promises, if it looks like one of this repository.
fn repository_path(code: &str) -> Option<PathBuf> {
    // `crates/crp-web/src/router.rs::router` names a function in a file.
    let path = code.split("::").next()?.trim_start_matches("./").trim_end_matches('/');
    if path.is_empty() || path.contains(|c: char| c.is_whitespace() || "<>*{}$…()|".contains(c)) {
        return None;
    }
    let first = path.split('/').next()?;
    if first.starts_with("crp-") && first[4..].chars().all(|c| c.is_ascii_lowercase() || c == '-') {
        return Some(Path::new("crates").join(path));
    }
    let is_document_name = path.strip_suffix(".md").is_some_and(|stem| !stem.is_empty() && stem.chars().all(|c| c.is_ascii_uppercase()));
    let in_folder = path.contains('/') && FOLDERS.contains(&first);
    (in_folder || is_document_name || FILES.contains(&path)).then(|| PathBuf::from(path))
}

/// Targets of links within the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#', ' ']).next()?;
        (!target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")).then_some(target)
    })
}

/// `a/../b` as `b`; nothing when it leaves the repository.
fn normalized(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let there = ["crates/crp-web", "crates/crp-web/src/router.rs", "docs/manual/s3.md", "SECURITY.md", "docs"];
        complaints(Path::new("docs/manual/README.md"), text, &|path| there.iter().any(|known| Path::new(known) == path))
    }

    #[test]
    fn a_path_that_is_gone_is_named_with_its_line() {
        let text = "fine\nsee `crates/crp-web/src/gone.rs` here\n";
        assert_eq!(found(text), ["docs/manual/README.md:2: `crates/crp-web/src/gone.rs` does not exist"]);
        for code in ["crp-nowhere", "crp-web/src/gone.rs::router", "GONE.md", "docs/gone/", "deny.toml"] {
            assert_eq!(found(&format!("`{code}`")).len(), 1, "{code}");
        }
    }

    #[test]
    fn what_exists_or_is_no_path_of_the_repository_is_left_alone() {
        for code in [
            "crates/crp-web/src/router.rs::router",
            "crp-web",
            "crp-web/src/router.rs",
            "./docs/",
            "SECURITY.md",
            "ui/dist/index.html",
            "crates/<name>/src",
            "/api/v1/documents",
            "crpipeline.toml",
            "cargo xtask up",
            "crp_…",
            "docs",
        ] {
            assert_eq!(found(&format!("`{code}`")), Vec::<String>::new(), "{code}");
        }
    }

    #[test]
    fn examples_in_fenced_blocks_promise_nothing() {
        assert!(found("```\n`docs/gone.md`\n```\nfine\n").is_empty());
        assert_eq!(found("```\nx\n```\n`docs/gone.md`\n").len(), 1);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_from_the_folder_of_its_document() {
        assert!(found("[S3](s3.md), [web](https://example.org/x.md), [here](#there), [up](../../SECURITY.md#how)").is_empty());
        assert_eq!(found("[gone](gone.md)").len(), 1);
        assert_eq!(found("[out](../../../etc/passwd)").len(), 1);
    }

    #[test]
    fn the_changelog_has_a_place_for_what_changes_next() {
        assert!(changelog("# Changelog\n\n## [Unreleased]\n").is_empty());
        assert_eq!(changelog("# Changelog\n\n## 1.0.0\n").len(), 1);
    }
}
