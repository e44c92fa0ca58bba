//! Runbooks and what alerts say: every name, query, command and quoted line of the log in them is one that exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crp_metrics::Catalogue;
use crp_model::Code;
use crp_monitoring::{ALERTS, query};

/// Words in runbooks that are no name of a code, a metric, a label, a value of one, or a setting.
const OTHER_WORDS: [&str; 16] = [
    // Folders and files.
    "cache",
    "cookies.txt",
    "crpipeline.toml",
    "done",
    "objects",
    "scratch",
    // What `/readyz` checks and says.
    "disk",
    "ok",
    // Fields of answers and of the log.
    "code",
    "failure",
    "path",
    "place",
    "status",
    // Others' words: Prometheus', the shell's.
    "job",
    "job_name",
    "top",
];

/// Programs and methods that begin a command.
const COMMANDS: [&str; 15] = [
    "GET",
    "POST",
    "amtool",
    "apt-get",
    "crpipeline",
    "curl",
    "df",
    "docker",
    "fuser",
    "iostat",
    "journalctl",
    "ls",
    "promtool",
    "ps",
    "sqlite3",
];

/// Texts of several words that are neither a command nor of our log.
const OTHER_TEXTS: [&str; 3] = ["by (…)", "on_page_error: continue", "Out of memory"];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// Name and text of every page, the index included.
fn pages() -> Vec<(&'static str, String)> {
    let of_alerts = ALERTS.iter().map(|alert| (alert.name, alert.runbook.to_owned()));
    of_alerts.chain([("README", read("monitoring/runbooks/README.md"))]).collect()
}

/// What stands in backticks within the sentences of a page.
fn spans(page: &str) -> Vec<String> {
    let sentences: String = page.split("```").step_by(2).collect();
    sentences.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The lines of the sources without comments, of every part that writes into the log.
fn sources() -> String {
    let crates = ["crp-model", "crp-store", "crp-objects", "crp-ops", "crp-web", "crp-worker", "crpipeline"];
    crates.map(|name| texts_below(&repository("crates").join(name).join("src"))).concat()
}

fn texts_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| match path.is_dir() {
        true => texts_below(&path),
        false => fs::read_to_string(path).unwrap_or_default(),
    };
    let texts: Vec<String> = entries.map(text).collect();
    texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_runbook_tells_its_severity_its_query_and_what_to_do() {
    for alert in ALERTS {
        let runbook = alert.runbook;
        let name = alert.name;
        assert_eq!(runbook.lines().next(), Some(format!("# {name}").as_str()));
        assert!(runbook.contains(&format!("Severity: **{}**", alert.severity.as_str())), "{name}: severity");
        assert!(runbook.contains(&format!("```promql\n{}\n```\n", alert.expr)), "{name}: the query is another");
        let headings: Vec<&str> = runbook.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"], "{name}");
        let lines = runbook.lines().count();
        assert!((20..=70).contains(&lines), "{name}: {lines} lines");
    }
}

/// Every name that a runbook may use without explaining it.
fn known_words() -> BTreeSet<String> {
    let configuration = read("docs/reference/configuration.md");
    let settings = configuration.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut known: BTreeSet<String> = settings.chain(Code::ALL.iter().map(|code| code.as_str())).map(str::to_owned).collect();
    for entry in Catalogue::entries() {
        let labels = entry.labels.iter().flat_map(|(name, values)| [*name].into_iter().chain(values()));
        known.extend(labels.chain([entry.name]).map(str::to_owned));
    }
    known
}

fn is_word(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    begins_well && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.')
}

#[test]
fn every_name_in_a_runbook_exists() {
    let (mut known, sources) = (known_words(), sources());
    known.extend(OTHER_WORDS.map(str::to_owned));
    let mut used = BTreeSet::new();
    for (name, page) in pages() {
        for word in spans(&page).into_iter().filter(|span| is_word(span)) {
            // Names with a dot in them are events and fields: no list has them, the code does.
            let exists = known.contains(&word) || word.contains('.') && sources.contains(&word);
            assert!(exists, "{name}: nothing is called {word}");
            used.insert(word);
        }
    }
    let unused: Vec<&str> = OTHER_WORDS.into_iter().filter(|word| !used.contains(*word)).collect();
    assert_eq!(unused, Vec::<&str>::new(), "no runbook says that any more");
}

#[test]
fn every_name_in_what_an_alert_says_exists() {
    let known = known_words();
    for alert in ALERTS {
        for text in [alert.summary, alert.description, alert.first_step] {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.contains('_'));
            words.for_each(|word| assert!(known.contains(word), "{}: nothing is called {word}", alert.name));
        }
    }
}

#[test]
fn every_label_with_a_value_in_a_runbook_exists() {
    for (page, text) in pages() {
        for span in spans(&text) {
            let Some((name, value)) = span.strip_suffix('"').and_then(|span| span.split_once("=\"")).filter(|(name, _)| is_word(name))
            else {
                continue;
            };
            let of_metrics = Catalogue::entries().iter().flat_map(|entry| entry.labels).filter(|(label, _)| *label == name);
            let exists =
                name == "code" && Code::parse(value).is_some() || of_metrics.flat_map(|(_, values)| values()).any(|one| one == value);
            assert!(exists, "{page}: nothing has {span}");
        }
    }
}

