//! A running child and the way to it: one question at a time, each within its time, and nothing it answers is believed unread.

use std::{
    fs::File,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::AsFd,
    process::ExitStatus,
    time::Duration,
};

use crp_model::{Code, Failure};
use rustix::{
    cmsg_space,
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg},
};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::UnixStream,
    process::{Child, ChildStdout},
    time::timeout,
};

use super::{budget::Place, clock::Clock, death, log_tail::LogTail, plausible, processor_time, questions::Questions, spawn::spawn};
use crate::{
    ChildCommand,
    protocol::{self, Answer, MAX_FILES, ReceiveError, Received, Request},
};

/// So long may a child take to die after its pipe has closed.
const DYING: Duration = Duration::from_secs(5);

/// A running child. Dropping it kills the process.
pub(super) struct ChildProcess {
    child: Child,
    to_child: UnixStream,
    from_child: ChildStdout,
    log: LogTail,
    /// False once it was killed or has died: the pipes are then of no use.
    usable: bool,
    /// Its right to be there, given back when it goes.
    _place: Option<Place>,
}

/// How long and how much to wait for.
pub(super) struct Patience {
    /// Wall-clock seconds; the child is killed after them. It may use as much processor time.
    pub(super) seconds: u64,
    /// Largest answer.
    pub(super) max_answer_bytes: usize,
    /// What the child is doing, for messages: "reading page 3".
    pub(super) doing: String,
}

/// How a conversation ended.
enum End<T> {
    Well(T),
    OutOfTime,
    Flooded,
    Broken(ReceiveError),
}

impl ChildProcess {
    /// Starts a child, which holds its `place` as long as it is there.
    ///
    /// # Errors
    /// `internal` when no process can be started.
    pub(super) async fn start(command: &ChildCommand, place: Option<Place>) -> Result<Self, Failure> {
        let (mut child, to_child) = spawn(command)
            .await
            .map_err(|error| Failure::new(Code::Internal, format!("The process that reads documents could not be started: {error}")))?;
        match (child.stdout.take(), child.stderr.take()) {
            (Some(from_child), Some(errors)) => {
                Ok(Self { child, to_child, from_child, log: LogTail::follow(errors), usable: true, _place: place })
            }
            _ => Err(Failure::new(Code::Internal, "The process that reads documents has no pipes")),
        }
    }

    /// Whether it still runs and can be asked.
    pub(super) fn is_alive(&mut self) -> bool {
        self.usable && matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a request and waits for the answer to it.
    ///
    /// # Errors
    /// What the child answers as a failure; `page_timeout`, `engine_crashed`, `memory_limit`, `engine_answer_invalid` when it misbehaves,
    /// and then it is dead.
    pub(super) async fn ask(&mut self, request: &Request, patience: &Patience) -> Result<Received<Answer>, Failure> {
        self.ask_with(request, &[], patience).await
    }

    /// As [`Self::ask`]; the child gets `files` with the request.
    pub(super) async fn ask_with(&mut self, request: &Request, files: &[File], patience: &Patience) -> Result<Received<Answer>, Failure> {
        let frame = protocol::frame(request, b"").map_err(unsendable)?;
        let answer = self
            .attend(patience, async |to_child, from_child, _clock| {
                // A child that stops reading may have answered why; so a pipe that breaks here is not the end.
                let sent = send(to_child, &frame, files).await;
                let answer = protocol::receive_async::<Answer>(from_child, patience.max_answer_bytes).await;
                match (sent, answer) {
                    (Err(_), Ok(Received { message: Answer::Failed(failure), .. })) => {
                        Ok(Received { message: Answer::Failed(failure), bytes: Vec::new() })
                    }
                    (Err(error), Ok(_)) => Err(ReceiveError::Pipe(error)),
                    (_, answer) => answer,
                }
            })
            .await?;
        match answer.message {
            Answer::Failed(failure) => Err(self.judge(failure, patience).await),
            _ => Ok(answer),
        }
    }

    /// As [`Self::ask`]; before its answer the child may have questions, which `questions` answers.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn ask_helping(
        &mut self,
        request: &Request,
        questions: &mut Questions<'_>,
        patience: &Patience,
    ) -> Result<Received<Answer>, Failure> {
        let frame = protocol::frame(request, b"").map_err(unsendable)?;
        let answer = self
            .attend(patience, async |to_child, from_child, clock| {
                let mut sent = to_child.write_all(&frame).await;
                loop {
                    let received = protocol::receive_async::<Answer>(from_child, patience.max_answer_bytes).await?;
                    match (&received.message, &sent) {
                        // A child that stops reading may have answered why; so a pipe that breaks here is not the end.
                        (Answer::Failed(_), _) => return Ok(received),
                        (_, Err(_)) => sent.map_err(ReceiveError::Pipe)?,
                        (Answer::Room { .. } | Answer::Picture { .. }, Ok(())) => {
                            let ours = questions.answer(received.message, received.bytes, clock).await.map_err(ReceiveError::Untrue)?;
                            let frame = protocol::frame(&ours, b"")?;
                            sent = to_child.write_all(&frame).await;
                            continue;
                        }
                        _ => {}
                    }
                    return Ok(received);
                }
            })
            .await?;
        match answer.message {
            Answer::Failed(failure) => Err(self.judge(failure, patience).await),
            _ => Ok(answer),
        }
    }

