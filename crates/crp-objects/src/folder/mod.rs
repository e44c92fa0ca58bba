//! Objects as files of a folder: a key is a relative path. Nothing is visible under its key before it is whole and on the disk.

mod list;
mod tree;
mod write;

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use crp_metrics::Metrics;
use crp_model::{Code, Failure, ObjectKey, Timestamp, labels::StorageOperation};
use futures_util::{StreamExt, TryStreamExt};
use tokio::{io::AsyncReadExt, io::AsyncSeekExt, time::Instant};
use tokio_util::io::ReaderStream;

use crate::{Download, cleanup::Cleanups, key};
use tree::Tree;

/// Where uploads wait until they are whole. The dot keeps it apart from every key.
const PARTIAL: &str = ".partial";
/// How much is read at once.
const READ_BYTES: usize = 256 * 1024;

/// One folder. Clones share it.
#[derive(Clone)]
pub(crate) struct Folder(Arc<Inner>);

struct Inner {
    root: PathBuf,
    tree: Arc<Tree>,
    partial: PathBuf,
    metrics: Metrics,
    cleanups: Cleanups,
}

impl Folder {
    pub(crate) fn open(root: &Path, metrics: Metrics, cleanups: Cleanups) -> Result<Self, Failure> {
        let partial = root.join(PARTIAL);
        fs::create_dir_all(&partial).map_err(|e| of_io("create its folders", root, &e))?;
        let above = root.parent().filter(|p| !p.as_os_str().is_empty());
        for folder in [Some(partial.as_path()), Some(root), above].into_iter().flatten() {
            tree::sync_folder(folder).map_err(|e| of_io("be written to disk", folder, &e))?;
        }
        let tree = Arc::new(Tree::new(root));
        Ok(Self(Arc::new(Inner { root: root.to_owned(), tree, partial, metrics, cleanups })))
    }

    pub(crate) async fn head(&self, key: &ObjectKey) -> Result<Option<u64>, Failure> {
        let path = self.path(key)?;
        self.timed(StorageOperation::Head, move || match fs::symlink_metadata(&path) {
            Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(of_io("be read", &path, &e)),
        })
        .await
    }

    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), Failure> {
        let (path, tree) = (self.path(key)?, self.0.tree.clone());
        self.timed(StorageOperation::Delete, move || match tree.remove(&path) {
            Err(e) if !is_absent(&e) => Err(of_io("remove a file", &path, &e)),
            _ => Ok(()),
        })
        .await
    }

    pub(crate) async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<Option<Download>, Failure> {
        let path = self.path(key)?;
        let opening = path.clone();
        let opened = self.timed(StorageOperation::Get, move || open(&opening)).await?;
        let Some((file, size_bytes)) = opened else { return Ok(None) };
        let start = range.as_ref().map_or(0, |r| r.start).min(size_bytes);
        let end = range.map_or(size_bytes, |r| r.end).clamp(start, size_bytes);
        let mut file = tokio::fs::File::from_std(file);
        file.seek(io::SeekFrom::Start(start)).await.map_err(|e| of_io("be read", &path, &e))?;
        let bytes = ReaderStream::with_capacity(file.take(end - start), READ_BYTES).map_err(move |e| of_io("be read", &path, &e));
        Ok(Some(Download { size_bytes, range: start..end, stream: whole(bytes, end - start).boxed() }))
    }

    /// Removes what crashes left among the uploads, if it was last written before `older_than`; tells how many files.
    pub(crate) async fn sweep(&self, older_than: Timestamp) -> Result<u64, Failure> {
        let partial = self.0.partial.clone();
        self.timed(StorageOperation::Delete, move || {
            list::sweep(&partial, older_than).map_err(|e| of_io("clear its unfinished uploads", &partial, &e))
        })
        .await
    }

    fn path(&self, key: &ObjectKey) -> Result<PathBuf, Failure> {
        Ok(self.0.root.join(key::check(key)?))
    }

    /// Runs blocking work beside the runtime and observes how long it took.
    async fn timed<T: Send + 'static>(
        &self,
        operation: StorageOperation,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let done = self.0.cleanups.unbroken_blocking(work).await;
        self.0.metrics.s3_request_duration_seconds.observe(operation, started.elapsed().as_secs_f64());
        done
    }
}

fn open(path: &Path) -> Result<Option<(fs::File, u64)>, Failure> {
    let opened = fs::File::open(path).and_then(|file| file.metadata().map(|meta| (file, meta)));
    match opened {
        Ok((file, meta)) if meta.is_file() => Ok(Some((file, meta.len()))),
        Ok(_) => Ok(None),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(of_io("be read", path, &e)),
    }
}

/// Passes `expected` bytes on, and says so if a file turns out shorter than it was when it was opened.
fn whole(
    bytes: impl futures_util::Stream<Item = Result<bytes::Bytes, Failure>> + Send + 'static,
    expected: u64,
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, Failure>> + Send + 'static {
    futures_util::stream::try_unfold((bytes.boxed(), expected), |(mut bytes, missing)| async move {
        match bytes.try_next().await? {
            Some(chunk) => {
                let missing = missing.saturating_sub(chunk.len() as u64);
                Ok(Some((chunk, (bytes, missing))))
            }
            None if missing == 0 => Ok(None),
            None => Err(Failure::new(Code::ObjectDamaged, format!("A stored object became {missing} bytes shorter while it was read"))),
        }
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What the file system said, as a failure. The path is for the log; the message may reach a user.
fn of_io(what: &str, path: &Path, error: &io::Error) -> Failure {
    tracing::warn!(path = %path.display(), "the storage folder could not {what}: {error}");
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StorageUnavailable,
    };
    let failure = Failure::new(code, format!("The storage folder could not {what}: {error}"));
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failure.with_remedy(
            "Nothing that was accepted is lost. The operator gives crPipeline's user the right to write into the storage folder (the log names the path).",
        ),
        _ => failure,
    }
}