/// Whether one of the words is the name of a series of ours.
fn names_a_metric(text: &str) -> bool {
    let is_of = |word: &str, name: &str| word.strip_prefix(name).is_some_and(|part| ["", "_bucket", "_sum", "_count"].contains(&part));
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.into_iter().any(|word| Catalogue::entries().iter().any(|entry| is_of(word, entry.name)))
}

/// Whether it is meant to be asked; the name of a metric alone is only its name.
fn is_query(text: &str) -> bool {
    let selects = query::selectors(text).is_ok_and(|selectors| !selectors.is_empty());
    text.contains(['(', '[', '{']) && (selects || names_a_metric(text))
}

/// The longest query that names a metric within a sentence.
fn query_within(sentence: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let within = |at: &usize| !sentence[..*at].ends_with(is_part) || !sentence[*at..].starts_with(is_part);
    let cuts: Vec<usize> = sentence.char_indices().map(|(at, _)| at).chain([sentence.len()]).filter(within).collect();
    let parts = cuts.iter().flat_map(|from| cuts.iter().filter(move |to| from < to).map(move |to| sentence[*from..*to].trim()));
    let mut parts: Vec<&str> = parts.filter(|part| names_a_metric(part)).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.into_iter().find(|part| query::selectors(part).is_ok())
}

#[test]
fn every_query_in_a_runbook_fits_the_catalogue() {
    for (name, page) in pages() {
        let blocks: Vec<&str> =
            page.split("```promql\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block).collect();
        // The first block is the query of the alert, which has several lines; in others each line is a query.
        let in_blocks = blocks.iter().skip(1).flat_map(|block| block.lines()).filter(|line| !line.is_empty()).map(str::to_owned);
        for text in in_blocks.chain(spans(&page).into_iter().filter(|span| is_query(span))) {
            assert_eq!(query::faults(&text), Vec::<String>::new(), "{name}: {text}");
        }
    }
}

#[test]
fn every_query_in_what_an_alert_says_fits_the_catalogue() {
    for alert in ALERTS {
        for text in [alert.description, alert.first_step].into_iter().filter(|text| names_a_metric(text)) {
            let found = query_within(text).unwrap_or_else(|| panic!("{}: no query in {text}", alert.name));
            assert_eq!(query::faults(found), Vec::<String>::new(), "{}: {found}", alert.name);
        }
    }
}

#[test]
fn queries_are_found_in_sentences() {
    assert_eq!(query_within("See: sum by (status) (rate(jobs_total[5m]))."), Some("sum by (status) (rate(jobs_total[5m]))"));
    assert_eq!(query_within("Look at it (jobs_total) first."), Some("(jobs_total)"));
    assert!(
        is_query("sum(rate(unheard_of[5m]))") && is_query("sum(rate(jobs_total[5m])") && !is_query("jobs_total") && !is_query("by (…)")
    );
    assert!(!query::faults("sum(rate(unheard_of[5m]))").is_empty() && !query::faults("sum(rate(jobs_total[5m])").is_empty());
}

/// What stands in single or double quotes that begin a word: not the values of labels.
fn quoted(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, quote) in text.match_indices(['\'', '"']) {
        let begins = text[..at].ends_with([' ', '(']) && found.iter().all(|(_, end)| *end < at);
        if let Some(length) = text[at + 1..].find(quote).filter(|_| begins) {
            found.push((&text[at + 1..at + 1 + length], at + 1 + length));
        }
    }
    found.into_iter().map(|(text, _)| text).collect()
}

/// What a page or an alert quotes of the log.
fn quoted_from_the_log() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = ALERTS.iter().flat_map(|alert| quoted(alert.first_step)).map(str::to_owned).collect();
    for (_, page) in pages() {
        let is_command = |span: &String| COMMANDS.contains(&span.split(' ').next().unwrap_or_default());
        found.extend(spans(&page).into_iter().filter(|span| span.contains(' ') && !is_command(span) && !is_query(span)));
        found.extend(page.split("| grep '").skip(1).filter_map(|rest| rest.split('\'').next()).map(str::to_owned));
    }
    found.retain(|text| !OTHER_TEXTS.contains(&text.as_str()));
    found
}

#[test]
fn what_is_quoted_of_the_log_is_in_the_code() {
    let (quoted, sources) = (quoted_from_the_log(), sources());
    for text in &quoted {
        let beginning = text.trim_end_matches([' ', '…', ':']);
        assert!(sources.contains(beginning), "nothing logs {beginning:?} any more");
    }
    for text in ["A sign-in was refused", "the database failed", "could not be read", "Starting crPipeline"] {
        assert!(quoted.contains(text), "{text:?} is not found where it is quoted: {quoted:#?}");
    }
}

#[test]
fn settings_and_commands_in_runbooks_exist() {
    let (settings, commands) = (read("docs/reference/configuration.md"), read("docs/manual/command-line.md"));
    for (name, page) in pages() {
        let is_setting = |word: &&str| {
            word.trim_matches('_').contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        };
        for setting in page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(is_setting) {
            assert!(settings.contains(&format!("`{setting}`")), "{name}: there is no setting {setting}");
        }
        for command in page.split(['`', '\n']).filter_map(|text| text.strip_prefix("crpipeline ")) {
            let command = command.split_whitespace().next().unwrap_or_default();
            assert!(command == "--version" || commands.contains(&format!("`{command}")), "{name}: there is no command {command}");
        }
    }
}
