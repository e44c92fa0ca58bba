//! Writes a file so that it is there whole or not at all, also after the power fails: write, fsync, rename, fsync the folder.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
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

use super::{Folder, of_io, tree::Tree};
use crate::{
    PutError, Stored,
    cleanup::{Cleanup, Cleanups},
    objects::{Existing, Put},
};

/// How much is written at once.
const WRITE_BYTES: usize = 1024 * 1024;

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
        let (tree, cleanups, temp) = (self.0.tree.clone(), self.0.cleanups.clone(), growing.path);
        // Runs to its end by itself: who is gone by then drops the guard, and the object goes too.
        let commit = move || {
            file.sync_all().map_err(|e| of_io("write a file to disk", &temp, &e))?;
            drop(file);
            publish(temp, &target, &tree, existing, stored, &cleanups)
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
    temp: TempPath,
    target: &Path,
    tree: &Arc<Tree>,
    existing: Existing,
    stored: Stored,
    cleanups: &Cleanups,
) -> Result<Option<Cleanup>, Failure> {
    let mut waiting = Some(temp);
    let named = tree.name(target, |target| {
        let Some(temp) = waiting.take() else { return Err(io::Error::other("the file has its name already")) };
        let named = match existing {
            Existing::Keep => temp.persist_noclobber(target),
            Existing::Replace | Existing::Rewrite => temp.persist(target),
        };
        named.map_err(|refused| {
            waiting = Some(refused.path);
            refused.error
        })
    });
    let created = match named {
        Ok(created) => created,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return same_or_taken(target, stored).map(|()| None),
        Err(e) => return Err(of_io("name a file", target, &e)),
    };
    let guard = (existing == Existing::Keep).then(|| {
        let (gone, tree) = (target.to_owned(), tree.clone());
        cleanups.arm(async move {
            let _ = tokio::task::spawn_blocking(move || tree.remove(&gone)).await;
        })
    });
    tree.settle(target, created).map_err(|e| of_io("be written to disk", target, &e))?;
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

/// `tempfile` writes the path into its errors; what remains without it is the kind.
fn without_path(error: &io::Error) -> io::Error {
    io::Error::from(error.kind())
}
