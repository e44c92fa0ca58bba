//! Tells how it goes: a bar per page on a terminal, a line per file, or JSON Lines.

use std::{io::IsTerminal as _, path::Path};

use crp_model::{Failure, Progress, Warning};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{
    inputs::{Input, Outputs},
    shown,
};
use crate::{
    exit,
    telemetry::{OneLine, say},
};

/// What came out of one file.
#[derive(Debug)]
pub(super) struct Done {
    /// Pages of the document.
    pub(super) pages_total: u32,
    /// What a person should know.
    pub(super) warnings: Vec<Warning>,
    /// Number of fields; `None` when the pipeline looks for none.
    pub(super) fields: Option<usize>,
}

/// Tells people or programs.
pub(super) struct Reporter {
    json: bool,
    bars: MultiProgress,
    draws: bool,
    files_total: usize,
}

/// How a file gets on, for people who watch.
pub(super) struct FileProgress(Option<ProgressBar>);

impl Reporter {
    /// A reporter for so many files.
    pub(super) fn new(json: bool, files_total: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { json, bars, draws: std::io::stderr().is_terminal(), files_total }
    }

    /// A file begins; the first has the number 1.
    pub(super) fn begin(&self, number: usize, path: &Path) -> FileProgress {
        if !self.draws {
            return FileProgress(None);
        }
        let bar = self.bars.add(ProgressBar::no_length());
        let which = if self.files_total > 1 { format!("[{number}/{}] ", self.files_total) } else { String::new() };
        bar.set_message(format!("{which}{}", shown(path)));
        bar.set_style(style("{msg} {spinner} opening"));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        FileProgress(Some(bar))
    }

    /// A file has ended.
    pub(super) fn end(&self, progress: FileProgress, input: &Input, outcome: &Result<Done, Failure>) {
        if let FileProgress(Some(bar)) = progress {
            bar.finish_and_clear();
        }
        // The bars of the others must not stand in the lines.
        self.bars.suspend(|| self.tell(input, outcome));
    }

    fn tell(&self, input: &Input, outcome: &Result<Done, Failure>) {
        if self.json {
            say(&line(input, outcome).to_string());
            return;
        }
        match outcome {
            Ok(done) => {
                let outputs: Vec<String> = input.outputs.all().into_iter().map(shown).collect();
                let outputs = outputs.join(", ");
                let fields = done.fields.map_or_else(String::new, |n| format!(", {}", counted(n, "field")));
                say(&format!("{}: {}{fields} → {outputs}", shown(&input.path), counted(done.pages_total as usize, "page")));
                for warning in &done.warnings {
                    eprintln!("warning: {}: {}", shown(&input.path), OneLine(&warning.message));
                }
            }
            Err(failure) => {
                let mut told = failure.clone();
                told.message = format!("{}: {}", shown(&input.path), failure.message);
                exit::tell(&told);
            }
        }
    }
}

impl FileProgress {
    /// Pages are done.
    pub(super) fn tell(&self, progress: Progress) {
        let (Some(bar), Some(total)) = (&self.0, progress.pages_total) else { return };
        bar.set_length(total.into());
        bar.set_position(progress.pages_done.into());
        // Before the first page nobody knows how long the rest takes.
        let left = if progress.pages_done == 0 { "" } else { " · {eta} left" };
        bar.set_style(style(&format!("{{msg}} [{{bar:30}}] {{pos}}/{{len}} pages · {{elapsed}}{left}")));
    }
}

fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The result of one file for programs.
fn line(input: &Input, outcome: &Result<Done, Failure>) -> Value {
    let file = input.path.to_string_lossy();
    match outcome {
        Ok(done) => {
            let Outputs { pdf, text, json, layouts } = &input.outputs;
            let mut outputs =
                json!({ "searchable_pdf": pdf.to_string_lossy(), "text": text.to_string_lossy(), "layout": json.to_string_lossy() });
            for (format, path) in layouts {
                outputs[format.as_str()] = path.to_string_lossy().into();
            }
            json!({ "file": file, "status": "succeeded", "outputs": outputs, "pages": done.pages_total, "warnings": done.warnings })
        }
        Err(failure) => json!({ "file": file, "status": "failed", "outputs": null, "pages": null, "warnings": [], "failure": failure }),
    }
}
