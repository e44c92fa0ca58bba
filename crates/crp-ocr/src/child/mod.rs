//! The process that reads one document: engine first, then the sandbox, then the first byte. It serves its parent and goes.

mod admission;
mod descriptors;
mod limits;
mod output;
mod sandbox;
mod serve;
#[cfg(target_os = "linux")]
mod syscalls;

use std::{fs::File, process::ExitCode, thread};

use crp_model::{
    Code, Failure, Limits, MediaType, PageNo, Warning,
    labels::EngineKind,
    pipeline::{OcrMode, SignedDocuments},
};
use descriptors::{Inbox, Wire};

use crate::{
    ReadSettings, SandboxLevel,
    engine::tesseract::{self, TesseractEngine},
    protocol::{self, Answer, MAX_REQUEST_BYTES, Received, Request, Task},
};

/// Documents nest; their readers recurse. This much address space is set aside for it.
const STACK_BYTES: usize = 64 << 20;

/// Called in the closed sandbox before each page.
#[doc(hidden)]
pub type PageHook = fn(PageNo) -> Result<(), Failure>;

/// What the hidden subcommand of the binary calls: serves the parent over standard input and output until it has enough.
pub fn child_main() -> ExitCode {
    child_main_with(|_| Ok(()))
}

/// As [`child_main`], with a hook that lets tests try, from inside, what a hostile document would.
#[doc(hidden)]
pub fn child_main_with(before_page: PageHook) -> ExitCode {
    if !limits::die_with_parent() {
        // Nobody waits for this process any more.
        return ExitCode::SUCCESS;
    }
    let mut inbox = match descriptors::take_inbox() {
        Ok(inbox) => inbox,
        Err(error) => {
            eprintln!("the document process has no way to its parent: {error}");
            return ExitCode::FAILURE;
        }
    };
    match prepare(&mut inbox) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(job)) => run(inbox.into_wire(), job, before_page),
        Err(failure) => answer_last(&mut inbox, &Answer::Failed(failure)),
    }
}

/// What is left to do once the sandbox is closed.
struct Job {
    kind: JobKind,
    limits: Limits,
    sandbox: SandboxLevel,
}

enum JobKind {
    Read { document: File, media: MediaType, reader: Option<Reader> },
    Assemble { document: File, output: File, media: MediaType, signed: SignedDocuments },
}

/// How pages are read, and with what.
struct Reader {
    settings: ReadSettings,
    /// `None` where the mode recognises no page. Why it could not be loaded matters only once a page needs it:
    /// many documents carry their text.
    engine: Option<Result<Loaded, Failure>>,
    /// What loading the engine had to say; it goes with the first page that is recognised.
    warnings: Vec<Warning>,
}

/// The engine of a reader.
enum Loaded {
    /// In this process.
    Tesseract(TesseractEngine),
    /// Beyond the parent.
    Remote,
}

/// An engine that was loaded before anybody knew for which document.
struct Spare {
    engine: TesseractEngine,
    warnings: Vec<Warning>,
    languages: Vec<String>,
    limits: Limits,
}

/// Everything that needs files: limits, the engine, the document's descriptors; last of all the sandbox. `None`: nothing is left to do.
fn prepare(inbox: &mut Inbox) -> Result<Option<Job>, Failure> {
    let mut spare = None;
    let (task, limits, required) = loop {
        let request: Received<Request> = match protocol::receive(inbox, MAX_REQUEST_BYTES) {
            Ok(request) => request,
            Err(protocol::ReceiveError::Closed) => return Ok(None),
            Err(error) => return Err(internal(&format!("a request cannot be read: {error}"))),
        };
        match request.message {
            Request::Warm { languages, limits } if spare.is_none() => {
                spare = Some(Spare::load(languages, limits)?);
                protocol::send(&mut inbox.to_parent, &Answer::Warm, b"").map_err(|e| internal(&format!("answering: {e}")))?;
            }
            Request::Start { task, limits, sandbox } => break (task, limits, sandbox),
            _ => return Err(internal("the first request is not the one to start")),
        }
    };
    let mut files = inbox.take_files(task.files()).map_err(|e| internal(&format!("descriptors: {e}")))?.into_iter();
    match &spare {
        // Its limits are in force since it was loaded; what it may write, nothing, cannot be raised again.
        Some(spare) if spare.limits != limits || !matches!(task, Task::Read { .. }) => {
            return Err(internal("it is a spare for something else"));
        }
        Some(_) => {}
        None => apply_limits(&limits, matches!(task, Task::Assemble { .. }))?,
    }
    let mut missing = || files.next().ok_or_else(|| internal("a descriptor is missing"));
    let kind = match task {
        Task::ProbeEngine => {
            let mut probe = tesseract::probe()?;
            probe.sandbox = sandbox::close(required)?;
            answer_last(inbox, &Answer::Engine(probe));
            return Ok(None);
        }
        Task::ProbeSandbox => {
            let sandbox = sandbox::close(required)?;
            answer_last(inbox, &Answer::Started { sandbox });
            return Ok(None);
        }
        Task::Read { media, settings } => {
            let document = missing()?;
            JobKind::Read { document, media, reader: settings.map(|settings| Reader::load(settings, spare)) }
        }
        Task::Assemble { media, signed } => JobKind::Assemble { document: missing()?, output: missing()?, media, signed },
    };
    let sandbox = sandbox::close(required)?;
    Ok(Some(Job { kind, limits, sandbox }))
}

fn apply_limits(limits: &Limits, writes_output: bool) -> Result<(), Failure> {
    limits::apply(limits, writes_output).map_err(|e| internal(&format!("resource limits: {e}")))
}

impl Spare {
    fn load(languages: Vec<String>, limits: Limits) -> Result<Self, Failure> {
        apply_limits(&limits, false)?;
        let (engine, warnings) = TesseractEngine::load(&languages)?;
        Ok(Self { engine, warnings, languages, limits })
    }
}

impl Reader {
    fn load(settings: ReadSettings, spare: Option<Spare>) -> Self {
        if settings.mode == OcrMode::Off {
            return Self { settings, engine: None, warnings: Vec::new() };
        }
        if settings.engine == EngineKind::Http {
            return Self { settings, engine: Some(Ok(Loaded::Remote)), warnings: Vec::new() };
        }
        let loaded = match spare {
            Some(spare) if spare.languages == settings.languages => Ok((spare.engine, spare.warnings)),
            _ => TesseractEngine::load(&settings.languages),
        };
        let (engine, warnings) = match loaded {
            Ok((engine, warnings)) => (Ok(Loaded::Tesseract(engine)), warnings),
            Err(failure) => (Err(failure), Vec::new()),
        };
        Self { settings, engine: Some(engine), warnings }
    }
}

/// The document is read on a thread of its own: one with a large stack, born inside the sandbox.
fn run(mut wire: Wire, job: Job, before_page: PageHook) -> ExitCode {
    let worker = thread::Builder::new().name("document".to_owned()).stack_size(STACK_BYTES);
    let served = worker.spawn(move || serve::serve(&mut wire, job, before_page));
    match served.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => {
            eprintln!("serving the parent: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(_panic)) => ExitCode::FAILURE,
        Err(error) => {
            // Part of what happens under a memory limit that is too small; the words are those the parent looks for.
            eprintln!("memory allocation of {STACK_BYTES} bytes failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer_last(inbox: &mut Inbox, answer: &Answer) -> ExitCode {
    match protocol::send(&mut inbox.to_parent, answer, b"") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("answering the parent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn internal(what: &str) -> Failure {
    Failure::new(Code::Internal, format!("The document process could not start: {what}"))
}
