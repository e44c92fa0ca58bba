//! Runs the tools on a document in turn, round after round, and brings the rounds together.

use std::{fs, time::Duration};

use anyhow::{Result, bail};

use super::{
    documents::Document,
    lower_bound,
    measure::{self, Measured, RunFolders},
    outputs::{self, Scores},
    plan::Plan,
    process_tree,
    results::{DocumentResults, LowerBound, MemoryAt, Run, ToolResults, median},
    score::round,
    tools::{Settings, Tool},
};
use crate::{interrupt, workspace::target};

/// A tool gets so long for a document, and for each page of it.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_PER_PAGE: Duration = Duration::from_secs(60);
/// From so many pages on, memory over time is kept.
const MANY_PAGES: usize = 100;
/// Points of it.
const POINTS: usize = 400;

/// Measures all of `tools` on `document`.
///
/// # Errors
/// Only where nothing can go on: a tool that fails is told in the results.
pub(super) fn measure(
    plan: &Plan,
    document: &Document,
    tools: &[Tool],
    settings: &Settings,
    progress: &mut Progress,
) -> Result<DocumentResults> {
    // Whoever comes first would otherwise wait for the disk.
    for file in &document.files {
        fs::read(file)?;
    }
    let bound_rounds = plan.lower_bound_rounds(document.id);
    let mut bound: Result<Vec<Run>> = Ok(Vec::new());
    let mut contenders: Vec<Contender> = tools
        .iter()
        .filter(|tool| tool.reads(document) && plan.rounds(**tool, document.id) > 0)
        .map(|tool| Contender {
            tool: *tool,
            rounds: plan.rounds(*tool, document.id),
            runs: Vec::new(),
            scores: Scores::default(),
            temporary_bytes: 0,
            failure: None,
        })
        .collect();
    let all_rounds = contenders.iter().map(|contender| contender.rounds).chain([bound_rounds]).max().unwrap_or(0);
    for number in 0..all_rounds {
        if number < bound_rounds
            && let Ok(runs) = &mut bound
        {
            progress.begin(document, "lower bound", number, bound_rounds);
            match lower_bound::run(document, settings) {
                Ok(run) => {
                    progress.end(
                        "lower bound",
                        document,
                        &format!("{:.2} s wall, {:.2} s CPU", run.wall_seconds, run.cpu_seconds),
                        run.wall_seconds,
                    );
                    runs.push(run);
                }
                Err(error) => {
                    progress.end("lower bound", document, &format!("failed: {error:#}"), 0.0);
                    bound = Err(error);
                }
            }
            process_tree::end_leftovers();
        }
        for contender in contenders.iter_mut().filter(|contender| number < contender.rounds && contender.failure.is_none()) {
            progress.begin(document, contender.tool.name(), number, contender.rounds);
            contender.run(document, settings, progress);
            if interrupt::was_asked_to_stop() {
                bail!("interrupted");
            }
        }
    }
    Ok(together(document, bound, lower_bound::processes(document, settings), contenders))
}

/// A tool with its runs so far.
struct Contender {
    tool: Tool,
    rounds: u32,
    runs: Vec<Measured>,
    scores: Scores,
    temporary_bytes: u64,
    failure: Option<String>,
}

impl Contender {
    fn run(&mut self, document: &Document, settings: &Settings, progress: &mut Progress) {
        match self.try_run(document, settings) {
            Ok(measured) => {
                let memory = measured.peak_memory_bytes().map_or_else(String::new, |bytes| format!(", {:.0} MB", bytes as f64 / 1e6));
                let told = format!("{:.2} s wall, {:.2} s CPU{memory}", measured.wall_seconds, measured.cpu_seconds);
                progress.end(self.tool.id(), document, &told, measured.wall_seconds);
                self.runs.push(measured);
            }
            Err(error) => {
                progress.end(self.tool.id(), document, &format!("failed: {error:#}"), 0.0);
                self.failure = Some(format!("{error:#}"));
            }
        }
    }

    fn try_run(&mut self, document: &Document, settings: &Settings) -> Result<Measured> {
        let folders = RunFolders::new(&target().join("bench/ocr/runs").join(document.id).join(self.tool.id()))?;
        let mut command = self.tool.command(document, settings, &folders)?;
        let limit = LIMIT + LIMIT_PER_PAGE * u32::try_from(document.pages).unwrap_or(u32::MAX);
        let measured = measure::measure(&mut command, &folders, limit)?;
        let output_bytes = process_tree::folder_bytes(&folders.output);
        self.temporary_bytes = self.temporary_bytes.max(measured.peak_temporary_bytes(output_bytes));
        // The same input gives the same words; once is enough.
        if self.runs.is_empty() {
            self.scores = outputs::scores(self.tool, document, &folders.output)?;
        }
        // What a peer leaves in the temporary folder is not needed any more, and may be gigabytes.
        fs::remove_dir_all(&folders.temporary)?;
        Ok(measured)
    }
}

