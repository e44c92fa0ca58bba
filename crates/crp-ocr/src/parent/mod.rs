//! The parent's side: starts a child for one document, asks it page by page, trusts nothing, and stays alive whatever it does.

mod death;
mod log_tail;
mod plausible;
mod process;
mod processor_time;
mod spawn;

use std::{
    fmt,
    fs::File,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::Path,
    time::Instant,
};

use crp_metrics::Metrics;
use crp_model::{
    Code, Failure, Limits, MediaType, PageLayout, PageNo, TextSource,
    labels::{EngineKind, OcrErrorKind},
};
use process::{ChildProcess, Patience};

use crate::{
    Assembly, ChildCommand, EngineProbe, Inspection, PageReading, ReadSettings, SandboxLevel,
    protocol::{Answer, MAX_ANSWER_BYTES, MAX_PAGE_ANSWER_BYTES, Received, Request, Task},
};

/// Wall-clock seconds that each page adds to the time for writing the searchable PDF.
const ASSEMBLY_SECONDS_PER_PAGE: u64 = 1;
/// Largest thumbnail that is believed.
const MAX_THUMBNAIL_BYTES: usize = 4 << 20;
/// A process that is only asked what it can do gets this long.
const PROBE_SECONDS: u64 = 30;

/// A process that reads one document. It is killed when this is dropped, and when a future of one of its methods is.
pub struct DocumentChild {
    process: ChildProcess,
    limits: Limits,
    metrics: Metrics,
    sandbox: SandboxLevel,
    /// What this child said about the pages; later answers must agree.
    inspection: Option<Inspection>,
    /// Of an assembly: the file that it writes, and the pages sent so far.
    output: Option<(File, u64)>,
}

impl fmt::Debug for DocumentChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentChild").field("sandbox", &self.sandbox).finish_non_exhaustive()
    }
}

impl DocumentChild {
    /// Starts a process and opens the document in it. With an `engine`, pages can be read; without, only inspected.
    ///
    /// # Errors
    /// `file_access`; what opening finds (`damaged_file`, `encrypted_pdf`, `no_pages`, `too_many_pages`, …); `page_timeout`,
    /// `engine_crashed`, `memory_limit`, `engine_answer_invalid` when the process misbehaves.
    /// An engine that is missing fails the pages that need it, not the start: a document may carry all its text.
    pub async fn start(
        command: &ChildCommand,
        file: &Path,
        media: MediaType,
        limits: &Limits,
        engine: Option<&ReadSettings>,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        let document = open_document(file)?;
        let task = Task::Read { document: document.as_raw_fd(), media, settings: engine.cloned() };
        Self::start_task(command, task, vec![document], limits, metrics).await
    }

