//! What parent and child say to each other: one JSON message per frame, each with an optional run of raw bytes behind it.
//!
//! Requests go over a socket, because the document travels with one of them: `Start` carries open files as descriptors. Answers come
//! over a pipe.
//!
//! A frame is `length of the JSON (u32) · length of the bytes (u32) · JSON · bytes`, numbers in little-endian order.
//! The reader names the largest frame it takes, so a lying length costs nothing.

use std::io::{self, Read, Write};

use crp_model::{Failure, Limits, MediaType, PageLayout, PageNo, SandboxRequirement, Warning, pipeline::SignedDocuments};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    EngineProbe, Inspection, ReadSettings, SandboxLevel,
    engine::{Recognised, Segmentation},
};

/// Largest request that a child takes: the layout of one page.
pub(crate) const MAX_REQUEST_BYTES: usize = 64 << 20;
/// Largest answer to anything but a page.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Largest answer to a page: its layout and a thumbnail.
pub(crate) const MAX_PAGE_ANSWER_BYTES: usize = 64 << 20;

/// Most descriptors that come with a request.
pub(crate) const MAX_FILES: usize = 2;

/// What the parent asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Load the engine with these languages and wait: no document is there yet. At most once, before `Start`.
    Warm { languages: Vec<String>, limits: Limits },
    /// What the child is for, with the descriptors that its task names. The limits are those of `Warm`, if there was one.
    Start { task: Task, limits: Limits, sandbox: SandboxRequirement },
    /// Sizes, rotations and signatures of the document.
    Inspect,
    /// Read one page.
    Page(PageNo),
    /// To `Answer::Room`, when there is: the page's picture may have so many pixels.
    Room { picture_pixels: u64 },
    /// What the engine outside read in the picture of `Answer::Picture`.
    Recognised(Result<Recognised, Failure>),
    /// The next page of the searchable PDF.
    Layout(PageLayout),
    /// All pages of the searchable PDF were sent.
    EndOfLayouts,
}

/// What a child is for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Read a document, whose descriptor comes with the request; with an engine if pages are to be recognised.
    Read { media: MediaType, settings: Option<ReadSettings> },
    /// Write the searchable PDF of a document; the descriptors of document and output come with the request, in this order.
    Assemble { media: MediaType, signed: SignedDocuments },
    /// Tell what the engine can do.
    ProbeEngine,
    /// Tell how well a child is locked in.
    ProbeSandbox,
}

impl Task {
    /// Descriptors that come with it.
    pub(crate) fn files(&self) -> usize {
        match self {
            Task::Read { .. } => 1,
            Task::Assemble { .. } => MAX_FILES,
            Task::ProbeEngine | Task::ProbeSandbox => 0,
        }
    }
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// To `Warm`: the engine is loaded.
    Warm,
    /// To `Start`: the engine is loaded or known to be missing, the sandbox is closed, the document is open.
    Started { sandbox: SandboxLevel },
    /// To `Inspect`.
    Inspection(Inspection),
    /// To `Page`, before pixels of it exist: there has to be room for so many. Each such question takes the place of the one before.
    Room { page: PageNo, need: PixelNeed },
    /// To `Page`, before the page itself: the engine outside is to read a picture, whose gray pixels are the frame's bytes.
    Picture { page: PageNo, width: u32, height: u32, dots_per_inch: u32, segmentation: Segmentation },
    /// To `Page`; the frame's bytes are the thumbnail.
    Page { layout: PageLayout, warnings: Vec<Warning>, render_seconds: f64, recognise_seconds: f64 },
    /// To `EndOfLayouts`.
    Assembled { bytes_written: u64, warnings: Vec<Warning> },
    /// To `ProbeEngine`.
    Engine(EngineProbe),
    /// It could not be done.
    Failed(Failure),
}

/// Pixels that a page will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PixelNeed {
    /// Of what is decoded whole on the way to its picture.
    pub(crate) stored: u64,
    /// Of its picture; there can be fewer, then it is scaled down.
    pub(crate) picture: u64,
    /// Whether the page is drawn, in colour, to become its picture.
    pub(crate) is_drawn: bool,
}

/// A received message with the bytes behind it.
pub(crate) struct Received<M> {
    /// The message.
    pub(crate) message: M,
    /// The bytes behind it; mostly none.
    pub(crate) bytes: Vec<u8>,
}

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// The other side is gone.
    #[error("the other side closed the pipe")]
    Closed,
    /// The pipe failed.
    #[error("the pipe failed: {0}")]
    Pipe(io::Error),
    /// The frame is larger than this side takes.
    #[error("a frame of {0} bytes is over the limit")]
    TooLarge(u64),
    /// The frame is a message that cannot be true.
    #[error("{0}")]
    Untrue(String),
    /// The frame is no message.
    #[error("a frame is no message: {0}")]
    Malformed(serde_json::Error),
}

