//! The manual's page about what a database carries: its prose with the figures put in, and its plots.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    goals::{self, engine, goals},
    results::{Results, number},
};
use crate::{
    bench::ocr::{python, table::Table},
    run::run,
    workspace::{root, target},
};

/// The prose; `{{name}}` stands for a table.
const PROSE: &str = "benches/database/capacity.md";
/// The page.
const PAGE: &str = "docs/manual/capacity.md";
/// Its plots.
const FIGURES: &str = "docs/manual/figures";

/// Writes page and plots.
pub(super) fn write(queue: &Results, search: &Results) -> Result<()> {
    python::BENCH.install(false)?;
    let figures = root().join(FIGURES);
    let both = target().join("bench/capacity.json");
    let measured: Vec<&Value> = queue.measured.iter().chain(&search.measured).collect();
    fs::write(&both, serde_json::to_vec(&measured)?).with_context(|| format!("writing {}", both.display()))?;
    run(Command::new(python::BENCH.program("python")?).arg(root().join("benches/database/plots.py")).arg(&both).arg(&figures))?;
    let prose = fs::read_to_string(root().join(PROSE)).with_context(|| format!("reading {PROSE}"))?;
    fs::write(root().join(PAGE), page(&prose, queue, search)).with_context(|| format!("writing {PAGE}"))?;
    println!("wrote {PAGE} and {FIGURES}");
    Ok(())
}

/// Everything as tables for a terminal.
pub(super) fn plain(results: &Results) -> String {
    let tables = [claims(&results.measured), cost(&results.measured), search_table(&results.measured)];
    tables.iter().filter(|table| !table.is_empty()).map(|table| table.plain() + "\n").collect()
}

fn page(prose: &str, queue: &Results, search: &Results) -> String {
    let tables = [
        ("{{origin}}", format!("queue: {}; search: {}", origin(queue), origin(search))),
        ("{{goals}}", goal_table(queue, search).markdown()),
        ("{{claims}}", claims(&queue.measured).markdown()),
        ("{{cost}}", cost(&queue.measured).markdown()),
        ("{{sizes}}", sizes(&queue.measured, "cost").markdown()),
        ("{{search}}", search_table(&search.measured).markdown()),
        ("{{documents}}", documents(&search.measured)),
        ("{{archive}}", sizes(&search.measured, "archive").markdown()),
    ];
    // The prose has links of its own folder, so that they are tested there.
    let prose = prose.replace("../../docs/manual/", "");
    tables.iter().fold(prose, |page, (mark, text)| page.replace(mark, text.trim_end()))
}

fn origin(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "measured on {} with {} cores ({}), {} MiB of memory, {}, {}, commit {}, load {:.2} when it began",
        results.date,
        machine.cores,
        machine.processor,
        machine.memory_mebibytes,
        machine.system,
        results.postgres.as_deref().unwrap_or("no PostgreSQL"),
        results.commit,
        machine.load_at_start
    )
}

fn goal_table(queue: &Results, search: &Results) -> Table {
    let all = [goals(&queue.measured), goals(&search.measured)].concat();
    let rows = all.iter().map(|goal: &goals::Goal| {
        let verdict = if goal.is_reached() { "reached" } else { "missed" };
        vec![goal.what.clone(), goal.bound(), format!("{:.1}", goal.value), verdict.to_owned()]
    });
    Table::new(&["", "goal", "measured", ""], rows)
}

/// How many documents the archives have.
fn documents(measured: &[Value]) -> String {
    let numbers: BTreeSet<u64> = lines(measured, "archive").filter_map(|line| line["documents"].as_u64()).collect();
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" and ")
}

fn lines<'a>(measured: &'a [Value], measure: &'a str) -> impl Iterator<Item = &'a Value> {
    measured.iter().filter(move |line| line["measure"] == measure)
}

