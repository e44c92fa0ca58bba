//! The pages of `docs/reference`, made from the code: what is declared once is written once.

use std::{fmt::Write as _, process::ExitCode};

use crp_metrics::{Catalogue, Entry};
use crp_model::{Code, PipelineFile};
use serde_json::Value;

use crate::config;

/// The hidden subcommand that prints a page, for `cargo xtask docs`.
pub(crate) const COMMAND: &str = "__reference";

/// Makes the text of a page.
type PageText = fn() -> String;

/// The pages by the names of their files.
const PAGES: [(&str, PageText); 7] = [
    ("configuration.md", configuration),
    ("configuration.schema.json", || format!("{:#}\n", config::json_schema())),
    ("failure-codes.md", failure_codes),
    ("metrics.md", metrics),
    ("ocr-http-answer.schema.json", || format!("{:#}\n", crp_ocr::http_answer_schema())),
    ("openapi.json", || format!("{:#}\n", serde_json::to_value(crp_web::openapi()).unwrap_or_default())),
    ("pipeline.schema.json", PipelineFile::json_schema_text),
];

/// Prints the page that the command line names, or the names of all pages.
pub(crate) fn print() -> ExitCode {
    let Some(name) = std::env::args().nth(2) else {
        PAGES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, page)) = PAGES.iter().find(|(known, _)| *known == name) else {
        eprintln!("error: there is no page \"{name}\"");
        return ExitCode::from(2);
    };
    print!("{}", page());
    ExitCode::SUCCESS
}

const MADE: &str = "*Made from the code by `cargo xtask docs`.*";

fn failure_codes() -> String {
    let mut page = format!(
        "# Failure codes: the list\n\n{MADE}\n\n| code | means | what to do | again? | exit code | cause |\n|---|---|---|---|---|---|\n"
    );
    for code in Code::ALL {
        let again = if code.retryable() { "can help" } else { "no" };
        let (name, cause) = (code.as_str(), code.cause().as_str());
        row(&mut page, &[&format!("`{name}`"), code.meaning(), code.remedy(), again, &code.exit_code().to_string(), cause]);
    }
    page
}

fn metrics() -> String {
    let mut page =
        format!("# Metrics: the list\n\n{MADE}\n\n| metric | type | labels | tells about | what it is |\n|---|---|---|---|---|\n");
    for entry in Catalogue::entries() {
        row(
            &mut page,
            &[&format!("`{}`", entry.name), entry.kind.as_str(), &labels(entry), &entry.scope.to_string(), &format!("{}.", entry.help)],
        );
    }
    page += "\nA metric tells about one process (`instance`: sum it over processes) or about the whole service (`service`: take the maximum).\n";
    page += "\nUpper bounds of the buckets, in seconds:\n\n";
    let mut told: Vec<&[f64]> = Vec::new();
    for entry in Catalogue::entries().iter().filter(|entry| !entry.buckets.is_empty()) {
        if !told.contains(&entry.buckets) {
            told.push(entry.buckets);
            let with = Catalogue::entries().iter().filter(|other| other.buckets == entry.buckets).map(|other| format!("`{}`", other.name));
            let bounds: Vec<String> = entry.buckets.iter().map(ToString::to_string).collect();
            let _ = writeln!(page, "- {}: {}", with.collect::<Vec<_>>().join(", "), bounds.join(" · "));
        }
    }
    page
}

fn labels(entry: &Entry) -> String {
    let told = entry.labels.iter().map(|(name, values)| match values().as_slice() {
        [] => format!("`{name}`"),
        values => format!("`{name}`: {}", values.join(", ")),
    });
    told.collect::<Vec<_>>().join("<br>")
}

fn configuration() -> String {
    let schema = config::json_schema();
    let mut page = format!("# Configuration: the list\n\n{MADE}\n");
    for (section, settings) in config::SECTIONS {
        let described = &schema["properties"][section];
        let _ = write!(page, "\n## `[{section}]`\n\n| setting | environment | default | what it is |\n|---|---|---|---|\n");
        for setting in settings {
            let property = config::properties_of(described).map_or(&Value::Null, |properties| &properties[setting.key]);
            let text = property["description"].as_str().unwrap_or_default();
            let also =
                if setting.is_secret { format!("`{0}`, `{0}_FILE`", setting.environment) } else { format!("`{}`", setting.environment) };
            row(&mut page, &[&format!("`{}`", setting.key), &also, &default(&property["default"]), text]);
        }
    }
    page
}

fn default(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::Array(items) if items.is_empty() => String::new(),
        value => format!("`{}`", value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)),
    }
}

/// A row of a table; what would end a cell or a line is kept from doing so.
fn row(page: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(page, "| {} ", cell.replace('|', "\\|").replace('\n', " "));
    }
    *page += "|\n";
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_in_the_repository_is_the_one_that_the_code_makes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        for (name, page) in PAGES {
            let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(written == page(), "docs/reference/{name} is out of date: run `cargo xtask docs`");
        }
    }

    #[test]
    fn every_setting_has_its_sentence_in_the_reference() {
        for line in configuration().lines().filter(|line| line.starts_with("| `")) {
            assert!(!line.ends_with("|  |"), "{line}");
        }
    }
}
