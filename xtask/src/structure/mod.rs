//! The rules of the structure: what a reader may rely on without reading everything.
//!
//! Each rule is a function from what it looks at to its complaints, so that a test can show that it complains.

mod arrows;
mod documents;
mod files;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::workspace;

/// Everything in the workspace at `root` that breaks a rule, one sentence each.
pub(crate) fn complaints(root: &Path) -> Result<Vec<String>> {
    let dependencies = arrows::dependencies(root)?;
    let mut complaints = arrows::forbidden_arrows(&dependencies);
    complaints.extend(arrows::forbidden_doors(&dependencies));

    let paths = workspace::files(root)?;
    for path in &paths {
        let bytes = fs::read(root.join(path)).with_context(|| format!("reading {}", path.display()))?;
        // A picture or a sample document has no words to look at.
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        complaints.extend(files::complaints(path, text));
        if documents::is_document(path) {
            complaints.extend(documents::complaints(path, text, &|wanted| root.join(wanted).exists()));
        }
    }
    let changelog = fs::read_to_string(root.join("CHANGELOG.md")).context("reading CHANGELOG.md")?;
    complaints.extend(documents::changelog(&changelog));
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_keeps_its_rules() {
        let complaints = complaints(&workspace::root()).unwrap();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
