//! The process that reads one document: engine first, then the sandbox, then the first byte. It serves its parent and goes.

mod descriptors;
mod limits;
mod output;
mod sandbox;
mod serve;
#[cfg(target_os = "linux")]
mod syscalls;

use std::{fs::File, io, process::ExitCode, thread};

use crp_model::{Code, Failure, Limits, MediaType, PageNo, Warning, pipeline::OcrMode};

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
    limits::die_with_parent();
    let mut wire = match descriptors::take_wire() {
        Ok(wire) => wire,
        Err(error) => {
            eprintln!("the document process has no pipes to its parent: {error}");
            return ExitCode::FAILURE;
        }
    };
    match prepare(&mut wire) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(job)) => run(wire, job, before_page),
        Err(failure) => answer_last(&mut wire, &Answer::Failed(failure)),
    }
}

/// The pipes to the parent.
struct Wire {
    from_parent: io::BufReader<File>,
    to_parent: File,
}

/// What is left to do once the sandbox is closed.
struct Job {
    kind: JobKind,
    limits: Limits,
    sandbox: SandboxLevel,
}

enum JobKind {
    Read { document: File, media: MediaType, reader: Option<Reader> },
    Assemble { document: File, output: File, media: MediaType },
}

/// How pages are read, and with what.
struct Reader {
    settings: ReadSettings,
    /// `None` where the mode recognises no page. Why it could not be loaded matters only once a page needs it:
    /// many documents carry their text.
    engine: Option<Result<TesseractEngine, Failure>>,
    /// What loading the engine had to say; it goes with the first page that is recognised.
    warnings: Vec<Warning>,
}

/// Everything that needs files: descriptors, limits, the engine; last of all the sandbox. `None`: answered already.
fn prepare(wire: &mut Wire) -> Result<Option<Job>, Failure> {
    let request: Received<Request> = match protocol::receive(&mut wire.from_parent, MAX_REQUEST_BYTES) {
        Ok(request) => request,
        Err(protocol::ReceiveError::Closed) => return Ok(None),
        Err(error) => return Err(internal(&format!("the first request cannot be read: {error}"))),
    };
    let Request::Start { task, limits } = request.message else {
        return Err(internal("the first request is not the one to start"));
    };
    let kept: Vec<i32> = match &task {
        Task::Read { document, .. } => vec![*document],
        Task::Assemble { document, output, .. } => vec![*document, *output],
        Task::ProbeEngine | Task::ProbeSandbox => Vec::new(),
    };
    let mut files = descriptors::keep_only(&kept, wire).map_err(|e| internal(&format!("descriptors: {e}")))?.into_iter();
    let writes = matches!(task, Task::Assemble { .. });
    limits::apply(&limits, writes).map_err(|e| internal(&format!("resource limits: {e}")))?;
    let mut missing = || files.next().ok_or_else(|| internal("a descriptor is missing"));
    let kind = match task {
        Task::ProbeEngine => {
            let mut probe = tesseract::probe()?;
            probe.sandbox = sandbox::close()?;
            answer_last(wire, &Answer::Engine(probe));
            return Ok(None);
        }
        Task::ProbeSandbox => {
            let sandbox = sandbox::close()?;
            answer_last(wire, &Answer::Started { sandbox });
            return Ok(None);
        }
        Task::Read { media, settings, .. } => {
            let document = missing()?;
            JobKind::Read { document, media, reader: settings.map(Reader::load) }
        }
        Task::Assemble { media, .. } => JobKind::Assemble { document: missing()?, output: missing()?, media },
    };
    let sandbox = sandbox::close()?;
    Ok(Some(Job { kind, limits, sandbox }))
}

impl Reader {
    fn load(settings: ReadSettings) -> Self {
        if settings.mode == OcrMode::Off {
            return Self { settings, engine: None, warnings: Vec::new() };
        }
        let (engine, warnings) = match TesseractEngine::load(&settings.languages) {
            Ok((engine, warnings)) => (Ok(engine), warnings),
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

fn answer_last(wire: &mut Wire, answer: &Answer) -> ExitCode {
    match protocol::send(&mut wire.to_parent, answer, b"") {
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
