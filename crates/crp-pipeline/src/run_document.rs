//! One document through one plan without server or database: what `crpipeline run` does.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crp_model::{
    ArtifactKind, Code, Failure, Field, MediaType, PageLayout, PageNo, Plan, Progress, Stage, Warning,
    labels::WarningKind,
    pipeline::{OcrStage, OnPageError},
};
use crp_ocr::{ChildPool, Inspection, PageReading, ReadSettings};
use tokio::sync::mpsc;

use crate::{
    StageInput, StageOutput, Workspace, run_stage,
    stages::ocr::{Assembler, PageReader, empty_page, inspect, read_settings},
};

/// What to run.
#[derive(Clone, Debug)]
pub struct DocumentRequest {
    /// The document; it is only read.
    pub file: PathBuf,
    /// Its format.
    pub media: MediaType,
    /// The stages.
    pub plan: Plan,
    /// Where the processes come from that read it, with what it may cost in them.
    pub children: ChildPool,
    /// Pages read at the same time.
    pub jobs: usize,
    /// An empty folder for the results; the caller removes it.
    pub scratch: PathBuf,
}

/// What came out; every file lies in the request's scratch folder.
#[derive(Clone, Debug)]
pub struct DocumentResult {
    /// The searchable PDF.
    pub searchable_pdf: PathBuf,
    /// The text.
    pub text: PathBuf,
    /// The layout, `{"pages":[…]}`.
    pub layout: PathBuf,
    /// The fields; `None` when the plan looks for none.
    pub fields: Option<Vec<Field>>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
    /// Pages that could not be read and whose stage does not forgive it: the run has failed, but its files exist.
    pub page_failures: Vec<(PageNo, Failure)>,
    /// Pages of the document.
    pub pages_total: u32,
}

