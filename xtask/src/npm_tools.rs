//! Tools of the tests that are npm packages: installed once, exactly as a committed lock file says, and never into the sources.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    needs,
    run::run,
    workspace::{root, target},
};

/// Packages that are installed together.
struct Packages {
    /// The folder with `package.json`, the lock file and `.npmrc`, from the root of the workspace.
    described_in: &'static str,
    /// Its folder below the target folder.
    name: &'static str,
    /// A package and the variable in which the tests look for its folder.
    package: (&'static str, &'static str),
}

const PACKAGES: &[Packages] = &[
    Packages { described_in: "crates/crpipeline/tests/readers", name: "readers", package: ("CRP_PDFJS", "pdfjs-dist") },
    Packages {
        described_in: "crates/crpipeline/tests/manifests",
        name: "manifests",
        package: ("CRP_KEDA_MODELS", "@kubernetes-models/keda"),
    },
];
const DESCRIPTION: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// Installs what is not there yet.
pub(crate) fn install() -> Result<()> {
    PACKAGES.iter().try_for_each(Packages::install)
}

/// The packages that are there, with their variables.
pub(crate) fn installed() -> impl Iterator<Item = (&'static str, PathBuf)> {
    PACKAGES.iter().map(|packages| (packages.package.0, packages.package_folder())).filter(|(_, folder)| folder.is_dir())
}

impl Packages {
    fn folder(&self) -> PathBuf {
        target().join("xtask/npm").join(self.name)
    }

    fn package_folder(&self) -> PathBuf {
        self.folder().join("node_modules").join(self.package.1)
    }

    fn install(&self) -> Result<()> {
        let (from, folder) = (root().join(self.described_in), self.folder());
        let lock = read(&from.join("package-lock.json"))?;
        if self.package_folder().is_dir() && fs::read_to_string(folder.join("ready")).is_ok_and(|ready| ready == lock) {
            return Ok(());
        }
        let npm = needs::program("npm").context("npm is not on the search path")?;
        println!("Installing {} into {}", self.package.1, folder.display());
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        for file in DESCRIPTION {
            fs::write(folder.join(file), read(&from.join(file))?).with_context(|| format!("writing {file} to {}", folder.display()))?;
        }
        run(Command::new(npm).args(["ci", "--ignore-scripts", "--omit=optional", "--loglevel=error"]).current_dir(&folder))?;
        // Written last: an installation that was cut short is made anew.
        fs::write(folder.join("ready"), lock).context("marking the packages as ready")
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_described_and_no_lock_file_names_a_registry() {
        for packages in PACKAGES {
            let text = |name: &str| read(&root().join(packages.described_in).join(name)).unwrap();
            assert!(text("package.json").contains(&format!("\"{}\": \"", packages.package.1)));
            assert!(!text("package.json").contains('^'), "a version is exact");
            let lock = text("package-lock.json");
            assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""), "{}", packages.described_in);
            assert!(text(".npmrc").contains("omit-lockfile-registry-resolved=true"));
        }
    }
}
