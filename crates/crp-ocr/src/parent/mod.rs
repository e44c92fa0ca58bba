//! The parent's side: starts a child for one document, asks it page by page, trusts nothing, and stays alive whatever it does.

mod budget;
mod clock;
mod death;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod http;
mod identity;
mod log_tail;
mod machine_memory;
mod pictures;
mod plausible;
mod pool;
mod probe;
mod process;
mod processor_time;
mod questions;
mod spares;
mod spawn;

use std::{fmt, fs::File, os::unix::fs::OpenOptionsExt, path::Path, time::Instant};

use crp_model::{
    Code, Failure, MediaType, PageLayout, PageNo, TextSource,
    labels::{EngineKind, OcrErrorKind},
    pipeline::{OcrMode, SignedDocuments},
};
pub use http::{HttpEngine, HttpEngineSettings, HttpProbe, http_answer_schema};
pub use machine_memory::usual_memory_mebibytes;
use pictures::PictureReader;
pub use pool::ChildPool;
pub use probe::{probe_engine, probe_sandbox};
use process::{ChildProcess, Patience};
use questions::Questions;
use spares::Replacement;

use crate::{
    Assembly, Inspection, PageReading, ReadSettings, SandboxLevel,
    protocol::{Answer, MAX_ANSWER_BYTES, MAX_PAGE_ANSWER_BYTES, Received, Request, Task},
};

/// Wall-clock seconds that each page adds to the time for writing the searchable PDF.
const ASSEMBLY_SECONDS_PER_PAGE: u64 = 1;
/// Largest thumbnail that is believed.
const MAX_THUMBNAIL_BYTES: usize = 4 << 20;

/// A process that reads one document. It is killed when this is dropped, and when a future of one of its methods is.
pub struct DocumentChild {
    process: ChildProcess,
    pool: ChildPool,
    sandbox: SandboxLevel,
    /// How pages are read; `None` where none are.
    reader: Option<ReadSettings>,
    /// Of one that recognises: a spare is made once this one has read its first page, or is gone.
    replacement: Option<Replacement>,
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
    /// Opens the document in a process, a warm spare of `pool` if there is one. With an `engine`, pages can be read; without, only
    /// inspected.
    ///
    /// # Errors
    /// `file_access`; what opening finds (`damaged_file`, `encrypted_pdf`, `no_pages`, `too_many_pages`, …); `sandbox_missing`;
    /// `page_timeout`, `engine_crashed`, `memory_limit`, `engine_answer_invalid` when the process misbehaves.
    /// An engine that is missing fails the pages that need it, not the start: a document may carry all its text.
    pub async fn start(pool: &ChildPool, file: &Path, media: MediaType, engine: Option<&ReadSettings>) -> Result<Self, Failure> {
        let child = Self::start_reading(pool, file, media, engine).await?;
        Ok(Self { reader: engine.cloned(), ..child })
    }

    async fn start_reading(pool: &ChildPool, file: &Path, media: MediaType, engine: Option<&ReadSettings>) -> Result<Self, Failure> {
        let document = [open_document(file)?];
        let task = || Task::Read { media, settings: engine.cloned() };
        // A spare has Tesseract loaded; who needs none of it leaves it to others.
        let recognising = engine.filter(|e| e.mode != OcrMode::Off && e.engine == EngineKind::Tesseract);
        let Some(languages) = recognising.map(|e| e.languages.as_slice()) else {
            return Self::start_task(pool.process().await?, pool, task(), &document).await;
        };
        let replacement = Some(Replacement::new(pool, languages));
        if let Some(spare) = pool.spare(languages).await {
            match Self::start_task(spare, pool, task(), &document).await {
                // Perhaps it was the spare's fault, which had waited for minutes; a new process tells.
                Err(failure) if failure.code == Code::EngineCrashed => {}
                started => return started.map(|child| Self { replacement, ..child }),
            }
        }
        let child = Self::start_task(pool.process().await?, pool, task(), &document).await?;
        Ok(Self { replacement, ..child })
    }