/// The medians of the rounds, and everybody against the lower bound and against us.
fn together(document: &Document, bound: Result<Vec<Run>>, processes: usize, contenders: Vec<Contender>) -> DocumentResults {
    let (bound, lower_bound_failure) = match bound {
        Ok(runs) => (runs, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let lower_bound = (!bound.is_empty()).then(|| LowerBound {
        wall_seconds: median_of(&bound, |run| run.wall_seconds),
        cpu_seconds: median_of(&bound, |run| run.cpu_seconds),
        runs: bound,
        processes,
    });
    let mut tools: Vec<ToolResults> = contenders.into_iter().map(|contender| of_one(contender, document.pages)).collect();
    let ours = tools.iter().find(|tool| tool.id == Tool::Crpipeline.id() && tool.failure.is_none()).map(|tool| tool.wall_seconds);
    for tool in tools.iter_mut().filter(|tool| tool.failure.is_none()) {
        let wall = tool.wall_seconds;
        let times = |seconds: f64| (seconds > 0.0).then(|| round(wall / seconds, 4));
        tool.times_lower_bound = lower_bound.as_ref().and_then(|bound| times(bound.wall_seconds));
        tool.times_ours = ours.and_then(times);
    }
    DocumentResults {
        id: document.id.to_owned(),
        title: document.title.clone(),
        pages: document.pages,
        lower_bound,
        lower_bound_failure,
        tools,
    }
}

fn of_one(contender: Contender, pages: usize) -> ToolResults {
    let Contender { tool, runs: measured, scores, temporary_bytes, failure, .. } = contender;
    let runs: Vec<Run> =
        measured.iter().map(|run| Run { wall_seconds: round(run.wall_seconds, 3), cpu_seconds: round(run.cpu_seconds, 3) }).collect();
    let wall_seconds = median_of(&runs, |run| run.wall_seconds);
    ToolResults {
        id: tool.id().to_owned(),
        failure,
        wall_seconds,
        cpu_seconds: median_of(&runs, |run| run.cpu_seconds),
        pages_per_minute: if wall_seconds > 0.0 { round(pages as f64 * 60.0 / wall_seconds, 2) } else { 0.0 },
        runs,
        peak_memory_bytes: measured.iter().filter_map(Measured::peak_memory_bytes).max(),
        peak_temporary_bytes: temporary_bytes,
        times_lower_bound: None,
        times_ours: None,
        text: scores.text,
        text_layer: scores.text_layer,
        fields: scores.fields,
        by_label: scores.by_label,
        memory_over_time: if pages >= MANY_PAGES { measured.last().map(memory_over_time).unwrap_or_default() } else { Vec::new() },
    }
}

fn median_of(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    round(median(runs.iter().map(figure).collect()), 3)
}

/// At most so many points, each the largest of its stretch of time.
fn memory_over_time(run: &Measured) -> Vec<MemoryAt> {
    let at = |sample: &measure::Sample| Some(MemoryAt { seconds: round(sample.seconds, 2), bytes: sample.memory_bytes? });
    let all: Vec<MemoryAt> = run.samples.iter().filter_map(at).collect();
    let stretch = all.len().div_ceil(POINTS).max(1);
    all.chunks(stretch).filter_map(|chunk| chunk.iter().max_by_key(|at| at.bytes).copied()).collect()
}

/// What is being run, and how much of it is left.
pub(super) struct Progress {
    done: usize,
    /// Every run that is planned: document, tool, seconds that it takes.
    planned: Vec<(&'static str, String, f64)>,
    total: usize,
}

impl Progress {
    /// Nothing is done yet.
    pub(super) fn new(plan: &Plan, documents: &[Document], tools: &[Tool]) -> Self {
        let mut planned = Vec::new();
        for document in documents {
            let usual = |seconds: f64| if document.is_text { 5.0 } else { 1.0 + seconds * document.pages as f64 };
            for _ in 0..plan.lower_bound_rounds(document.id) {
                planned.push((document.id, "lower bound".to_owned(), usual(0.8)));
            }
            for tool in tools.iter().filter(|tool| tool.reads(document)) {
                for _ in 0..plan.rounds(*tool, document.id) {
                    planned.push((document.id, tool.id().to_owned(), usual(tool.usual_seconds_per_page())));
                }
            }
        }
        Self { done: 0, total: planned.len(), planned }
    }

    /// How long all of it will take.
    pub(super) fn announcement(&self) -> String {
        format!("{} runs, {}. Leave the machine alone meanwhile; Ctrl-C ends it.", self.total, self.left())
    }

    fn begin(&mut self, document: &Document, what: &str, round: u32, rounds: u32) {
        use std::io::Write as _;
        self.done += 1;
        print!("[{}/{}] {}, round {}/{rounds}: {what} … ", self.done, self.total, document.id, round + 1);
        // Without a terminal nobody waits for the line.
        let _ = std::io::stdout().flush();
    }

    fn end(&mut self, what: &str, document: &Document, told: &str, seconds: f64) {
        if let Some(at) = self.planned.iter().position(|(id, name, _)| *id == document.id && name == what) {
            self.planned.remove(at);
        }
        // What is left of the same kind takes as long as this did.
        for (_, _, expected) in self.planned.iter_mut().filter(|(id, name, _)| *id == document.id && name == what) {
            *expected = seconds;
        }
        println!("{told} ({} left)", self.left());
    }

    fn left(&self) -> String {
        let seconds: f64 = self.planned.iter().map(|(_, _, seconds)| *seconds).fold(0.0, |sum, next| sum + next);
        if seconds < 90.0 { format!("about {seconds:.0} s") } else { format!("about {:.0} minutes", seconds / 60.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ocr::{documents::Truth, measure::Sample};

    fn document() -> Document {
        let truth = Truth::Pages { texts: Vec::new(), labels: Vec::new() };
        Document { id: "scan24", title: String::new(), files: Vec::new(), pages: 24, is_text: false, truth }
    }

    fn contender(tool: Tool, walls: &[f64]) -> Contender {
        let run = |wall: &f64| Measured {
            wall_seconds: *wall,
            cpu_seconds: wall * 2.0,
            samples: vec![Sample { seconds: 0.1, memory_bytes: Some((wall * 10.0) as u64), file_bytes: 0 }],
        };
        Contender { tool, rounds: 3, runs: walls.iter().map(run).collect(), scores: Scores::default(), temporary_bytes: 7, failure: None }
    }

    #[test]
    fn rounds_become_medians_and_everybody_is_compared_with_the_bound_and_with_us() {
        let bound = [10.0, 30.0, 20.0].map(|wall_seconds| Run { wall_seconds, cpu_seconds: 40.0 });
        let contenders = vec![contender(Tool::Crpipeline, &[24.0, 22.0, 90.0]), contender(Tool::Kreuzberg, &[48.0])];
        let results = together(&document(), Ok(bound.to_vec()), 2, contenders);
        let (ours, peer) = (&results.tools[0], &results.tools[1]);
        assert_eq!((ours.wall_seconds, ours.cpu_seconds, ours.peak_memory_bytes), (24.0, 48.0, Some(900)));
        assert_eq!((ours.times_lower_bound, ours.times_ours, ours.pages_per_minute), (Some(1.2), Some(1.0), 60.0));
        assert_eq!((peer.times_lower_bound, peer.times_ours), (Some(2.4), Some(2.0)));
    }

    #[test]
    fn who_failed_has_no_ratio_and_without_us_there_is_none() {
        let mut failed = contender(Tool::Crpipeline, &[]);
        failed.failure = Some("no".to_owned());
        let results = together(&document(), Err(anyhow::anyhow!("no engine")), 2, vec![failed, contender(Tool::Kreuzberg, &[48.0])]);
        assert_eq!((results.lower_bound, results.lower_bound_failure.as_deref()), (None, Some("no engine")));
        assert_eq!((results.tools[0].times_ours, results.tools[1].times_ours), (None, None));
    }

    #[test]
    fn a_long_run_keeps_its_peaks_in_few_points() {
        let mut run = contender(Tool::Crpipeline, &[100.0]).runs.remove(0);
        run.samples = (0..4001)
            .map(|at| Sample { seconds: f64::from(at), memory_bytes: Some(if at == 1234 { 999 } else { 5 }), file_bytes: 0 })
            .collect();
        let points = memory_over_time(&run);
        assert!(points.len() <= POINTS, "{}", points.len());
        assert!(points.contains(&MemoryAt { seconds: 1234.0, bytes: 999 }));
    }
}
