//! What comes along with the binary, under the paths that it has in the repository: links between documents lead on in packages.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::workspace::{self, root};

/// Single files.
const FILES: &[&str] = &[
    ".dockerignore",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    // What documents link to.
    "benches/README.md",
    "ui/README.md",
];

/// Folders with everything in them.
const FOLDERS: &[&str] = &["deploy", "docs", "examples", "monitoring"];

/// Copies all of it below `to`, readable for everybody.
pub(super) fn copy(to: &Path) -> Result<()> {
    let files = files()?;
    for name in FILES.iter().map(Path::new) {
        ensure!(files.iter().any(|file| file == name), "{} is gone; take it out of the list of what is packaged", name.display());
    }
    files.iter().try_for_each(|file| install(&root().join(file), &to.join(file), mode_of(&root().join(file))?))
}

/// The files that git knows or would take: nobody's secrets, nothing that was built.
fn files() -> Result<Vec<PathBuf>> {
    let mut files = workspace::files(&root())?;
    files.retain(|file| FILES.iter().any(|name| file == Path::new(name)) || FOLDERS.iter().any(|folder| file.starts_with(folder)));
    Ok(files)
}

fn mode_of(file: &Path) -> Result<u32> {
    let mode = fs::metadata(file).with_context(|| file.display().to_string())?.permissions().mode();
    Ok(if mode & 0o100 == 0 { 0o644 } else { 0o755 })
}

/// Copies one file, with its folders, whatever the umask is.
pub(super) fn install(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let folder = to.parent().context("a file in a folder")?;
    make_folder(folder)?;
    fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    set_mode(to, mode)
}

/// Makes a folder and those above it that are missing.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folder(folder.parent().context("a folder in a folder")?)?;
    fs::create_dir(folder).with_context(|| format!("making {}", folder.display()))?;
    set_mode(folder, 0o755)
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(|| format!("setting the mode of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_packaged_is_there_and_nothing_that_was_built_or_is_secret() {
        let files = files().unwrap();
        for wanted in [
            "LICENSE-MIT",
            "deploy/compose.yaml",
            "docs/manual/operations.md",
            "monitoring/prometheus.yml",
            "examples/documents/letter.pdf",
        ] {
            assert!(files.iter().any(|file| file == Path::new(wanted)), "{wanted}");
        }
        for file in &files {
            let name = file.display().to_string();
            assert!(!name.ends_with(".env") || name == "deploy/systemd/crpipeline.env", "{name}");
            assert!(!name.starts_with("deploy/secrets"), "{name}");
        }
    }
}