    /// Sends a request to which no answer belongs, unless something went wrong.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn tell(&mut self, request: &Request, patience: &Patience) -> Result<(), Failure> {
        let frame = protocol::frame(request, b"").map_err(unsendable)?;
        let early = self
            .attend(patience, async |to_child, from_child, _clock| match to_child.write_all(&frame).await {
                Ok(()) => Ok(None),
                Err(_broken) => protocol::receive_async::<Answer>(from_child, patience.max_answer_bytes).await.map(Some),
            })
            .await?;
        match early.map(|answer| answer.message) {
            None => Ok(()),
            Some(Answer::Failed(failure)) => Err(self.judge(failure, patience).await),
            Some(_) => Err(self.answer_invalid("it answered before it was asked", patience).await),
        }
    }

    /// Has a conversation with the child; kills it when it takes too long, floods, breaks the protocol, or nobody waits any more.
    async fn attend<T>(
        &mut self,
        patience: &Patience,
        conversation: impl AsyncFnOnce(&mut UnixStream, &mut ChildStdout, &Clock) -> Result<T, ReceiveError>,
    ) -> Result<T, Failure> {
        if !self.usable {
            return Err(Failure::new(Code::EngineCrashed, "Its process had ended before"));
        }
        if let Some(pid) = self.child.id() {
            processor_time::allow(pid, patience.seconds);
        }
        let mut unless_done = KillUnlessDone { process: self, done: false };
        let ChildProcess { to_child, from_child, log, .. } = &mut *unless_done.process;
        let clock = Clock::start(Duration::from_secs(patience.seconds));
        let end = first_end(conversation(to_child, from_child, &clock), log, &clock).await;
        // A closed pipe means that it is dying by itself; its exit status then says why.
        unless_done.done = matches!(end, End::Well(_) | End::Broken(ReceiveError::Closed | ReceiveError::Pipe(_)));
        drop(unless_done);
        match end {
            End::Well(answer) => Ok(answer),
            End::OutOfTime => {
                self.bury(patience).await;
                Err(Failure::new(Code::PageTimeout, format!("It took longer than {} seconds: {}", patience.seconds, patience.doing)))
            }
            End::Flooded => {
                self.bury(patience).await;
                Err(Failure::new(Code::EngineCrashed, format!("Its process wrote a flood of messages while {}", patience.doing)))
            }
            End::Broken(ReceiveError::Closed | ReceiveError::Pipe(_)) => {
                let status = self.bury(patience).await;
                Err(death::failure(status, &self.log.text(), &patience.doing))
            }
            End::Broken(error) => Err(self.answer_invalid(&error.to_string(), patience).await),
        }
    }

    /// Kills the child and gives the failure of an answer that cannot be true.
    pub(super) async fn answer_invalid(&mut self, what: &str, patience: &Patience) -> Failure {
        self.kill();
        self.bury(patience).await;
        tracing::debug!(what, doing = patience.doing, "a document process answered something that cannot be true");
        Failure::new(Code::EngineAnswerInvalid, format!("Its process answered something that cannot be true while {}", patience.doing))
    }

    /// A failure that the child answered: passed on if it is one that a child can know of, in words fit to be shown.
    async fn judge(&mut self, failure: Failure, patience: &Patience) -> Failure {
        if !is_a_childs(failure.code) {
            return self.answer_invalid("a failure that it cannot know of", patience).await;
        }
        let own = Failure::new(failure.code, plausible::text(&failure.message)).with_remedy(plausible::text(&failure.remedy));
        if failure.retryable { own } else { own.never_retry() }
    }

    fn kill(&mut self) {
        self.usable = false;
        // An error means that it is dead already.
        let _ = self.child.start_kill();
    }

    /// Waits for the death of a child whose pipe is closed or that was killed; logs its last words.
    async fn bury(&mut self, patience: &Patience) -> Option<ExitStatus> {
        let status = match timeout(DYING, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_still_alive) => {
                self.kill();
                timeout(DYING, self.child.wait()).await.ok().and_then(Result::ok)
            }
        };
        self.usable = false;
        self.log.finish().await;
        let last_words = self.log.text();
        tracing::debug!(?status, doing = patience.doing, last_words, "a document process has ended");
        status
    }
}

