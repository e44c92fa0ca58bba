//! The door to stored bytes.

use std::{fmt, ops::Range, path::Path};

use bytes::{Bytes, BytesMut};
use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, ObjectKey, Sha256Hash, Timestamp, faults, labels::StorageOperation};
use futures_util::{Stream, StreamExt, stream::BoxStream};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::{
    S3Settings, breaker::Breaker, breaker::Way, cleanup::Cleanups, fetch, folder::Folder, key, metered::Meter, probe::fail_if_due,
    s3::Bucket,
};

/// How much of a file is read at once.
const FILE_BYTES: usize = 1024 * 1024;

/// Bytes under typed keys. Cloning is cheap; all clones share connections and counters.
#[derive(Clone)]
pub struct Objects {
    pub(crate) store: Store,
    pub(crate) meter: Meter,
    pub(crate) cleanups: Cleanups,
}

#[derive(Clone)]
pub(crate) enum Store {
    Folder(Folder),
    S3(Bucket),
}

/// Where the bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A folder on this machine.
    Folder,
    /// A bucket behind the S3 protocol.
    S3,
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the bytes, made while they passed.
    pub sha256: Sha256Hash,
}

/// Bytes on their way out.
pub struct Download {
    /// Size of the whole object in bytes.
    pub size_bytes: u64,
    /// The bytes of the object that the stream carries; `0..size_bytes` unless a range was asked for.
    pub range: Range<u64>,
    /// The bytes. It ends with an error if not every byte could be had.
    pub stream: BoxStream<'static, Result<Bytes, Failure>>,
}

/// An object found by listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// Why a stream was not stored. Nothing of it stays behind.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The body is longer than allowed.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was allowed, in bytes.
        limit_bytes: u64,
    },
    /// The sender broke off; the text says how.
    #[error("the sender broke off: {0}")]
    Body(String),
    /// The storage failed.
    #[error(transparent)]
    Storage(Failure),
}

/// What to do with an object that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Keep it; storing the same bytes again is success, other bytes are refused.
    Keep,
    /// Replace it: the key says what it is, so the bytes say the same.
    Replace,
    /// Replace it, and take nothing but the answer for a success: the same bytes may be there from before.
    Rewrite,
}

/// How to store, and how far it went.
pub(crate) struct Put {
    pub(crate) existing: Existing,
    pub(crate) limit_bytes: u64,
    /// The operation under which a failure is counted.
    pub(crate) operation: StorageOperation,
}

impl Objects {
    /// Objects in a folder of this machine, which is created if need be. Blocks for a moment; call it at start.
    pub fn open_folder(root: &Path, metrics: Metrics) -> Result<Objects, Failure> {
        let cleanups = Cleanups::default();
        let store = Store::Folder(Folder::open(root, metrics.clone(), cleanups.clone())?);
        Ok(Self { store, meter: Meter { metrics, breaker: None }, cleanups })
    }

    /// Objects in a bucket. Nothing is sent yet: [`Objects::probe`] tells whether it answers.
    pub fn open_s3(settings: S3Settings, metrics: Metrics, ambient: Ambient) -> Result<Objects, Failure> {
        let cleanups = Cleanups::default();
        let store = Store::S3(Bucket::open(settings, metrics.clone(), ambient.clone(), cleanups.clone())?);
        let breaker = Some(Breaker::new(ambient, metrics.clone()));
        Ok(Self { store, meter: Meter { metrics, breaker }, cleanups })
    }

    /// Where the bytes are kept.
    pub fn kind(&self) -> Backend {
        match &self.store {
            Store::Folder(_) => Backend::Folder,
            Store::S3(_) => Backend::S3,
        }
    }

