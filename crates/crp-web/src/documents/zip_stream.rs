//! A ZIP that is written while it is sent: entries are stored as they are, nothing is whole in memory.
//!
//! The writer of the format wants a thread, so one reads the objects and writes, and a short channel carries the pieces to the
//! connection: a slow client slows the reading down, one that goes away ends it.

use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
};

use bytes::Bytes;
use crp_model::{Code, Failure, ObjectKey};
use crp_objects::Objects;
use futures_util::{Stream, StreamExt as _};
use tokio::{runtime::Handle, sync::mpsc};
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// Bytes that are collected before they are sent on.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for the connection.
const MAX_WAITING_PIECES: usize = 4;
/// From this size on an entry is written in the form for large files (ZIP64).
const LARGE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A file of the archive.
pub(crate) enum ZipEntry {
    /// Bytes that are stored.
    Object {
        /// Its name in the archive.
        name: String,
        /// Where the bytes are.
        key: ObjectKey,
        /// How many they are.
        size_bytes: u64,
    },
    /// Bytes that are at hand.
    Bytes {
        /// Its name in the archive.
        name: String,
        /// The bytes.
        bytes: Bytes,
    },
}

type Piece = Result<Bytes, Failure>;

/// The archive of these entries. An object that cannot be read to its end ends the stream with an error, never as if all were well.
pub(crate) fn zip(objects: Objects, entries: Vec<ZipEntry>) -> impl Stream<Item = Piece> + Send + 'static {
    let (pieces, received) = mpsc::channel(MAX_WAITING_PIECES);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        // Dropping the format's writer writes a good end; once this is set, nothing of it gets out.
        let is_broken = Rc::new(Cell::new(false));
        let sink = Sink { pieces: pieces.clone(), waiting: Vec::with_capacity(PIECE_BYTES), is_broken: is_broken.clone() };
        let mut zip = ZipWriter::new_stream(sink);
        let written = entries.into_iter().try_for_each(|entry| write_entry(&mut zip, &objects, &runtime, entry));
        let ended = match written {
            Ok(()) => finish(zip),
            Err(failure) => {
                is_broken.set(true);
                Err(failure)
            }
        };
        if let Err(failure) = ended {
            tracing::warn!(code = failure.code.as_str(), "An archive was broken off: {}", failure.message);
            // Nobody listens any more: fine.
            let _ = pieces.blocking_send(Err(failure));
        }
    });
    futures_util::stream::unfold(received, async |mut received| received.recv().await.map(|piece| (piece, received)))
}

fn write_entry(zip: &mut Zip, objects: &Objects, runtime: &Handle, entry: ZipEntry) -> Result<(), Failure> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    match entry {
        ZipEntry::Bytes { name, bytes } => {
            zip.start_file(name, options).map_err(|error| unwritable(&error.into()))?;
            zip.write_all(&bytes).map_err(|error| unwritable(&error))
        }
        ZipEntry::Object { name, key, size_bytes } => {
            zip.start_file(name, options.large_file(size_bytes >= LARGE_BYTES)).map_err(|error| unwritable(&error.into()))?;
            let gone = || Failure::new(Code::ObjectDamaged, "The stored bytes are not there any more");
            let mut download = runtime.block_on(objects.get(&key))?.ok_or_else(gone)?;
            while let Some(piece) = runtime.block_on(download.stream.next()) {
                zip.write_all(&piece?).map_err(|error| unwritable(&error))?;
            }
            Ok(())
        }
    }
}

fn finish(zip: Zip) -> Result<(), Failure> {
    let mut sink = zip.finish().map_err(|error| unwritable(&error.into()))?.into_inner();
    sink.flush().map_err(|error| unwritable(&error))
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::new(Code::Internal, format!("The archive cannot be written: {error}"))
}

type Zip = ZipWriter<StreamWriter<Sink>>;

/// Where the format's writer writes to.
struct Sink {
    pieces: mpsc::Sender<Piece>,
    waiting: Vec<u8>,
    is_broken: Rc<Cell<bool>>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken.get() {
            return Ok(bytes.len());
        }
        let taken = bytes.len().min(PIECE_BYTES - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_broken.get() || self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE_BYTES));
        let sent = self.pieces.blocking_send(Ok(piece.into()));
        sent.map_err(|_| {
            self.is_broken.set(true);
            io::Error::new(io::ErrorKind::BrokenPipe, "the client went away")
        })
    }
}
