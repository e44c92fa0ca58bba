//! Frames of any bytes, as a parent's or a child's: both readers agree however the bytes arrive, and what the parent believes of an
//! answer can be used.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use crp_model::{Code, Failure, Limits, MediaType, PageNo, SandboxRequirement, Warning, labels::WarningKind, pipeline::SignedDocuments};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, ReadBuf};

use super::any_layout;
use crate::{
    Inspection, PageInfo, SandboxLevel,
    engine::{Recognised, RecognisedLine, RecognisedWord, Segmentation},
    parent,
    protocol::{Answer, ReceiveError, Received, Request, Task, frame, receive, receive_async},
};

/// Largest frame that is taken.
const MAX_FRAME_BYTES: usize = 1 << 20;

pub(super) fn run(data: &[u8]) {
    let Some((piece, frames)) = data.split_first() else { return };
    let pieces = usize::from(*piece) + 1;
    all::<Request>(frames, pieces, &mut |received| {
        let _descriptors = match received.message {
            Request::Start { task, .. } => task.files(),
            _ => 0,
        };
    });
    all::<Answer>(frames, pieces, &mut |received| parent::fuzzing::believe(received.message));
}

/// Takes every frame from the bytes, in one way and in the other.
fn all<M: DeserializeOwned + std::fmt::Debug>(mut frames: &[u8], pieces: usize, then: &mut dyn FnMut(Received<M>)) {
    let mut arriving = Arriving { rest: frames, at_most: pieces };
    loop {
        let waited = receive::<M>(&mut frames, MAX_FRAME_BYTES);
        let polled = now(receive_async::<M>(&mut arriving, MAX_FRAME_BYTES));
        assert_eq!(shown(&waited), shown(&polled));
        let Ok(received) = waited else { return };
        then(received);
    }
}

fn shown<M: std::fmt::Debug>(received: &Result<Received<M>, ReceiveError>) -> String {
    match received {
        Ok(Received { message, bytes }) => format!("{message:?} {bytes:?}"),
        Err(error) => error.to_string(),
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a reader waits for bytes that are there"),
    }
}

/// Bytes that arrive in pieces.
struct Arriving<'a> {
    rest: &'a [u8],
    at_most: usize,
}

impl AsyncRead for Arriving<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (piece, rest) = self.rest.split_at(self.at_most.min(to.remaining()).min(self.rest.len()));
        to.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// What a message becomes on the way to the other side.
pub(crate) fn sent<M: Serialize + DeserializeOwned>(message: &M) -> M {
    let frame = frame(message, b"").expect("a message has a frame");
    receive(&mut frame.as_slice(), frame.len()).expect("what was sent can be received").message
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let page = PageNo::from_index(0);
    let info = PageInfo { width_points: 612.0, height_points: 792.0, rotation: 90, has_text: true };
    let mut layout = any_layout::two_words(page, &info);
    layout.pixels = Some([2550, 3300]);
    let warning = Warning::new(WarningKind::LowConfidence, Some(page), "The words are unsure");
    let failure = Failure::new(Code::PageFailed, "Page 1 cannot be read").never_retry();
    let word = RecognisedWord { text: "word".to_owned(), confidence: 0.5, bounds: [1, 2, 30, 40] };
    let line = RecognisedLine { word_count: 1, bounds: [1, 2, 30, 40], baseline: [1, 39, 30, 38], ..RecognisedLine::default() };
    let requests = [
        Request::Warm { languages: vec!["eng".to_owned()], limits: Limits::default() },
        Request::Start {
            task: Task::Assemble { media: MediaType::Pdf, signed: SignedDocuments::Keep },
            limits: Limits::default(),
            sandbox: SandboxRequirement::BestEffort,
        },
        Request::Inspect,
        Request::Page(page),
        Request::Recognised(Ok(Recognised { words: vec![word], lines: vec![line] })),
        Request::Recognised(Err(failure.clone())),
        Request::Layout(layout.clone()),
        Request::EndOfLayouts,
    ];
    let answers = [
        Answer::Warm,
        Answer::Started { sandbox: SandboxLevel { landlock_abi: 4, seccomp: true } },
        Answer::Inspection(Inspection { pages: vec![info], is_signed: true, warnings: vec![warning.clone()] }),
        Answer::Picture { page, width: 4, height: 1, dots_per_inch: 300, segmentation: Segmentation::Automatic },
        Answer::Page { layout, warnings: vec![warning.clone()], render_seconds: 0.1, recognise_seconds: 1.5 },
        Answer::Assembled { bytes_written: 12345, warnings: vec![warning] },
        Answer::Failed(failure),
    ];
    let requests = requests.iter().map(|request| frame(request, b"").expect("a message has a frame"));
    let answers = answers.iter().map(|answer| frame(answer, b"\xff\xd8\xff\xe0").expect("a message has a frame"));
    let frames: Vec<Vec<u8>> = requests.chain(answers).collect();
    let all = frames.concat();
    frames.into_iter().chain([all]).map(|frames| [&[6], frames.as_slice()].concat()).collect()
}
