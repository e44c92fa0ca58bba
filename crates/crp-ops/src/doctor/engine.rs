//! Tesseract, its languages, and the sandbox around it, asked in a process like those that read documents.

use crp_model::{Code, Failure, SandboxRequirement};
use crp_ocr::{ChildCommand, EngineProbe, SandboxLevel};

use super::Check;

/// `required`: how much the operator insists on the sandbox; `wanted`: the languages that documents of this installation are read in.
pub(super) async fn check(child: &ChildCommand, required: SandboxRequirement, wanted: &[String]) -> Vec<Check> {
    match crp_ocr::probe_engine(child).await {
        Ok(probe) => vec![engine(&probe), languages(&probe, wanted), sandbox(probe.sandbox, required)],
        Err(failure) => vec![Check::failed("tesseract", &failure), without_engine(crp_ocr::probe_sandbox(child).await, required)],
    }
}

fn engine(probe: &EngineProbe) -> Check {
    Check::ok("tesseract", format!("Tesseract {} with its data in {}", probe.version, probe.data_path))
}

fn languages(probe: &EngineProbe, wanted: &[String]) -> Check {
    const NAME: &str = "languages";
    let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|w| !probe.languages.iter().any(|l| l == w)).collect();
    let installed = if probe.languages.is_empty() { "none".to_owned() } else { probe.languages.join(", ") };
    if missing.is_empty() {
        return Check::ok(NAME, format!("Installed: {installed}"));
    }
    let found = format!("Missing: {}; installed: {installed}", missing.join(", "));
    let remedy = format!("{}; elsewhere put NAME.traineddata into {}", crp_ocr::how_to_install_languages(&missing), probe.data_path);
    Check::fail(NAME, found, remedy)
}

fn without_engine(probed: Result<SandboxLevel, Failure>, required: SandboxRequirement) -> Check {
    match probed {
        Ok(level) => sandbox(level, required),
        Err(failure) if failure.code == Code::Internal && required == SandboxRequirement::BestEffort => {
            Check::warn("sandbox", failure.message, failure.remedy)
        }
        Err(failure) => Check::failed("sandbox", &failure),
    }
}

fn sandbox(level: SandboxLevel, required: SandboxRequirement) -> Check {
    const NAME: &str = "sandbox";
    if let Err(failure) = level.satisfies(required) {
        return Check::failed(NAME, &failure);
    }
    let remedy =
        "Use a Linux kernel of 5.13 or newer with Landlock and seccomp switched on; until then read only documents that you trust.";
    match (level.landlock_abi, level.seccomp) {
        (0, false) => Check::warn(NAME, "Documents are read in processes with limits, but neither Landlock nor seccomp holds them", remedy),
        (0, true) => Check::warn(NAME, "System calls are filtered, but Landlock does not keep documents from files", remedy),
        (abi, false) => Check::warn(NAME, format!("Landlock {abi} keeps documents from files, but system calls are not filtered"), remedy),
        (abi, true) => Check::ok(NAME, format!("Landlock {abi} and a system call filter hold the processes that read documents")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    fn probe(languages: &[&str]) -> EngineProbe {
        EngineProbe {
            version: "5.3.0".to_owned(),
            data_path: "/usr/share/tessdata".to_owned(),
            languages: languages.iter().map(|l| (*l).to_owned()).collect(),
            sandbox: SandboxLevel::default(),
        }
    }

    #[test]
    fn a_missing_language_names_the_package_that_brings_it() {
        let check = languages(&probe(&["eng", "osd"]), &["eng".to_owned(), "chi_sim".to_owned()]);
        assert_eq!(check.outcome, Outcome::Fail);
        assert!(check.found.contains("Missing: chi_sim; installed: eng, osd"), "{}", check.found);
        let remedy = check.remedy.unwrap();
        assert!(remedy.contains("apt-get install tesseract-ocr-chi-sim;") && remedy.contains("/usr/share/tessdata"), "{remedy}");
        assert_eq!(languages(&probe(&["eng"]), &["eng".to_owned()]).outcome, Outcome::Ok);
    }

    #[test]
    fn half_a_sandbox_is_a_warning_and_a_failure_where_all_of_it_is_required() {
        let outcomes = |required| {
            let levels = [(0, false), (0, true), (4, false), (4, true)];
            levels.map(|(landlock_abi, seccomp)| sandbox(SandboxLevel { landlock_abi, seccomp }, required).outcome)
        };
        let (ok, warn, fail) = (Outcome::Ok, Outcome::Warn, Outcome::Fail);
        assert_eq!(outcomes(SandboxRequirement::BestEffort), [warn, warn, warn, ok]);
        assert_eq!(outcomes(SandboxRequirement::Require), [fail, fail, fail, ok]);
    }
}