    /// Stores a body as it comes, never whole in memory, and hashes it on the way. When this returns, the bytes are durable.
    /// After an error, and when the future is dropped, nothing stays behind. A key that already has exactly these bytes is
    /// success; one that has others is refused.
    pub async fn put_stream<S, E>(&self, key: &ObjectKey, body: S, limit_bytes: u64) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        faults::upload_begins();
        self.put(key, body, limit_bytes, Existing::Keep).await
    }

    /// Stores bytes, durably. The same bytes again are fine.
    pub async fn put_bytes(&self, key: &ObjectKey, bytes: Bytes) -> Result<Stored, Failure> {
        let size_bytes = bytes.len() as u64;
        let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
        self.put(key, body, size_bytes, Existing::Replace).await.map_err(|e| of_file(Path::new(key.as_str()), e))
    }

    /// Stores the bytes of a file, durably. The same bytes again are fine.
    pub async fn put_file(&self, key: &ObjectKey, path: &Path) -> Result<Stored, Failure> {
        let unreadable = |e: std::io::Error| unreadable(path, &format!("cannot be read: {e}"));
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let size_bytes = file.metadata().await.map_err(unreadable)?.len();
        let body = ReaderStream::with_capacity(file.take(size_bytes), FILE_BYTES);
        self.put(key, body, size_bytes, Existing::Replace).await.map_err(|e| of_file(path, e))
    }

    pub(crate) async fn put<S, E>(&self, key: &ObjectKey, body: S, limit_bytes: u64, existing: Existing) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        self.admit(Way::In).map_err(PutError::Storage)?;
        let mut put = Put { existing, limit_bytes, operation: StorageOperation::Put };
        let stored = match &self.store {
            Store::Folder(folder) => folder.put(key, body, &mut put).await,
            Store::S3(bucket) => bucket.put(key, body, &mut put).await,
        };
        // Done, and the answer is lost.
        let stored = stored.and_then(|stored| fail_if_due("answer of a write").map_err(PutError::Storage).map(|()| stored));
        match &stored {
            Ok(_) => self.meter.note(put.operation, None),
            Err(PutError::Storage(failure)) => self.meter.note(put.operation, Some(failure)),
            // The sender's doing says nothing about the storage.
            Err(PutError::TooLarge { .. } | PutError::Body(_)) => {}
        }
        stored
    }

    /// Opens an object for reading; `None` if there is none. On S3, a body that breaks off is resumed.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Download>, Failure> {
        self.open(key, None).await
    }

    /// Opens the part of an object that lies in `range` (bytes from 0, the end excluded); what lies behind its end is left out.
    pub async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Download>, Failure> {
        self.open(key, Some(range)).await
    }

    async fn open(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<Option<Download>, Failure> {
        self.admit(Way::Out)?;
        let opened = self.meter.metered(StorageOperation::Get, async {
            match &self.store {
                Store::Folder(folder) => folder.get(key, range).await,
                Store::S3(bucket) => bucket.get(key, range).await,
            }
        });
        let Some(download) = opened.await? else { return Ok(None) };
        let stream = self.meter.metered_stream(StorageOperation::Get, download.stream);
        Ok(Some(Download { stream, ..download }))
    }

    /// A small object as a whole; `None` if there is none. One that is larger than `limit_bytes` is not what was stored.
    pub async fn get_bytes(&self, key: &ObjectKey, limit_bytes: u64) -> Result<Option<Bytes>, Failure> {
        let Some(mut download) = self.get(key).await? else { return Ok(None) };
        if download.size_bytes > limit_bytes {
            let message = format!("A stored object has {} bytes where at most {limit_bytes} are possible", download.size_bytes);
            return Err(Failure::new(Code::ObjectDamaged, message));
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(download.size_bytes).unwrap_or(0));
        while let Some(chunk) = download.stream.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(Some(bytes.freeze()))
    }

    /// Copies an object into a file, which appears whole or not at all. With `expected` (size in bytes, SHA-256), anything
    /// else, and an object that is gone, is `object_damaged`.
    pub async fn fetch_to(&self, key: &ObjectKey, path: &Path, expected: Option<(u64, Sha256Hash)>) -> Result<(), Failure> {
        fetch::fetch_to(self, key, path, expected).await
    }

    pub(crate) fn count_retry(&self, operation: StorageOperation) {
        self.meter.metrics.s3_retries_total.inc(operation);
    }

    /// The size of an object in bytes; `None` if there is none.
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<u64>, Failure> {
        self.admit(Way::Out)?;
        let done = self.meter.metered(StorageOperation::Head, async {
            match &self.store {
                Store::Folder(folder) => folder.head(key).await,
                Store::S3(bucket) => bucket.head(key).await,
            }
        });
        done.await
    }

    /// Removes an object. One that is not there is removed already.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), Failure> {
        self.admit(Way::In)?;
        let done = self.meter.metered(StorageOperation::Delete, async {
            match &self.store {
                Store::Folder(folder) => folder.delete(key).await,
                Store::S3(bucket) => bucket.delete(key).await,
            }
        });
        done.await
    }

    /// Every object under `prefix`, which is empty or ends with a slash. The stream ends after its first error.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<Listed, Failure>> {
        if let Err(failure) = self.admit(Way::Out) {
            return futures_util::stream::iter([Err(failure)]).boxed();
        }
        let found = match (key::check_prefix(prefix), &self.store) {
            (Err(failure), _) => futures_util::stream::iter([Err(failure)]).boxed(),
            (Ok(()), Store::Folder(folder)) => folder.list(prefix),
            (Ok(()), Store::S3(bucket)) => bucket.list(prefix),
        };
        self.meter.metered_stream(StorageOperation::List, found)
    }

    /// Removes what crashes left of uploads that began before `older_than`: files in `.partial/`, or uploads in parts.
    /// Uploads that run now are younger than an hour or two; on a bucket that several processes share, leave them that much.
    /// Tells how many were removed.
    pub async fn sweep_partial(&self, older_than: Timestamp) -> Result<u64, Failure> {
        self.admit(Way::In)?;
        let done = self.meter.metered(StorageOperation::Delete, async {
            match &self.store {
                Store::Folder(folder) => folder.sweep(older_than).await,
                Store::S3(bucket) => bucket.sweep(older_than).await,
            }
        });
        done.await
    }

    /// Waits until every upload has ended and what broken-off ones left is removed. For the end of the process and for tests.
    pub async fn finish_cleanups(&self) {
        self.cleanups.finish().await;
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("size_bytes", &self.size_bytes).field("range", &self.range).finish_non_exhaustive()
    }
}

/// The failure of storing something whose size and readability were known before.
fn of_file(path: &Path, error: PutError) -> Failure {
    match error {
        PutError::Storage(failure) => failure,
        PutError::Body(what) => unreadable(path, &format!("cannot be read: {what}")),
        PutError::TooLarge { .. } => unreadable(path, "grew while it was read"),
    }
}

/// The folder is for the log; the message may reach a user.
fn unreadable(path: &Path, what: &str) -> Failure {
    tracing::warn!(path = %path.display(), "a file to be stored {what}");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Failure::new(Code::FileAccess, format!("The file {name} {what}"))
}