    /// Starts a process that writes the searchable PDF of the document into `output`, an empty file open for writing.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_assembly(
        command: &ChildCommand,
        file: &Path,
        media: MediaType,
        limits: &Limits,
        output: File,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        let document = open_document(file)?;
        let own = output.try_clone().map_err(|error| Failure::new(Code::FileAccess, format!("The output file cannot be used: {error}")))?;
        let task = Task::Assemble { document: document.as_raw_fd(), output: output.as_raw_fd(), media };
        let mut child = Self::start_task(command, task, vec![document, output], limits, metrics).await?;
        child.output = Some((own, 0));
        Ok(child)
    }

    async fn start_task(command: &ChildCommand, task: Task, files: Vec<File>, limits: &Limits, metrics: &Metrics) -> Result<Self, Failure> {
        let mut process = ChildProcess::start(command, files).await?;
        let patience = patience(limits.document_timeout_seconds.into(), "opening the document");
        let request = Request::Start { task, limits: limits.clone() };
        let Received { message: Answer::Started { sandbox }, .. } = process.ask(&request, &patience).await? else {
            return Err(process.answer_invalid("another answer than to the start", &patience).await);
        };
        Ok(Self { process, limits: limits.clone(), metrics: metrics.clone(), sandbox, inspection: None, output: None })
    }

    /// How well the process is locked in, as it says itself.
    pub fn sandbox(&self) -> SandboxLevel {
        self.sandbox
    }

    /// The document's pages and what is special about it.
    ///
    /// # Errors
    /// `damaged_file`, `no_pages`, `too_many_pages`, and those of a process that misbehaves.
    pub async fn inspect(&mut self) -> Result<Inspection, Failure> {
        let patience = patience(self.limits.document_timeout_seconds.into(), "looking through the document");
        let Answer::Inspection(mut inspection) = self.process.ask(&Request::Inspect, &patience).await?.message else {
            return Err(self.process.answer_invalid("another answer than to the inspection", &patience).await);
        };
        if let Err(what) = plausible::inspection(&inspection, &self.limits) {
            return Err(self.process.answer_invalid(&what, &patience).await);
        }
        inspection.warnings = plausible::warnings(inspection.warnings);
        self.inspection = Some(inspection.clone());
        Ok(inspection)
    }

    /// Reads one page: takes the text that it carries or recognises it, as the settings say.
    /// A language that is missing beside others is a warning of the first page recognised.
    ///
    /// # Errors
    /// `page_failed`, `page_too_large`, `damaged_file`, after which the next page can be read; `tesseract_missing`, `language_missing`
    /// and a `memory_limit` too small to load the engine, after which pages that carry text can be read; `page_timeout`,
    /// `engine_crashed`, any other `memory_limit`, `engine_answer_invalid`, after which the process is dead.
    pub async fn read_page(&mut self, page: PageNo) -> Result<PageReading, Failure> {
        let result = self.read_page_uncounted(page).await;
        match &result {
            Ok(reading) if reading.layout.source == TextSource::Ocr => {
                let seconds = reading.render_seconds + reading.recognise_seconds;
                self.metrics.ocr_page_duration_seconds.observe(EngineKind::Tesseract, seconds);
            }
            Ok(_) => {}
            Err(failure) => self.metrics.ocr_errors_total.inc2(EngineKind::Tesseract, error_kind(failure.code)),
        }
        result
    }

    async fn read_page_uncounted(&mut self, page: PageNo) -> Result<PageReading, Failure> {
        let mut patience = patience(self.limits.page_timeout_seconds.into(), format!("reading page {page}"));
        patience.max_answer_bytes = MAX_PAGE_ANSWER_BYTES;
        let began = Instant::now();
        let answer = self.process.ask(&Request::Page(page), &patience).await?;
        let took = began.elapsed().as_secs_f64();
        let Answer::Page { layout, warnings, render_seconds, recognise_seconds } = answer.message else {
            return Err(self.process.answer_invalid("another answer than to a page", &patience).await);
        };
        let info = self.inspection.as_ref().and_then(|i| i.pages.get(page.index()));
        if let Err(what) = plausible::layout(&layout, page, info, &self.limits) {
            return Err(self.process.answer_invalid(&what, &patience).await);
        }
        let thumbnail = answer.bytes;
        let is_jpeg = thumbnail.starts_with(b"\xff\xd8\xff") && thumbnail.len() <= MAX_THUMBNAIL_BYTES;
        if !thumbnail.is_empty() && !is_jpeg {
            return Err(self.process.answer_invalid("a thumbnail that is none", &patience).await);
        }
        let render_seconds = plausible::seconds(render_seconds, took);
        Ok(PageReading {
            layout,
            warnings: plausible::warnings(warnings),
            thumbnail_jpeg: (!thumbnail.is_empty()).then_some(thumbnail),
            render_seconds,
            recognise_seconds: plausible::seconds(recognise_seconds, took - render_seconds),
        })
    }

    /// Sends all pages of the searchable PDF and waits until it is written; for a child from [`Self::start_assembly`].
    ///
    /// # Errors
    /// As [`Self::finish_assembly`].
    pub async fn assemble(&mut self, pages: &[PageLayout]) -> Result<Assembly, Failure> {
        for page in pages {
            self.add_page(page).await?;
        }
        self.finish_assembly().await
    }

    /// Sends the next page of the searchable PDF, in order and every one; so a document never has to be in memory whole.
    ///
    /// # Errors
    /// As [`Self::finish_assembly`].
    pub async fn add_page(&mut self, page: &PageLayout) -> Result<(), Failure> {
        let patience = self.assembly_patience()?;
        if let Some((_, pages)) = &mut self.output {
            *pages += 1;
        }
        self.process.tell(&Request::Layout(page.clone()), &patience).await
    }

    /// Waits until the searchable PDF is written.
    ///
    /// # Errors
    /// `damaged_file`, `too_large` (over `max_output_mebibytes`), `disk_full`, `file_access`, and those of a process that misbehaves.
    pub async fn finish_assembly(&mut self) -> Result<Assembly, Failure> {
        let patience = self.assembly_patience()?;
        let Answer::Assembled { bytes_written, warnings } = self.process.ask(&Request::EndOfLayouts, &patience).await?.message else {
            return Err(self.process.answer_invalid("another answer than to the assembly", &patience).await);
        };
        let length = self.output.as_ref().and_then(|(file, _)| file.metadata().ok()).map(|m| m.len());
        if length != Some(bytes_written) || bytes_written == 0 {
            return Err(self.process.answer_invalid("a searchable PDF of another size than it says", &patience).await);
        }
        Ok(Assembly { bytes_written, warnings: plausible::warnings(warnings) })
    }

    fn assembly_patience(&self) -> Result<Patience, Failure> {
        let Some((_, pages)) = &self.output else {
            return Err(Failure::new(Code::Internal, "The process was not started to write a searchable PDF"));
        };
        let seconds = u64::from(self.limits.document_timeout_seconds) + pages * ASSEMBLY_SECONDS_PER_PAGE;
        Ok(patience(seconds, "writing the searchable PDF"))
    }
}