fn claims(measured: &[Value]) -> Table {
    let rows = lines(measured, "claims").map(|line| {
        let mut row: Vec<String> = vec![engine(line).to_owned()];
        row.extend(["organizations", "waiting", "callers"].map(|name| line[name].to_string()));
        row.push(format!("{:.0}", number(line, "/tasks_per_second")));
        row.extend(["/claim_ms/p50", "/claim_ms/p99", "/complete_ms/p50", "/complete_ms/p99"].map(|at| format!("{:.1}", number(line, at))));
        row
    });
    let head = ["", "organizations", "waiting", "callers", "tasks/s", "claim p50 ms", "claim p99 ms", "complete p50 ms", "complete p99 ms"];
    Table::new(&head, rows)
}

fn cost(measured: &[Value]) -> Table {
    let rows = lines(measured, "cost").map(|line| {
        let per_page = 1000.0 / number(line, "/pages_per_second");
        vec![
            engine(line).to_owned(),
            line["documents_in_all"].to_string(),
            format!("{:.0}", number(line, "/uploads_per_second")),
            format!("{:.0}", number(line, "/pages_per_second")),
            format!("{per_page:.1}"),
            format!("{:.2}", number(line, "/steps_per_page")),
            format!("{:.1}", number(line, "/step_ms/p50")),
            format!("{:.1}", number(line, "/step_ms/p99")),
        ]
    });
    Table::new(&["", "documents there", "uploads/s", "pages/s", "ms per page", "transactions per page", "p50 ms", "p99 ms"], rows)
}

/// Bytes per document in the largest tables, from the last line of each engine, and what a million documents would take.
fn sizes(measured: &[Value], measure: &str) -> Table {
    let mut rows = Vec::new();
    for name in ["sqlite", "postgres"] {
        let Some(line) = lines(measured, measure).filter(|line| line["engine"] == name).last() else { continue };
        let documents = number(line, if measure == "cost" { "/documents_in_all" } else { "/documents" });
        let tables = line["sizes"].as_object().into_iter().flatten();
        let mut tables: Vec<(&String, f64)> = tables.map(|(table, bytes)| (table, bytes.as_f64().unwrap_or(0.0))).collect();
        tables.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: f64 = tables.iter().map(|table| table.1).sum();
        let row = |what: &str, bytes: f64| {
            let per_document = bytes / documents;
            vec![format!("{}: {what}", engine(line)), format!("{per_document:.0}"), format!("{:.1}", per_document * 1e6 / 1e9)]
        };
        rows.push(row("everything", all));
        rows.extend(tables.iter().take(8).map(|(table, bytes)| row(&format!("`{table}`"), *bytes)));
    }
    Table::new(&["", "bytes per document", "GB for a million"], rows.into_iter())
}

fn search_table(measured: &[Value]) -> Table {
    let rows = lines(measured, "search").map(|line| {
        let mut row = vec![
            engine(line).to_owned(),
            line["question"].as_str().unwrap_or("").to_owned(),
            line["order"].as_str().unwrap_or("").to_owned(),
            format!("{:.0}", number(line, "/mean_rows")),
        ];
        row.extend(["/ms/p50", "/ms/p95", "/ms/max"].map(|at| format!("{:.0}", number(line, at))));
        row
    });
    Table::new(&["", "question", "order", "rows", "p50 ms", "p95 ms", "slowest ms"], rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_prose_has_a_place_for_every_table_and_no_other() {
        let prose = fs::read_to_string(root().join(PROSE)).unwrap();
        let machine = crate::bench::ocr::machine::facts().unwrap();
        let line = json!({ "measure": "archive", "engine": "sqlite", "documents": 2, "sizes": { "pages": 2000, "jobs": 5000 } });
        let results = Results { measured: vec![line], ..Results::begin("c0ffee".to_owned(), "2026-01-01".to_owned(), machine, None) };
        let page = page(&prose, &results, &results);
        assert!(!page.contains("{{") && page.contains("commit c0ffee"), "{page}");
        assert!(page.contains("| SQLite: everything | 3500 | 3.5 |\n| SQLite: `jobs` | 2500 | 2.5 |"), "{page}");
        assert!(page.contains("tasks/s") && page.contains("slowest ms"));
    }
}
