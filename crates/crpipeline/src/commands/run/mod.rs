//! `crpipeline run`: files in, artifacts beside them or in a folder, no server and no database.

mod inputs;
mod leftovers;
mod outputs;
mod plan;
mod report;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crp_metrics::{DatabaseKind, Metrics, ProcessRole, StorageKind};
use crp_model::{Failure, Plan, Progress, Stage, labels::EngineKind, pipeline::OcrMode};
use crp_ocr::ChildPool;
use crp_pipeline::{DocumentRequest, DocumentResult, run_document};
use futures_util::{StreamExt as _, stream};

use self::{
    inputs::{Checked, Input},
    outputs::Unfinished,
    report::{Done, Reporter},
};
use crate::{cli::RunArguments, config::Configuration, doors, exit, start, version::BUILD};

/// Runs every file; the first failure gives the exit code.
pub(crate) fn run(arguments: RunArguments, configuration: Configuration) -> ExitCode {
    let scratch = tempfile::Builder::new().prefix("crpipeline-").tempdir();
    let scratch = match scratch {
        Ok(scratch) => scratch,
        Err(error) => return exit::with_failure(&outputs::failed("Nothing can be written in", &std::env::temp_dir(), &error)),
    };
    // The folder goes when the runtime has ended: until then a dropped task may still write into it.
    start::block_on(run_until_interrupted(arguments, configuration, scratch.path()))
}

async fn run_until_interrupted(arguments: RunArguments, configuration: Configuration, scratch: &Path) -> ExitCode {
    let interrupted = match start::interrupted() {
        Ok(interrupted) => interrupted,
        Err(failure) => return exit::with_failure(&failure),
    };
    tokio::select! {
        // Dropping the work ends its processes and removes what it has begun to write.
        code = run_all(arguments, configuration, scratch) => code,
        () = interrupted => {
            eprintln!("interrupted; the files finished before are complete, of the others nothing was written");
            ExitCode::from(exit::INTERRUPTED)
        }
    }
}

async fn run_all(arguments: RunArguments, configuration: Configuration, scratch: &Path) -> ExitCode {
    let (plan, inputs) = match prepare(&arguments) {
        Ok(prepared) => prepared,
        Err(failure) => return exit::with_failure(&failure),
    };
    let metrics = Metrics::new(BUILD, &[]);
    metrics.config_info.set(StorageKind::Local, DatabaseKind::Sqlite, ProcessRole::Run);
    let jobs = arguments.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let children = match doors::document_children(&configuration, jobs, &metrics) {
        Ok(children) => children,
        Err(failure) => return exit::with_failure(&failure),
    };
    warm_up(&plan, &children);
    let runner = &Runner { plan, children, jobs, scratch: scratch.to_owned() };
    let reporter = &Reporter::new(arguments.json, inputs.len());
    // Most scans have one page: several files at a time, or all processors but one would wait. The pool sees to it that no more
    // pages are read at once than were asked for.
    let mut files = stream::iter(inputs.iter().zip(1..))
        .map(|(input, number)| async move {
            let progress = reporter.begin(number, &input.path);
            let outcome = runner.run(input, &mut |done| progress.tell(done)).await;
            (input, progress, outcome)
        })
        .buffered(jobs);
    let mut first_failure = None;
    while let Some((input, progress, outcome)) = files.next().await {
        reporter.end(progress, input, &outcome);
        if let Err(failure) = outcome {
            first_failure.get_or_insert(failure.code.exit_code());
        }
    }
    ExitCode::from(first_failure.unwrap_or(0))
}

/// Loads the engine for the first page while its document is looked through.
fn warm_up(plan: &Plan, children: &ChildPool) {
    if let Some(Stage::Ocr(ocr)) = plan.stages.first()
        && ocr.mode != OcrMode::Off
        && ocr.engine == EngineKind::Tesseract
    {
        children.warm_up(&ocr.languages);
    }
}

/// Everything that can be refused before any work.
fn prepare(arguments: &RunArguments) -> Result<(Plan, Vec<Input>), Failure> {
    let plan = plan::read(arguments.pipeline.as_deref(), arguments.languages.as_deref())?;
    let inputs = inputs::collect(&arguments.files, arguments.output.as_deref(), &arguments.formats)?;
    if let Some(folder) = &arguments.output {
        outputs::prepare_folder(folder)?;
    }
    let folders: BTreeSet<&Path> = inputs.iter().map(|input| outputs::folder_of(&input.outputs.pdf)).collect();
    folders.into_iter().for_each(leftovers::remove_from);
    Ok((plan, inputs))
}

/// What every file is run with.
struct Runner {
    plan: Plan,
    children: ChildPool,
    jobs: usize,
    /// The folder for what stages leave besides the outputs.
    scratch: PathBuf,
}

impl Runner {
    async fn run(&self, input: &Input, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Done, Failure> {
        let Checked { media, sha256 } = inputs::check(&input.path, self.children.limits()).await?;
        let scratch =
            tempfile::tempdir_in(&self.scratch).map_err(|error| outputs::failed("Nothing can be written in", &self.scratch, &error))?;
        let request = DocumentRequest {
            file: input.path.clone(),
            media,
            plan: self.plan.clone(),
            children: self.children.clone(),
            jobs: self.jobs,
            spool: outputs::unnamed_file(outputs::folder_of(&input.outputs.pdf))?,
            scratch: scratch.path().to_owned(),
        };
        let mut unfinished = Unfinished::begin(&input.outputs, &input.path, sha256)?;
        let result = run_document(request, &mut unfinished, progress).await?;
        refuse_failed_pages(&result)?;
        unfinished.finish(&result)?;
        Ok(Done { pages_total: result.pages_total, warnings: result.warnings, fields: result.fields.map(|f| f.len()) })
    }
}

/// A result that misses pages is none, unless the pipeline says so.
fn refuse_failed_pages(result: &DocumentResult) -> Result<(), Failure> {
    let Some((page, first)) = result.page_failures.first() else { return Ok(()) };
    let others = match result.page_failures.len() - 1 {
        0 => String::new(),
        others => format!(", and {others} more of {} pages", result.pages_total),
    };
    let message = format!("Page {page} could not be read{others}: {}", first.message);
    let remedy = format!("{} To keep what could be read, set on_page_error: continue in the pipeline's ocr stage.", first.remedy);
    let mut failure = Failure::new(first.code, message).with_remedy(remedy);
    failure.retryable = first.retryable;
    Err(failure)
}

/// A path as people see it.
fn shown(path: &Path) -> String {
    crate::telemetry::OneLine(path.to_string_lossy()).to_string()
}