/// Runs every stage of the plan. `progress` hears of each page that is done.
///
/// # Errors
/// Why there is no result at all. Pages that failed alone are told in the result.
pub async fn run_document(request: DocumentRequest, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<DocumentResult, Failure> {
    let DocumentRequest { file, media, plan, children, jobs, scratch } = request;
    let workspace = Workspace { document: file, media, scratch, children };
    let Some((Stage::Ocr(ocr), later)) = plan.stages.split_first() else {
        return Err(Failure::new(Code::InvalidPipeline, "The pipeline does not begin with an ocr stage"));
    };
    let inspection = inspect(&workspace).await?;
    let pages_total = u32::try_from(inspection.pages.len()).unwrap_or(u32::MAX);
    progress(Progress { pages_done: 0, pages_total: Some(pages_total) });

    let mut read = read_all(&workspace, ocr, &inspection, jobs, progress).await?;
    read.warnings.splice(0..0, inspection.warnings.iter().cloned());
    let assembled = assemble_all(&workspace, ocr, pages_total, &mut read.warnings).await?;
    let mut fields = None;
    for stage in later {
        let output = run_stage(stage, &workspace, &mut SpooledPages::new(&workspace, pages_total)).await?;
        read.warnings.extend(output.warnings);
        fields = Some(output.fields);
    }
    let page_failures = match ocr.on_page_error {
        // A document of which no page could be read is a failure, whatever the stage forgives.
        OnPageError::Continue if read.failures.len() < pages_total as usize => {
            read.warnings.extend(read.failures.iter().map(|(page, failure)| page_warning(*page, failure)));
            Vec::new()
        }
        OnPageError::Fail | OnPageError::Continue => read.failures,
    };
    Ok(DocumentResult {
        searchable_pdf: file_of(&assembled, ArtifactKind::SearchablePdf)?,
        text: file_of(&assembled, ArtifactKind::Text)?,
        layout: file_of(&assembled, ArtifactKind::Layout)?,
        fields,
        warnings: read.warnings,
        page_failures,
        pages_total,
    })
}

/// The warning that stands for a failed page when the stage goes on.
fn page_warning(page: PageNo, failure: &Failure) -> Warning {
    Warning::new(WarningKind::PageFailed, Some(page), format!("Page {page} could not be read: {}", failure.message))
}

fn file_of(output: &StageOutput, kind: ArtifactKind) -> Result<PathBuf, Failure> {
    output.path(kind).map(Path::to_owned).ok_or_else(|| Failure::new(Code::Internal, format!("The stage left no {}", kind.as_str())))
}

#[derive(Default)]
struct Read {
    warnings: Vec<Warning>,
    failures: Vec<(PageNo, Failure)>,
}

/// Reads every page, `jobs` at a time; each is spooled to the scratch folder as it is done.
async fn read_all(
    workspace: &Workspace,
    stage: &OcrStage,
    inspection: &Inspection,
    jobs: usize,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Read, Failure> {
    let pages_total = inspection.pages.len();
    let waiting: VecDeque<PageNo> = (0..pages_total).map(PageNo::from_index).collect();
    let waiting = Arc::new(Mutex::new(waiting));
    let (sender, mut receiver) = mpsc::channel(2);
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..jobs.clamp(1, pages_total.max(1)) {
        readers.spawn(read_waiting(workspace.clone(), read_settings(stage, false), waiting.clone(), sender.clone()));
    }
    drop(sender);
    let mut read = Read::default();
    let mut pages_done = 0;
    while let Some((page, outcome)) = receiver.recv().await {
        let layout = match outcome {
            Ok(reading) => {
                // Every child reports what concerns the whole document, such as a missing language.
                let new = reading.warnings.into_iter().filter(|w| w.page.is_some() || !read.warnings.contains(w));
                let new: Vec<Warning> = new.collect();
                read.warnings.extend(new);
                reading.layout
            }
            Err(failure) if needs_whole_machine(failure.code) => return Err(failure),
            Err(failure) => {
                read.failures.push((page, failure));
                empty_page(page, inspection.pages.get(page.index()))
            }
        };
        spool(workspace, &layout)?;
        pages_done += 1;
        progress(Progress { pages_done, pages_total: u32::try_from(pages_total).ok() });
    }
    read.failures.sort_by_key(|(page, _)| *page);
    read.warnings.sort_by_key(|w| w.page);
    Ok(read)
}

async fn read_waiting(
    workspace: Workspace,
    settings: ReadSettings,
    waiting: Arc<Mutex<VecDeque<PageNo>>>,
    sender: mpsc::Sender<(PageNo, Result<PageReading, Failure>)>,
) {
    let mut reader = PageReader::new(&workspace, settings);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(page) = next else { return };
        let mut outcome = reader.read(page).await;
        // A child that died may have been unlucky; a page is given up when a fresh child fails on it too.
        if outcome.as_ref().is_err_and(|f| f.retryable && f.code == Code::EngineCrashed) {
            outcome = reader.read(page).await;
        }
        if sender.send((page, outcome)).await.is_err() {
            return;
        }
    }
}

/// Failures that every page would share: there is no point in trying the others.
fn needs_whole_machine(code: Code) -> bool {
    matches!(
        code,
        Code::TesseractMissing
            | Code::LanguageMissing
            | Code::EngineNotConfigured
            | Code::EngineUnavailable
            | Code::DiskFull
            | Code::FileAccess
    )
}

async fn assemble_all(
    workspace: &Workspace,
    ocr: &OcrStage,
    pages_total: u32,
    warnings: &mut Vec<Warning>,
) -> Result<StageOutput, Failure> {
    let mut assembler = Assembler::start(workspace, ocr.signed, false).await?;
    let mut pages = SpooledPages::new(workspace, pages_total);
    while let Some(page) = pages.next_page().await? {
        assembler.push(&page, None).await?;
    }
    let output = assembler.finish().await?;
    warnings.extend(output.warnings.iter().cloned());
    Ok(output)
}

fn spool_path(workspace: &Workspace, page: PageNo) -> PathBuf {
    workspace.scratch_file(&format!("page-{:06}.json", page.get()))
}

fn spool(workspace: &Workspace, layout: &PageLayout) -> Result<(), Failure> {
    let path = spool_path(workspace, layout.page);
    let json =
        serde_json::to_vec(layout).map_err(|error| Failure::new(Code::Internal, format!("A page's layout cannot be written: {error}")))?;
    std::fs::write(&path, json).map_err(|error| crate::stages::ocr::write_failure(&path, &error))
}

/// The pages in the scratch folder, one in memory at a time.
struct SpooledPages<'a> {
    workspace: &'a Workspace,
    next: u32,
    pages_total: u32,
}

impl<'a> SpooledPages<'a> {
    fn new(workspace: &'a Workspace, pages_total: u32) -> Self {
        Self { workspace, next: 1, pages_total }
    }
}

impl StageInput for SpooledPages<'_> {
    async fn next_page(&mut self) -> Result<Option<PageLayout>, Failure> {
        let Some(page) = PageNo::new(self.next).filter(|_| self.next <= self.pages_total) else { return Ok(None) };
        self.next += 1;
        let path = spool_path(self.workspace, page);
        let lost = |what: String| Failure::new(Code::Internal, format!("The layout of page {page} cannot be read back: {what}"));
        let json = std::fs::read(&path).map_err(|error| lost(error.to_string()))?;
        serde_json::from_slice(&json).map(Some).map_err(|error| lost(error.to_string()))
    }
}
