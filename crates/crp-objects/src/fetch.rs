//! An object into a file, checked on the way.

use std::{io, path::Path};

use crp_model::{Code, Failure, ObjectKey, Sha256Hash, labels::StorageOperation};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::{Objects, Stored};

/// How much is written at once.
const WRITE_BYTES: usize = 1024 * 1024;

pub(crate) async fn fetch_to(objects: &Objects, key: &ObjectKey, path: &Path, expected: Option<(u64, Sha256Hash)>) -> Result<(), Failure> {
    let expected = expected.map(|(size_bytes, sha256)| Stored { size_bytes, sha256 });
    let mut got = fetch_once(objects, key, path).await?;
    if expected.is_some_and(|wanted| wanted != got.1) {
        // Bytes can change on the way, too: only what is wrong twice is wrong in the storage.
        objects.count_retry(StorageOperation::Get);
        got = fetch_once(objects, key, path).await?;
    }
    let (temp, stored) = got;
    match expected {
        Some(wanted) if wanted.size_bytes != stored.size_bytes => {
            Err(damaged(&format!("has {} bytes instead of {}", stored.size_bytes, wanted.size_bytes)))
        }
        Some(wanted) if wanted.sha256 != stored.sha256 => Err(damaged("is not the one that was stored: its SHA-256 is another")),
        _ => temp.persist(path).map_err(|e| local(&e.error)),
    }
}

async fn fetch_once(objects: &Objects, key: &ObjectKey, path: &Path) -> Result<(TempPath, Stored), Failure> {
    let Some(mut download) = objects.get(key).await? else { return Err(damaged("is gone")) };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let temp = tokio::task::spawn_blocking(move || NamedTempFile::new_in(folder)).await.map_err(|e| local(&io::Error::other(e)))?;
    // `tempfile` writes the path into its errors; a user has no use for it.
    let (file, temp) = temp.map_err(|e| local(&io::Error::from(e.kind())))?.into_parts();
    let mut file = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file));
    let (mut size_bytes, mut hash) = (0, Sha256::new());
    while let Some(chunk) = download.stream.next().await {
        let chunk = chunk?;
        size_bytes += chunk.len() as u64;
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(|e| local(&e))?;
    }
    file.flush().await.map_err(|e| local(&e))?;
    // Dropping the file waits for nothing; closing it here makes sure that every byte is in it.
    drop(file.into_inner().into_std().await);
    Ok((temp, Stored { size_bytes, sha256: Sha256Hash(hash.finalize().into()) }))
}

fn damaged(what: &str) -> Failure {
    Failure::new(Code::ObjectDamaged, format!("A stored object {what}"))
}

/// A failure of the disk that is written to; the storage has no part in it.
fn local(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(Code::DiskFull, "There is no room for a working copy of the document")
        }
        _ => Failure::new(Code::Internal, format!("A working copy of the document could not be written: {error}")),
    }
}
