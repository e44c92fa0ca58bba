//! What a bench found out: the shape of the JSON file, from which tables, goals and the manual's page are made.

use serde::{Deserialize, Serialize};

use super::{receipts::FieldShares, score::Score};

/// Everything, as it stands in the JSON file. Sizes are bytes, times are seconds, medians are over `runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The day of the measurement, as YYYY-MM-DD.
    pub(crate) date: String,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// Pages at a time.
    pub(crate) jobs: usize,
    /// Tesseract's codes, joined by `+`.
    pub(crate) languages: String,
    /// The commit that our binary was built from, with a `+` where files had changed since.
    pub(crate) commit: String,
    /// What was measured.
    pub(crate) tools: Vec<ToolFacts>,
    /// On what, with the figures.
    pub(crate) documents: Vec<DocumentResults>,
    /// What was to be reached, and whether it was.
    pub(crate) goals: Vec<Goal>,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) processor: String,
    /// Processors that the bench may use.
    pub(crate) cores: usize,
    /// Memory in mebibytes.
    pub(crate) memory_mebibytes: u64,
    /// Name and version of the system.
    pub(crate) system: String,
    /// Processes that wanted to run when the bench began, averaged over a minute; more than a few tenths spoil the times.
    pub(crate) load_at_start: f64,
}

/// A tool that was to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolFacts {
    /// Its name in `ToolResults`.
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) name: String,
    /// The version that it tells itself; none where it could not be installed.
    pub(crate) version: Option<String>,
    /// Why it could not be installed.
    pub(crate) missing: Option<String>,
    /// How it is run.
    pub(crate) command: String,
}

/// A document and how everybody did on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DocumentResults {
    /// Its name.
    pub(crate) id: String,
    /// What it is.
    pub(crate) title: String,
    /// Pages of all its files.
    pub(crate) pages: usize,
    /// Pure recognition; none where there is nothing to recognise.
    pub(crate) lower_bound: Option<LowerBound>,
    /// Why there is no lower bound although it was to be measured.
    pub(crate) lower_bound_failure: Option<String>,
    /// The tools, ourselves first.
    pub(crate) tools: Vec<ToolResults>,
}

/// Warm engines that do nothing but recognise pixels in memory and walk over the result once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LowerBound {
    /// Every run.
    pub(crate) runs: Vec<Run>,
    /// Median of the slowest process of each run.
    pub(crate) wall_seconds: f64,
    /// Median of the processor time of all processes of a run.
    pub(crate) cpu_seconds: f64,
    /// Processes side by side.
    pub(crate) processes: usize,
}

/// How a tool did on a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolResults {
    /// The tool.
    pub(crate) id: String,
    /// Why there are no figures.
    pub(crate) failure: Option<String>,
    /// Every run.
    pub(crate) runs: Vec<Run>,
    /// Median of the runs.
    pub(crate) wall_seconds: f64,
    /// User and system time of the whole process tree, median of the runs.
    pub(crate) cpu_seconds: f64,
    /// After the wall-clock time.
    pub(crate) pages_per_minute: f64,
    /// Most memory (PSS) of the whole process tree, the largest of the runs.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Most bytes in files beyond those of the outputs, the largest of the runs.
    pub(crate) peak_temporary_bytes: u64,
    /// Wall-clock time as a multiple of the lower bound's.
    pub(crate) times_lower_bound: Option<f64>,
    /// Wall-clock time as a multiple of ours.
    pub(crate) times_ours: Option<f64>,
    /// The text that it wrote against the truth.
    pub(crate) text: Option<Score>,
    /// The text layer of the PDF that it wrote, as `pdftotext` reads it.
    pub(crate) text_layer: Option<Score>,
    /// Fields found in the text, for receipts.
    pub(crate) fields: Option<FieldShares>,
    /// The text by kind of page, where the document has several.
    pub(crate) by_label: Vec<LabelScore>,
    /// Memory over time, for documents that are made to show it.
    pub(crate) memory_over_time: Vec<MemoryAt>,
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// From the start to the end of the last process.
    pub(crate) wall_seconds: f64,
    /// User and system time of the whole process tree.
    pub(crate) cpu_seconds: f64,
}

/// How the pages of one kind were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelScore {
    /// The kind of page.
    pub(crate) label: String,
    /// Its score.
    pub(crate) score: Score,
}

/// Memory at one time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemoryAt {
    /// Since the start.
    pub(crate) seconds: f64,
    /// PSS of the whole process tree.
    pub(crate) bytes: u64,
}

/// Something to be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    /// What, in words.
    pub(crate) what: String,
    /// The bound, with its unit.
    pub(crate) goal: String,
    /// What was measured, with its unit; none if it was not.
    pub(crate) measured: Option<String>,
    /// Whether it was reached; none if it was not measured.
    pub(crate) reached: Option<bool>,
}

impl Results {
    /// The figures of a document.
    pub(crate) fn document(&self, id: &str) -> Option<&DocumentResults> {
        self.documents.iter().find(|document| document.id == id)
    }

    /// Takes over what `earlier` results say about documents that are not `measured_now`, with the tools that they name.
    pub(crate) fn add(&mut self, earlier: Self, measured_now: &[&str]) {
        self.documents.extend(earlier.documents.into_iter().filter(|document| !measured_now.contains(&document.id.as_str())));
        let known: Vec<String> = self.tools.iter().map(|tool| tool.id.clone()).collect();
        self.tools.extend(earlier.tools.into_iter().filter(|tool| !known.contains(&tool.id)));
    }

    /// The name of a tool for people.
    pub(crate) fn tool_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.tools.iter().find(|tool| tool.id == id).map_or(id, |tool| tool.name.as_str())
    }
}

impl DocumentResults {
    /// How a tool did, if it was measured.
    pub(crate) fn tool(&self, id: &str) -> Option<&ToolResults> {
        self.tools.iter().find(|tool| tool.id == id && tool.failure.is_none())
    }
}

/// The middle of some numbers; the mean of the two in the middle of an even count; 0 of none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small file as the bench writes it, for the tests of what is made from it.
    pub(crate) fn sample() -> Results {
        serde_json::from_str(include_str!("sample.json")).unwrap()
    }

    #[test]
    fn the_file_survives_being_read_and_written() {
        let value: serde_json::Value = serde_json::from_str(include_str!("sample.json")).unwrap();
        assert_eq!(serde_json::to_value(sample()).unwrap(), value, "no member is lost, renamed or added without notice");
    }

    #[test]
    fn earlier_results_about_other_documents_are_kept() {
        let mut results = sample();
        results.documents.clear();
        results.tools.truncate(1);
        results.add(sample(), &["receipts", "thousand"]);
        let documents: Vec<&str> = results.documents.iter().map(|document| document.id.as_str()).collect();
        assert_eq!(documents, ["scan24"]);
        let tools: Vec<&str> = results.tools.iter().map(|tool| tool.id.as_str()).collect();
        assert_eq!(tools, ["crpipeline", "ocrmypdf", "ocrmypdf-debian", "kreuzberg"]);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }
}
