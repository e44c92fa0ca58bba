//! What every source file keeps to: a first line that says what it is for, a length, a name, and no leftovers.

use std::path::Path;

/// The longest that a source file may be.
const MAX_LINES: usize = 500;

/// Names that attract everything and say nothing.
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "managers"];

/// Words that promise work instead of doing it; in pieces, or this file would complain about itself.
const LEFTOVERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplem", "ented!")];

/// A folder of somebody's machine.
const MACHINE_PATH: &str = concat!("/wo", "rk/");

/// Everything about the file `path` with this `text` that breaks a rule.
pub(crate) fn complaints(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut complaints = Vec::new();
    if path.extension().is_some_and(|extension| extension == "rs") {
        if !text.starts_with("//! ") {
            complaints.push(format!("{shown}:1: the first line does not say what the file is for (`//! …`)"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            complaints.push(format!("{shown}: {lines} lines; over {MAX_LINES} a file has more than one thing in it"));
        }
        if let Some(name) = banned_name(path) {
            complaints.push(format!("{shown}: \"{name}\" says nothing about what is inside; name it after that"));
        }
    }
    // Cargo writes this file; its names are not ours.
    if shown.to_string() != "Cargo.lock" {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(word) = LEFTOVERS.iter().find(|word| contains_word(line, word)) {
                complaints.push(format!("{shown}:{number}: {word}: finish it, or say in the documents what is not there yet"));
            }
            if contains_machine_path(line) {
                complaints.push(format!("{shown}:{number}: a path of somebody's machine ({MACHINE_PATH}…)"));
            }
        }
    }
    complaints
}

fn banned_name(path: &Path) -> Option<&'static str> {
    let names = path.with_extension("");
    BANNED_NAMES.iter().copied().find(|banned| names.components().any(|name| name.as_os_str() == *banned))
}

fn contains_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        let goes_on = word.ends_with(is_part) && after.starts_with(is_part);
        !(before.ends_with(is_part) || goes_on)
    })
}

/// Only at the root: deeper folders of that name and web addresses are none of it.
fn contains_machine_path(line: &str) -> bool {
    line.match_indices(MACHINE_PATH).any(|(start, _)| !line[..start].ends_with(|c: char| c.is_alphanumeric() || "._-/~".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(path: &str, text: &str) -> String {
        complaints(Path::new(path), text).join("\n")
    }

    #[test]
    fn a_good_file_has_no_complaints() {
        assert_eq!(complaint("crates/crp-store/src/jobs.rs", "//! Jobs.\n\nfn a() {}\n"), "");
        assert_eq!(complaint("README.md", "Any length.\n".repeat(900).as_str()), "");
    }

    #[test]
    fn a_source_file_says_first_what_it_is_for() {
        assert!(complaint("a.rs", "use std::fs;\n//! Late.\n").contains("a.rs:1: the first line"));
        assert!(complaint("a.rs", "").contains("the first line"));
    }

    #[test]
    fn a_long_file_is_split() {
        let text = format!("//! Long.\n{}", "\n".repeat(MAX_LINES - 1));
        assert_eq!(complaint("a.rs", &text), "");
        assert!(complaint("a.rs", &format!("{text}\n")).contains("501 lines"));
    }

    #[test]
    fn a_name_says_what_is_inside() {
        for path in ["crates/crp-web/src/utils.rs", "crates/crp-web/src/common/mod.rs", "crates/x/tests/helpers.rs"] {
            assert!(complaint(path, "//! A.\n").contains("says nothing"), "{path}");
        }
        assert_eq!(complaint("crates/crp-web/src/commonplace.rs", "//! A.\n"), "");
    }

    #[test]
    fn leftovers_are_found_in_any_file() {
        for word in LEFTOVERS {
            assert!(complaint("docs/a.md", &format!("one\n// {word}: later\n")).contains("docs/a.md:2:"), "{word}");
        }
        assert_eq!(complaint("a.md", "MASTODONS, TODOS and unimplemented things\n"), "");
        assert!(!complaint("Cargo.toml", &format!("# {}()\n", LEFTOVERS[2])).is_empty());
    }

    #[test]
    fn no_path_of_somebodys_machine_gets_in() {
        assert!(!complaint("a.sh", &format!("cd {MACHINE_PATH}main\n")).is_empty());
        assert!(!complaint("a.rs", &format!("//! A.\nconst A: &str = \"{MACHINE_PATH}x\";\n")).is_empty());
        assert_eq!(complaint("a.md", &format!("/var/lib{MACHINE_PATH} and example.org{MACHINE_PATH}\n")), "");
    }
}