/// Asks, in a child, what Tesseract there is.
///
/// # Errors
/// `tesseract_missing`, `language_missing` if there is no language data at all, and those of a process that misbehaves.
pub async fn probe_engine(command: &ChildCommand) -> Result<EngineProbe, Failure> {
    let (mut process, patience, answer) = probe(command, Task::ProbeEngine, "looking for Tesseract").await?;
    match answer {
        Answer::Engine(probe) => Ok(EngineProbe {
            version: plausible::text(&probe.version),
            data_path: plausible::text(&probe.data_path),
            languages: probe.languages.iter().map(|l| plausible::text(l)).collect(),
            sandbox: probe.sandbox,
        }),
        _ => Err(process.answer_invalid("another answer than to the probe", &patience).await),
    }
}

/// Asks a child how well it is locked in on this machine; needs no Tesseract.
///
/// # Errors
/// Those of a process that misbehaves.
pub async fn probe_sandbox(command: &ChildCommand) -> Result<SandboxLevel, Failure> {
    let (mut process, patience, answer) = probe(command, Task::ProbeSandbox, "trying the sandbox").await?;
    match answer {
        Answer::Started { sandbox } => Ok(sandbox),
        _ => Err(process.answer_invalid("another answer than to the probe", &patience).await),
    }
}

async fn probe(command: &ChildCommand, task: Task, doing: &str) -> Result<(ChildProcess, Patience, Answer), Failure> {
    let mut process = ChildProcess::start(command, Vec::new()).await?;
    let patience = patience(PROBE_SECONDS, doing);
    let answer = process.ask(&Request::Start { task, limits: Limits::default() }, &patience).await?;
    Ok((process, patience, answer.message))
}

fn patience(seconds: u64, doing: impl Into<String>) -> Patience {
    Patience { seconds, max_answer_bytes: MAX_ANSWER_BYTES, doing: doing.into() }
}

/// Opens the file to hand it on; never waits, as opening a pipe would.
fn open_document(file: &Path) -> Result<File, Failure> {
    let failed = |what: String| Failure::new(Code::FileAccess, format!("The document's file cannot be read: {what}"));
    let document = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(file).map_err(|e| failed(e.to_string()))?;
    match document.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(document),
        Ok(_) => Err(failed("it is no regular file".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn error_kind(code: Code) -> OcrErrorKind {
    match code {
        Code::PageTimeout => OcrErrorKind::Timeout,
        Code::EngineCrashed | Code::MemoryLimit => OcrErrorKind::Crash,
        Code::PageFailed | Code::PageTooLarge | Code::DamagedFile => OcrErrorKind::BadImage,
        _ => OcrErrorKind::Other,
    }
}
