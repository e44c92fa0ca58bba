//! The figures as tables: for a terminal, and as rows for the manual's page.

use super::results::{DocumentResults, Goal, Results, ToolResults};

/// What stands where there is no figure.
const NONE: &str = "–";

/// A table: the first row is the head.
pub(in crate::bench) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::bench) fn new(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        let head = head.iter().map(|&cell| cell.to_owned()).collect();
        Self { rows: std::iter::once(head).chain(rows).collect() }
    }

    /// Whether there is a head and nothing else.
    pub(in crate::bench) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// For a terminal: first column to the left, figures to the right.
    pub(in crate::bench) fn plain(&self) -> String {
        let widths = self.widths();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                let blanks = " ".repeat(width - cell.chars().count());
                if at == 0 { format!("{cell}{blanks}") } else { format!("{blanks}{cell}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(|row| line(row) + "\n").collect()
    }

    /// For Markdown.
    pub(in crate::bench) fn markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
        let Some((head, body)) = self.rows.split_first() else { return String::new() };
        let rule = format!("|---|{}\n", "---:|".repeat(head.len().saturating_sub(1)));
        line(head) + &rule + &body.iter().map(line).collect::<String>()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        (0..columns).map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect()
    }
}

/// All tools on one document, the lower bound first.
pub(super) fn of_document(results: &Results, document: &DocumentResults) -> Table {
    let mut head: Vec<String> =
        ["", "wall s", "CPU s", "pages/min", "peak MB", "temp MB", "× bound", "× ours", "F1", "WER", "layer F1", "layer WER"]
            .map(str::to_owned)
            .to_vec();
    let has_fields = document.tools.iter().any(|tool| tool.fields.is_some());
    if has_fields {
        head.extend(["total", "date", "company", "address"].map(str::to_owned));
    }
    let columns = head.len();
    let mut rows = vec![head];
    if let Some(bound) = &document.lower_bound {
        let mut row = vec![
            format!("lower bound ({})", counted(bound.runs.len())),
            format!("{:.2}", bound.wall_seconds),
            format!("{:.2}", bound.cpu_seconds),
            format!("{:.1}", document.pages as f64 * 60.0 / bound.wall_seconds.max(f64::MIN_POSITIVE)),
        ];
        row.resize(columns, NONE.to_owned());
        rows.push(row);
    }
    rows.extend(document.tools.iter().map(|tool| of_tool(results, tool, columns, has_fields)));
    Table { rows }
}

fn of_tool(results: &Results, tool: &ToolResults, columns: usize, has_fields: bool) -> Vec<String> {
    let name = results.tool_name(&tool.id);
    if tool.failure.is_some() {
        let mut row = vec![format!("{name}: failed")];
        row.resize(columns, NONE.to_owned());
        return row;
    }
    let times = |number: Option<f64>| number.map_or(NONE.to_owned(), |number| format!("{number:.2}"));
    let mut row = vec![
        format!("{name} ({})", counted(tool.runs.len())),
        format!("{:.2}", tool.wall_seconds),
        format!("{:.2}", tool.cpu_seconds),
        format!("{:.1}", tool.pages_per_minute),
        tool.peak_memory_bytes.map_or(NONE.to_owned(), megabytes),
        megabytes(tool.peak_temporary_bytes),
        times(tool.times_lower_bound),
        times(tool.times_ours),
    ];
    for score in [tool.text, tool.text_layer] {
        row.extend(score.map_or([NONE.to_owned(), NONE.to_owned()], |score| [score.f1, score.wer].map(|share| format!("{share:.4}"))));
    }
    if has_fields {
        let fields = tool.fields.map(|fields| [fields.total, fields.date, fields.company, fields.address]);
        row.extend(fields.map_or([(); 4].map(|()| NONE.to_owned()), |shares| shares.map(|share| format!("{share:.3}"))));
    }
    row
}

/// How pages of each kind were read (F1), one column per tool.
pub(super) fn of_labels(results: &Results, document: &DocumentResults) -> Option<Table> {
    let tools: Vec<&ToolResults> = document.tools.iter().filter(|tool| !tool.by_label.is_empty()).collect();
    let labels = &tools.first()?.by_label;
    let head = std::iter::once("F1 of the text".to_owned()).chain(tools.iter().map(|tool| results.tool_name(&tool.id).to_owned()));
    let mut rows = vec![head.collect::<Vec<_>>()];
    for label in labels {
        let shares = tools.iter().map(|tool| {
            let found = tool.by_label.iter().find(|other| other.label == label.label);
            found.map_or(NONE.to_owned(), |found| format!("{:.4}", found.score.f1))
        });
        rows.push(std::iter::once(label.label.clone()).chain(shares).collect());
    }
    Some(Table { rows })
}

/// What was to be reached.
pub(super) fn of_goals(goals: &[Goal]) -> Table {
    let mut rows = vec![["", "goal", "measured", "result"].map(str::to_owned).to_vec()];
    rows.extend(goals.iter().map(|goal| {
        let result = match goal.reached {
            Some(true) => "pass",
            Some(false) => "MISS",
            None => "not measured",
        };
        vec![goal.what.clone(), goal.goal.clone(), goal.measured.clone().unwrap_or(NONE.to_owned()), result.to_owned()]
    }));
    Table { rows }
}

/// Everything for a terminal.
pub(super) fn everything(results: &Results) -> String {
    let mut text = String::new();
    for document in &results.documents {
        let pages = if document.pages == 1 { "1 page".to_owned() } else { format!("{} pages", document.pages) };
        text += &format!("\n{} ({pages}): {}\n{}", document.id, document.title, of_document(results, document).plain());
        if let Some(table) = of_labels(results, document) {
            text += &format!("\n{}", table.plain());
        }
        if let Some(failure) = &document.lower_bound_failure {
            text += &format!("lower bound: {failure}\n");
        }
        for tool in &document.tools {
            if let Some(failure) = &tool.failure {
                text += &format!("{}: {failure}\n", results.tool_name(&tool.id));
            }
        }
    }
    text += &format!("\n{}", of_goals(&results.goals).plain());
    for tool in &results.tools {
        text += &match (&tool.version, &tool.missing) {
            (Some(version), _) => format!("\n{}: {version}; {}", tool.name, tool.command),
            (None, why) => format!("\n{}: not installed: {}", tool.name, why.as_deref().unwrap_or("unknown why")),
        };
    }
    text + "\n"
}

fn counted(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ocr::results::tests::sample;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table =
            Table { rows: vec![vec!["".into(), "wall".into()], vec!["Müller".into(), "1".into()], vec!["x".into(), "10.25".into()]] };
        assert_eq!(table.plain(), "         wall\nMüller      1\nx       10.25\n");
        assert_eq!(table.markdown(), "|  | wall |\n|---|---:|\n| Müller | 1 |\n| x | 10.25 |\n");
    }

    #[test]
    fn a_bar_in_a_name_ends_no_column() {
        assert!(Table { rows: vec![vec!["a | b".into()]] }.markdown().starts_with("| a \\| b |\n"));
    }

    #[test]
    fn the_tables_tell_figures_failures_and_what_is_missing() {
        let text = everything(&sample());
        for wanted in [
            "scan24 (2 pages)",
            "lower bound (5 runs)",
            "crPipeline (3 runs)",
            "0.9790",
            "Kreuzberg (text only): failed",
            "Kreuzberg (text only): it fell over",
            "OCRmyPDF (Debian): not installed: no network",
            "not measured",
            "pass",
            "MISS",
        ] {
            assert!(text.contains(wanted), "{wanted:?} is missing in\n{text}");
        }
    }
}
