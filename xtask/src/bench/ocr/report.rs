//! The manual's page about speed and accuracy, and its plots, from the results of the bench.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{
    python,
    results::{DocumentResults, Results},
    table,
};
use crate::{run::run, workspace::root};

/// The page.
const PAGE: &str = "docs/manual/ocr-figures.md";
/// Its plots.
const FIGURES: &str = "docs/manual/figures";

/// Writes page and plots.
pub(super) fn write(results: &Results, json: &Path) -> Result<()> {
    python::BENCH.install(false)?;
    let figures = root().join(FIGURES);
    fs::create_dir_all(&figures).with_context(|| format!("making {}", figures.display()))?;
    run(Command::new(python::BENCH.program("python")?).arg(root().join("benches/ocr/plots.py")).arg(json).arg(&figures))?;
    let drawn = |name: &str| figures.join(name).is_file();
    fs::write(root().join(PAGE), page(results, &drawn)).with_context(|| format!("writing {PAGE}"))?;
    println!("wrote {PAGE} and {FIGURES}");
    Ok(())
}

/// The page; a plot that was not drawn is not shown.
fn page(results: &Results, drawn: &dyn Fn(&str) -> bool) -> String {
    let machine = &results.machine;
    let mut page = format!(
        "# Speed and accuracy\n\n\
         What reading documents costs and how well it is done, beside other programs on the same engine.\n\
         Written by `cargo xtask bench ocr --report` from a measurement of {date}: {cores} cores ({processor}), {memory} MiB of memory, {system}, \
         commit {commit}, load {load:.2} when it began.\n\n\
         All of them read the same files with {jobs} jobs in the languages `{languages}`, in turn and with one thread of the engine per page (`OMP_THREAD_LIMIT=1`); several runs give their median. \
         Processor time and memory are those of the whole process tree (memory as PSS, so that shared pages count once). \
         The **lower bound** is what nobody who uses this engine gets below: as many warm engines as jobs, all pages as gray pixels in memory \
         at the resolution that crPipeline reads them at, and nothing but recognition and one walk over its result. \
         **F1** counts words found wherever they stand; **WER**, the word error rate, also counts their order. \
         The **layer** is the text of the written PDF as `pdftotext` reads it.\n\n",
        date = results.date,
        cores = machine.cores,
        processor = machine.processor,
        memory = machine.memory_mebibytes,
        system = machine.system,
        commit = results.commit,
        load = machine.load_at_start,
        jobs = results.jobs,
        languages = results.languages,
    );
    page += &format!("## Goals\n\n{}\n", table::of_goals(&results.goals).markdown());
    for document in &results.documents {
        page += &of_document(results, document, drawn);
    }
    page + &tools(results) + &caveats()
}

fn of_document(results: &Results, document: &DocumentResults, drawn: &dyn Fn(&str) -> bool) -> String {
    let pages = if document.pages == 1 { "1 page".to_owned() } else { format!("{} pages", document.pages) };
    let mut text = format!("## {}\n\nThe document `{}`: {pages}.\n\n", capital(&document.title), document.id);
    for (plot, what) in [("speed", "Pages per minute"), ("accuracy", "Accuracy by kind of page"), ("memory", "Memory over time")] {
        let file = format!("{}-{plot}.svg", document.id);
        if drawn(&file) {
            text += &format!("![{what}: {}](figures/{file})\n\n", document.id);
        }
    }
    text += &format!("{}\n", table::of_document(results, document).markdown());
    if let Some(labels) = table::of_labels(results, document) {
        text += &format!("{}\n", labels.markdown());
    }
    if let Some(failure) = &document.lower_bound_failure {
        text += &format!("The lower bound could not be measured:\n\n```\n{failure}\n```\n\n");
    }
    for tool in &document.tools {
        if let Some(failure) = &tool.failure {
            text += &format!("{} failed:\n\n```\n{failure}\n```\n\n", results.tool_name(&tool.id));
        }
    }
    text
}

fn tools(results: &Results) -> String {
    let mut text = "## What was run\n\n".to_owned();
    for tool in &results.tools {
        text += &match (&tool.version, &tool.missing) {
            (Some(version), _) => format!("- **{}**, {version}: `{}`\n", tool.name, tool.command),
            (None, why) => format!("- **{}** could not be installed: {}\n", tool.name, why.as_deref().unwrap_or("unknown why")),
        };
    }
    text + "\n"
}

fn caveats() -> String {
    "## How to read it\n\n\
     - Runs differ by a few percent; a load above a few tenths at the beginning spoils times, not accuracy.\n\
     - Kreuzberg and the shell loop write no PDF, so they do less.\n\
     - OCRmyPDF takes one file at a time; several files are run side by side, one page each.\n\
     - One receipt is 2.6 % of a column of fields: a difference of one or two is chance.\n\
     - Temporary files are those beyond the finished outputs, also those without a name; looked for every 50 ms or more.\n\
     - Memory at a page of a long document is taken by time, since its pages repeat.\n\
     - What is beside recognition is the median of the differences between our runs and the lower bound of the same round, which runs just before.\n\n\
     Measure it yourself: `cargo xtask bench ocr` (see [benches](../../benches/README.md)).\n"
        .to_owned()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ocr::results::tests::sample;

    #[test]
    fn the_page_tells_machine_goals_figures_versions_and_failures() {
        let page = page(&sample(), &|_| false);
        for wanted in [
            "2026-01-31: 2 cores (A processor)",
            "| scan24: faster than OCRmyPDF (PyPI) | ≥ 1.90 × | 2.00 × | pass |",
            "## Two pages of a scan",
            "| crPipeline (3 runs) | 2.20 |",
            "Kreuzberg (text only) failed:\n\n```\nit fell over\n```",
            "- **OCRmyPDF (PyPI)**, 17.0.0: `ocrmypdf --jobs 2",
            "- **OCRmyPDF (Debian)** could not be installed: no network",
        ] {
            assert!(page.contains(wanted), "{wanted:?} is missing in\n{page}");
        }
        assert!(!page.contains("!["), "a link to a plot that is not there: {page}");
    }

    #[test]
    fn only_plots_that_were_drawn_are_shown() {
        let with = page(&sample(), &|name| name == "scan24-speed.svg");
        assert!(with.contains("![Pages per minute: scan24](figures/scan24-speed.svg)"));
        assert!(!with.contains("receipts-speed.svg") && !with.contains("scan24-memory.svg"));
    }
}