impl From<io::Error> for ReceiveError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Closed } else { Self::Pipe(error) }
    }
}

/// The frame of a message.
pub(crate) fn frame<M: Serialize>(message: &M, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut frame = vec![0u8; 8];
    serde_json::to_writer(&mut frame, message)?;
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a message is longer than 4 GiB");
    let json_length = u32::try_from(frame.len() - 8).map_err(too_long)?;
    let bytes_length = u32::try_from(bytes.len()).map_err(too_long)?;
    frame[..4].copy_from_slice(&json_length.to_le_bytes());
    frame[4..8].copy_from_slice(&bytes_length.to_le_bytes());
    frame.extend_from_slice(bytes);
    Ok(frame)
}

/// Sends a message.
pub(crate) fn send<M: Serialize>(to: &mut impl Write, message: &M, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&frame(message, bytes)?)?;
    to.flush()
}

/// Waits for a message.
pub(crate) fn receive<M: DeserializeOwned>(from: &mut impl Read, max_bytes: usize) -> Result<Received<M>, ReceiveError> {
    let mut head = [0u8; 8];
    from.read_exact(&mut head)?;
    let (json_length, total) = lengths(head, max_bytes)?;
    let mut body = vec![0u8; total];
    from.read_exact(&mut body)?;
    parse(body, json_length)
}

/// Waits for a message without blocking the thread. Memory grows with what really arrives, not with what the head announces.
pub(crate) async fn receive_async<M: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    max_bytes: usize,
) -> Result<Received<M>, ReceiveError> {
    let mut head = [0u8; 8];
    from.read_exact(&mut head).await?;
    let (json_length, total) = lengths(head, max_bytes)?;
    let mut body = Vec::with_capacity(total.min(1 << 16));
    from.take(total as u64).read_to_end(&mut body).await?;
    if body.len() < total {
        return Err(ReceiveError::Closed);
    }
    parse(body, json_length)
}

fn lengths(head: [u8; 8], max_bytes: usize) -> Result<(usize, usize), ReceiveError> {
    let [a, b, c, d, e, f, g, h] = head;
    let json_length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let total = json_length + u64::from(u32::from_le_bytes([e, f, g, h]));
    match usize::try_from(total) {
        Ok(total) if total <= max_bytes => Ok((json_length as usize, total)),
        _ => Err(ReceiveError::TooLarge(total)),
    }
}

fn parse<M: DeserializeOwned>(mut body: Vec<u8>, json_length: usize) -> Result<Received<M>, ReceiveError> {
    let bytes = body.split_off(json_length);
    let message = serde_json::from_slice(&body).map_err(ReceiveError::Malformed)?;
    Ok(Received { message, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_and_its_bytes_survive_the_pipe() {
        let mut pipe = Vec::new();
        send(&mut pipe, &Request::Page(PageNo::from_index(6)), b"\xff\x00jpeg").unwrap();
        send(&mut pipe, &Request::Inspect, b"").unwrap();
        let mut pipe = pipe.as_slice();
        let first: Received<Request> = receive(&mut pipe, 1000).unwrap();
        assert!(matches!(first.message, Request::Page(page) if page.get() == 7));
        assert_eq!(first.bytes, b"\xff\x00jpeg");
        let second: Received<Request> = receive(&mut pipe, 1000).unwrap();
        assert!(matches!(second.message, Request::Inspect));
        assert!(matches!(receive::<Request>(&mut pipe, 1000), Err(ReceiveError::Closed)));
    }

    #[test]
    fn a_lying_length_is_refused_before_memory_is_taken_for_it() {
        let mut lie = [0xffu8; 8].as_slice();
        assert!(matches!(receive::<Answer>(&mut lie, MAX_ANSWER_BYTES), Err(ReceiveError::TooLarge(_))));
    }

    #[tokio::test]
    async fn both_readers_agree_and_a_torn_frame_is_a_closed_pipe() {
        let whole = frame(&Request::Inspect, b"xyz").unwrap();
        let read: Received<Request> = receive_async(&mut whole.as_slice(), 1000).await.unwrap();
        assert_eq!(read.bytes, b"xyz");
        for end in 0..whole.len() {
            let torn = receive_async::<Request>(&mut &whole[..end], 1000).await;
            assert!(matches!(torn, Err(ReceiveError::Closed)), "cut at {end}");
        }
    }

    #[test]
    fn bytes_that_are_no_message_are_malformed() {
        let mut garbage = Vec::from(5u32.to_le_bytes());
        garbage.extend(0u32.to_le_bytes());
        garbage.extend(b"hello");
        assert!(matches!(receive::<Answer>(&mut garbage.as_slice(), 1000), Err(ReceiveError::Malformed(_))));
    }
}
