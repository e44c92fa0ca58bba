//! Python packages of the bench: one environment for its own scripts, one for each peer.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{needs, run::run, workspace::target};

/// Packages that are installed together into a folder of their own.
pub(in crate::bench) struct Environment {
    name: &'static str,
    packages: &'static [&'static str],
}

/// What makes documents and draws plots; versions are fixed, so that the documents stay the same.
pub(in crate::bench) const BENCH: Environment =
    Environment { name: "bench", packages: &["pillow==12.0.0", "numpy==2.3.5", "matplotlib==3.10.8"] };
/// The newest OCRmyPDF at the time of installation.
pub(super) const OCRMYPDF: Environment = Environment { name: "ocrmypdf", packages: &["ocrmypdf"] };
/// The newest Kreuzberg at the time of installation.
pub(super) const KREUZBERG: Environment = Environment { name: "kreuzberg", packages: &["kreuzberg"] };

impl Environment {
    /// A program of these packages.
    ///
    /// # Errors
    /// When it is not installed.
    pub(in crate::bench) fn program(&self, name: &str) -> Result<PathBuf> {
        let file = self.folder().join("bin").join(name);
        if !file.is_file() {
            bail!("{name} is not installed in {}", self.folder().display());
        }
        Ok(file)
    }

    /// Installs the packages where they are not there yet, or anew.
    pub(in crate::bench) fn install(&self, anew: bool) -> Result<()> {
        if !anew && fs::read_to_string(self.marker()).is_ok_and(|packages| packages == self.packages.join("\n")) {
            return Ok(());
        }
        let folder = self.folder();
        let python = needs::program("python3").context("python3 is not on the search path")?;
        println!("Installing {} into {}", self.packages.join(", "), folder.display());
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
            .args(self.packages))?;
        // Written last: an installation that was cut short is made anew.
        fs::write(self.marker(), self.packages.join("\n")).context("marking the environment as ready")
    }

    fn folder(&self) -> PathBuf {
        target().join("bench/python").join(self.name)
    }

    fn marker(&self) -> PathBuf {
        self.folder().join("ready")
    }
}