/// Sends a frame; the descriptors of `files` come with its first bytes.
async fn send(to_child: &mut UnixStream, frame: &[u8], files: &[File]) -> io::Result<()> {
    let sent = match files {
        [] => 0,
        files => to_child.async_io(Interest::WRITABLE, || send_files(to_child, frame, files)).await?,
    };
    to_child.write_all(frame.get(sent..).unwrap_or_default()).await
}

fn send_files(to_child: &UnixStream, frame: &[u8], files: &[File]) -> io::Result<usize> {
    let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a request comes with more files than any child takes"));
    }
    Ok(sendmsg(to_child, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Waits for the conversation, the flood or the time, whichever comes first.
async fn first_end<T>(conversation: impl Future<Output = Result<T, ReceiveError>>, log: &LogTail, clock: &Clock) -> End<T> {
    tokio::select! {
        biased;
        () = log.flooded() => End::Flooded,
        spoken = conversation => match spoken {
            Ok(answer) => End::Well(answer),
            Err(error) => End::Broken(error),
        },
        () = clock.run_out() => End::OutOfTime,
    }
}

/// A conversation that is dropped half-way leaves a child that can only be killed.
struct KillUnlessDone<'a> {
    process: &'a mut ChildProcess,
    done: bool,
}

impl Drop for KillUnlessDone<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.process.kill();
        }
    }
}

/// Whether a child that reads documents can come to know of this.
fn is_a_childs(code: Code) -> bool {
    matches!(
        code,
        Code::EmptyFile
            | Code::UnsupportedType
            | Code::AmbiguousType
            | Code::EncryptedPdf
            | Code::DamagedFile
            | Code::NoPages
            | Code::TooManyPages
            | Code::TooLarge
            | Code::PageTooLarge
            | Code::PageFailed
            | Code::MemoryLimit
            | Code::EngineAnswerInvalid
            | Code::TesseractMissing
            | Code::LanguageMissing
            | Code::SandboxMissing
            | Code::EngineNotConfigured
            | Code::EngineUnavailable
            | Code::PageTimeout
            | Code::DiskFull
            | Code::FileAccess
            | Code::Internal
    )
}

fn unsendable(error: std::io::Error) -> Failure {
    Failure::new(Code::Internal, format!("A request to the process that reads documents cannot be written: {error}"))
}