    /// Starts a process that writes the searchable PDF of the document into `output`, an empty file open for writing;
    /// `signed` says whether that may break a signature.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_assembly(
        pool: &ChildPool,
        file: &Path,
        media: MediaType,
        signed: SignedDocuments,
        output: File,
    ) -> Result<Self, Failure> {
        let files = [open_document(file)?, output];
        let mut child = Self::start_task(pool.process().await?, pool, Task::Assemble { media, signed }, &files).await?;
        let [_document, output] = files;
        child.output = Some((output, 0));
        Ok(child)
    }

    async fn start_task(mut process: ChildProcess, pool: &ChildPool, task: Task, files: &[File]) -> Result<Self, Failure> {
        let patience = patience(pool.limits().document_timeout_seconds.into(), "opening the document");
        let request = Request::Start { task, limits: pool.limits().clone(), sandbox: pool.sandbox() };
        let Received { message: Answer::Started { sandbox }, .. } = process.ask_with(&request, files, &patience).await? else {
            return Err(process.answer_invalid("another answer than to the start", &patience).await);
        };
        // It was told what is required and refuses by itself; one that does not is not believed.
        sandbox.satisfies(pool.sandbox())?;
        Ok(Self { process, pool: pool.clone(), sandbox, reader: None, replacement: None, inspection: None, output: None })
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
        let patience = patience(self.pool.limits().document_timeout_seconds.into(), "looking through the document");
        let Answer::Inspection(mut inspection) = self.process.ask(&Request::Inspect, &patience).await?.message else {
            return Err(self.process.answer_invalid("another answer than to the inspection", &patience).await);
        };
        if let Err(what) = plausible::inspection(&inspection, self.pool.limits()) {
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
    /// `engine_not_configured`, `engine_unavailable` and a `memory_limit` too small to load the engine, after which pages that carry text can be read; `page_timeout`,
    /// `engine_crashed`, any other `memory_limit`, `engine_answer_invalid`, after which the process is dead.
    pub async fn read_page(&mut self, page: PageNo) -> Result<PageReading, Failure> {
        let result = self.read_page_uncounted(page).await;
        // Not before: loading an engine would take time from the first page.
        self.replacement = None;
        match &result {
            Ok(reading) if reading.layout.source == TextSource::Ocr => {
                let seconds = reading.render_seconds + reading.recognise_seconds;
                self.pool.metrics().ocr_page_duration_seconds.observe(self.engine(), seconds);
            }
            Ok(_) => {}
            Err(failure) => self.pool.metrics().ocr_errors_total.inc2(self.engine(), error_kind(failure.code, self.engine())),
        }
        result
    }

    /// What recognises its pages.
    fn engine(&self) -> EngineKind {
        self.reader.as_ref().map(|settings| settings.engine).unwrap_or_default()
    }

    async fn read_page_uncounted(&mut self, page: PageNo) -> Result<PageReading, Failure> {
        let mut patience = patience(self.pool.limits().page_timeout_seconds.into(), format!("reading page {page}"));
        patience.max_answer_bytes = MAX_PAGE_ANSWER_BYTES;
        let began = Instant::now();
        let Some(settings) = &self.reader else {
            return Err(Failure::new(Code::Internal, "The process was not started to read pages"));
        };
        let pictures = PictureReader::new(page, self.pool.limits(), settings, self.pool.command().http.as_ref());
        patience.max_answer_bytes = patience.max_answer_bytes.saturating_add(pictures.extra_bytes());
        let mut questions = Questions::new(page, self.pool.budget().share(), pictures);
        let answer = self.process.ask_helping(&Request::Page(page), &mut questions, &patience).await?;
        let took = began.elapsed().as_secs_f64();
        let Answer::Page { layout, warnings, render_seconds, recognise_seconds } = answer.message else {
            return Err(self.process.answer_invalid("another answer than to a page", &patience).await);
        };
        let info = self.inspection.as_ref().and_then(|i| i.pages.get(page.index()));
        if let Err(what) = plausible::layout(&layout, page, info, self.pool.limits()) {
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
        let seconds = u64::from(self.pool.limits().document_timeout_seconds) + pages * ASSEMBLY_SECONDS_PER_PAGE;
        Ok(patience(seconds, "writing the searchable PDF"))
    }
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

fn error_kind(code: Code, engine: EngineKind) -> OcrErrorKind {
    match code {
        Code::EngineUnavailable | Code::EngineNotConfigured => OcrErrorKind::Http,
        Code::EngineAnswerInvalid if engine == EngineKind::Http => OcrErrorKind::Http,
        Code::PageTimeout => OcrErrorKind::Timeout,
        Code::EngineCrashed | Code::MemoryLimit => OcrErrorKind::Crash,
        Code::PageFailed | Code::PageTooLarge | Code::DamagedFile => OcrErrorKind::BadImage,
        _ => OcrErrorKind::Other,
    }
}
