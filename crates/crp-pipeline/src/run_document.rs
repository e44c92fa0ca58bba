//! One document through one plan without server or database: what `crpipeline run` does.

use std::{
    collections::VecDeque,
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crp_model::{
    Code, Failure, Field, MediaType, PageLayout, PageNo, Plan, Progress, Stage, Warning,
    labels::WarningKind,
    pipeline::{OcrStage, OnPageError},
};
use crp_ocr::{ChildPool, DocumentChild, Inspection, PageReading, ReadSettings};
use tokio::sync::mpsc;

use crate::{
    StageInput, Workspace, run_stage,
    spool::PageSpool,
    stages::ocr::{PageReader, empty_page, inspect, read_settings},
};

/// What to run.
#[derive(Debug)]
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
    /// An empty file for the layouts of pages that were read; best one without a name.
    pub spool: File,
    /// An empty folder for what later stages leave, which is small; the caller removes it.
    pub scratch: PathBuf,
}

/// Where the results go while they are made, so that nothing large is ever written twice. Until [`run_document`] has ended well they
/// are not complete.
pub trait DocumentOutputs: Send {
    /// The empty file that the searchable PDF is written into, open for reading and writing. Asked for once, before the first page.
    ///
    /// # Errors
    /// Why there is none.
    fn searchable_pdf(&mut self) -> Result<File, Failure>;

    /// The next page, in order.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn page(&mut self, page: &PageLayout) -> Result<(), Failure>;
}

/// What is known besides when every stage has run.
#[derive(Clone, Debug)]
pub struct DocumentResult {
    /// The fields; `None` when the plan looks for none.
    pub fields: Option<Vec<Field>>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
    /// Pages that could not be read and whose stage does not forgive it: the run has failed, and nothing was written.
    pub page_failures: Vec<(PageNo, Failure)>,
    /// Pages of the document.
    pub pages_total: u32,
}

/// Runs every stage of the plan. `outputs` get the results page by page, `progress` hears of each page that is read.
///
/// # Errors
/// Why there is no result at all. Pages that failed alone are told in the result.
pub async fn run_document(
    request: DocumentRequest,
    outputs: &mut dyn DocumentOutputs,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<DocumentResult, Failure> {
    let DocumentRequest { file, media, plan, children, jobs, spool, scratch } = request;
    let workspace = Workspace { document: file, media, scratch, children };
    let Some((Stage::Ocr(ocr), later)) = plan.stages.split_first() else {
        return Err(Failure::new(Code::InvalidPipeline, "The pipeline does not begin with an ocr stage"));
    };
    let inspection = inspect(&workspace).await?;
    let pages_total = u32::try_from(inspection.pages.len()).unwrap_or(u32::MAX);
    progress(Progress { pages_done: 0, pages_total: Some(pages_total) });

    let mut spool = PageSpool::new(spool, inspection.pages.len());
    let Read { mut warnings, failures } = read_all(&workspace, ocr, &inspection, jobs, &mut spool, progress).await?;
    warnings.splice(0..0, inspection.warnings);
    // A document of which no page could be read is a failure, whatever the stage forgives.
    let is_forgiven = ocr.on_page_error == OnPageError::Continue && failures.len() < pages_total as usize;
    if !failures.is_empty() && !is_forgiven {
        return Ok(DocumentResult { fields: None, warnings, page_failures: failures, pages_total });
    }
    warnings.extend(assemble(&workspace, ocr, &spool, outputs).await?);
    let mut fields = None;
    for stage in later {
        let output = run_stage(stage, &workspace, &mut spool.pages()).await?;
        warnings.extend(output.warnings);
        fields = Some(output.fields);
    }
    warnings.extend(failures.iter().map(|(page, failure)| page_warning(*page, failure)));
    Ok(DocumentResult { fields, warnings, page_failures: Vec::new(), pages_total })
}

/// The warning that stands for a failed page when the stage goes on.
fn page_warning(page: PageNo, failure: &Failure) -> Warning {
    Warning::new(WarningKind::PageFailed, Some(page), format!("Page {page} could not be read: {}", failure.message))
}

#[derive(Default)]
struct Read {
    warnings: Vec<Warning>,
    failures: Vec<(PageNo, Failure)>,
}

/// Reads every page, `jobs` at a time; each is spooled as it is done.
async fn read_all(
    workspace: &Workspace,
    stage: &OcrStage,
    inspection: &Inspection,
    jobs: usize,
    spool: &mut PageSpool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Read, Failure> {
    let pages_total = inspection.pages.len();
    let waiting: VecDeque<PageNo> = (0..pages_total).map(PageNo::from_index).collect();
    let waiting = Arc::new(Mutex::new(waiting));
    let (sender, mut receiver) = mpsc::channel(2);
    let mut readers = tokio::task::JoinSet::new();
    // One that waits for a place would keep its page from the others.
    for _ in 0..jobs.min(workspace.children.most_processes()).clamp(1, pages_total.max(1)) {
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
        spool.keep(&layout)?;
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

/// Gives every page to the child that writes the searchable PDF, and to whoever writes the rest.
async fn assemble(
    workspace: &Workspace,
    ocr: &OcrStage,
    spool: &PageSpool,
    outputs: &mut dyn DocumentOutputs,
) -> Result<Vec<Warning>, Failure> {
    let Workspace { document, media, children, .. } = workspace;
    let mut child = DocumentChild::start_assembly(children, document, *media, ocr.signed, outputs.searchable_pdf()?).await?;
    let mut pages = spool.pages();
    while let Some(page) = pages.next_page().await? {
        child.add_page(&page).await?;
        outputs.page(&page)?;
    }
    Ok(child.finish_assembly().await?.warnings)
}
