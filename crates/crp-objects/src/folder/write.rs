//! Writes a file so that it is there whole or not at all, also after the power fails: write, fsync, rename, fsync the folder.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use crp_model::{Code, Failure, ObjectKey, Sha256Hash, labels::StorageOperation};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::{
    io::{AsyncWriteExt, BufWriter},
    time::Instant,
};

use super::{Folder, of_io};
use crate::{
    PutError, Stored,
    cleanup::{Cleanup, Cleanups},
    objects::{Existing, Put},
};

/// How much is written at once.
const WRITE_BYTES: usize = 1024 * 1024;
/// A folder may be pruned by a deletion between its creation and the rename into it; it is created again this often.
const FOLDER_ATTEMPTS: u32 = 10;

/// A file that grows under `.partial/`. Dropped, it is gone.
struct Growing {
    file: BufWriter<tokio::fs::File>,
    path: TempPath,
    hash: Sha256,
    size_bytes: u64,
    /// Time spent in the file system, without the waiting for the sender.
    busy: Duration,
}

impl Folder {
    /// Stores a stream.
    pub(crate) async fn put<S, E>(&self, key: &ObjectKey, body: S, put: &mut Put) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        let target = self.path(key).map_err(PutError::Storage)?;
        let mut growing = self.begin().await.map_err(PutError::Storage)?;
        self.fill(&mut growing, body, put.limit_bytes).await?;
        self.commit(growing, target, put.existing).await.map_err(PutError::Storage)
    }

    async fn begin(&self) -> Result<Growing, Failure> {
        let started = Instant::now();
        let partial = self.0.partial.clone();
        let create = move || {
            tempfile::Builder::new().prefix("put-").tempfile_in(&partial).map_err(|e| of_io("create a file", &partial, &without_path(&e)))
        };
        let (file, path) = self.0.cleanups.unbroken_blocking(create).await?.into_parts();
        let file = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file));
        Ok(Growing { file, path, hash: Sha256::new(), size_bytes: 0, busy: started.elapsed() })
    }

    async fn fill<S, E>(&self, growing: &mut Growing, mut body: S, limit_bytes: u64) -> Result<(), PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| PutError::Body(e.to_string()))?;
            growing.size_bytes += chunk.len() as u64;
            if growing.size_bytes > limit_bytes {
                return Err(PutError::TooLarge { limit_bytes });
            }
            growing.hash.update(&chunk);
            let started = Instant::now();
            growing.file.write_all(&chunk).await.map_err(|e| PutError::Storage(of_io("write a file", &growing.path, &e)))?;
            growing.busy += started.elapsed();
        }
        Ok(())
    }

    async fn commit(&self, mut growing: Growing, target: PathBuf, existing: Existing) -> Result<Stored, Failure> {
        let started = Instant::now();
        growing.file.flush().await.map_err(|e| of_io("write a file", &growing.path, &e))?;
        let file = growing.file.into_inner().into_std().await;
        let stored = Stored { size_bytes: growing.size_bytes, sha256: Sha256Hash(growing.hash.finalize().into()) };
        let (root, cleanups, temp) = (self.0.root.clone(), self.0.cleanups.clone(), growing.path);
        // Runs to its end by itself: who is gone by then drops the guard, and the object goes too.
        let commit = move || {
            file.sync_all().map_err(|e| of_io("write a file to disk", &temp, &e))?;
            drop(file);
            publish(temp, &target, &root, existing, stored, &cleanups)
        };
        let created = self.0.cleanups.unbroken_blocking(commit).await;
        let busy = growing.busy + started.elapsed();
        self.0.metrics.s3_request_duration_seconds.observe(StorageOperation::Put, busy.as_secs_f64());
        if let Some(created) = created? {
            created.disarm();
        }
        Ok(stored)
    }
}

/// Gives a finished file its name. Returns the guard that removes it again, if it is new.
fn publish(
    mut temp: TempPath,
    target: &Path,
    root: &Path,
    existing: Existing,
    stored: Stored,
    cleanups: &Cleanups,
) -> Result<Option<Cleanup>, Failure> {
    let parent = target.parent().unwrap_or(root);
    for attempt in 1.. {
        let again = |e: &io::Error| e.kind() == io::ErrorKind::NotFound && attempt < FOLDER_ATTEMPTS;
        match make_folders(root, parent) {
            Ok(()) => {}
            Err(e) if again(&e) => continue,
            Err(e) => return Err(of_io("create a folder", parent, &e)),
        }
        let named = match existing {
            Existing::Keep => temp.persist_noclobber(target),
            Existing::Replace | Existing::Rewrite => temp.persist(target),
        };
        match named {
            Ok(()) => break,
            Err(refused) if again(&refused.error) => temp = refused.path,
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => return same_or_taken(target, stored).map(|()| None),
            Err(refused) => return Err(of_io("name a file", target, &refused.error)),
        }
    }
    let guard = (existing == Existing::Keep).then(|| {
        let (gone, root) = (target.to_owned(), root.to_owned());
        cleanups.arm(async move {
            let _ = tokio::task::spawn_blocking(move || fs::remove_file(&gone).and_then(|()| sync_and_prune(&gone, &root))).await;
        })
    });
    sync_folder(parent).map_err(|e| of_io("be written to disk", parent, &e))?;
    Ok(guard)
}

fn same_or_taken(target: &Path, wanted: Stored) -> Result<(), Failure> {
    if hash_file(target).map_err(|e| of_io("be read", target, &e))? == wanted {
        return Ok(());
    }
    Err(Failure::new(Code::Internal, "The key of this object is taken by other bytes; nothing was overwritten"))
}

fn hash_file(path: &Path) -> io::Result<Stored> {
    let (mut file, mut hash, mut size_bytes) = (fs::File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0u8; WRITE_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Stored { size_bytes, sha256: Sha256Hash(hash.finalize().into()) }),
            read => {
                hash.update(&buffer[..read]);
                size_bytes += read as u64;
            }
        }
    }
}

/// Creates the folders from `root` down to `folder`, each one durably.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(root);
    if folder != root {
        make_folders(root, above)?;
    }
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(above),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Writes the entries of a folder to disk: without it, a new name may be gone after the power fails.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// After a removal: makes it durable and removes the folders above that are empty now, up to the root.
pub(super) fn sync_and_prune(removed: &Path, root: &Path) -> io::Result<()> {
    for folder in removed.ancestors().skip(1).take_while(|f| *f != root) {
        // The usual end: the folder holds more. Whatever else stops it, an empty folder does no harm.
        if fs::remove_dir(folder).is_err() {
            return match sync_folder(folder) {
                // Another deletion pruned it meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                synced => synced,
            };
        }
    }
    sync_folder(root)
}

/// `tempfile` writes the path into its errors; what remains without it is the kind.
fn without_path(error: &io::Error) -> io::Error {
    io::Error::from(error.kind())
}
