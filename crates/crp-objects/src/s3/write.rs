//! Writes an object: one conditional put while it fits into a part, an upload in parts above.

use std::fmt;

use bytes::{Bytes, BytesMut};
use crp_model::{Code, Failure, ObjectKey, Sha256Hash, labels::StorageOperation};
use futures_util::{Stream, StreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, path::Path};
use sha2::{Digest, Sha256};

use super::{
    Bucket, path,
    requests::{Kind, Refusal},
    upload::Upload,
};
use crate::{
    PutError, Stored,
    cleanup::Cleanup,
    objects::{Existing, Put},
};

/// Size of the first parts in bytes. S3 asks for 5 MiB at least; two of them are in flight while a third fills.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// S3 takes 10,000 parts at most, so after each thousand they double: 8 GB in the first, 8 TB in all.
const PARTS_OF_A_SIZE: usize = 1000;

impl Bucket {
    /// Stores a stream. `put.operation` tells, also after an error, how far it went.
    pub(crate) async fn put<S, E>(&self, key: &ObjectKey, body: S, put: &mut Put) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        let path = path(key).map_err(PutError::Storage)?;
        let mut writer = Writer { bucket: self, path: &path, part: BytesMut::new(), upload: None };
        let filled = writer.fill(body, put).await;
        match (filled, writer.upload.take()) {
            (Ok(stored), None) => self.put_whole(&path, writer.part.freeze(), stored, put.existing).await.map_err(PutError::Storage),
            (Ok(stored), Some(upload)) => {
                let last = writer.part.freeze();
                upload.complete(last, stored, put.existing).await.map_err(PutError::Storage)
            }
            (Err(error), None) => Err(error),
            (Err(error), Some(upload)) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    async fn put_whole(&self, path: &Path, bytes: Bytes, stored: Stored, existing: Existing) -> Result<Stored, Failure> {
        let (bucket, path) = (self.clone(), path.clone());
        // Runs to its end by itself: who is gone by then drops the guard, and the object goes too.
        let done = self.0.cleanups.unbroken(async move { bucket.put_whole_unbroken(path, bytes, stored, existing).await }).await?;
        if let Some(created) = done {
            created.disarm();
        }
        Ok(stored)
    }

    async fn put_whole_unbroken(&self, path: Path, bytes: Bytes, stored: Stored, existing: Existing) -> Result<Option<Cleanup>, Failure> {
        let mode = match existing {
            Existing::Keep => PutMode::Create,
            Existing::Replace | Existing::Rewrite => PutMode::Overwrite,
        };
        let payload = PutPayload::from(bytes);
        let options = PutOptions { mode, ..PutOptions::default() };
        let sent = self.0.requests.send(StorageOperation::Put, || self.0.store.put_opts(&path, payload.clone(), options.clone())).await;
        match sent {
            Ok(_) if existing == Existing::Keep => Ok(Some(self.remove_on_drop(path))),
            Ok(_) => Ok(None),
            // Taken: by an earlier attempt whose answer got lost, or by the same bytes before.
            Err(refusal) if refusal.kind == Kind::Condition => self.same_or_taken(&path, stored).await.map(|()| None),
            // A server that refuses early closes while we still send, and its 412 is lost: look whether the bytes are there.
            Err(refusal) if refusal.uncertain && existing != Existing::Rewrite && self.same(&path, stored).await.unwrap_or(false) => {
                Ok(None)
            }
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// Removes an object that was stored for someone who left.
    pub(super) fn remove_on_drop(&self, path: Path) -> Cleanup {
        let bucket = self.clone();
        self.0.cleanups.arm(async move {
            let removed = bucket.0.requests.send(StorageOperation::Delete, || bucket.0.store.delete(&path)).await;
            if let Err(Refusal { failure, .. }) = removed {
                tracing::warn!("the object of an interrupted upload stays behind: {}", failure.message);
            }
        })
    }

    /// Ok if the object under this key has exactly these bytes.
    pub(super) async fn same_or_taken(&self, path: &Path, wanted: Stored) -> Result<(), Failure> {
        if self.same(path, wanted).await? {
            return Ok(());
        }
        Err(Failure::new(Code::Internal, "The key of this object is taken by other bytes; nothing was overwritten"))
    }

    /// Whether the object under this key has exactly these bytes.
    pub(super) async fn same(&self, path: &Path, wanted: Stored) -> Result<bool, Failure> {
        let Some(mut download) = self.open_body(path, None).await? else { return Ok(false) };
        if download.size_bytes != wanted.size_bytes {
            return Ok(false);
        }
        let mut hash = Sha256::new();
        while let Some(bytes) = download.stream.next().await {
            hash.update(&bytes?);
        }
        Ok(Sha256Hash(hash.finalize().into()) == wanted.sha256)
    }
}

struct Writer<'a> {
    bucket: &'a Bucket,
    path: &'a Path,
    part: BytesMut,
    upload: Option<Upload>,
}

impl Writer<'_> {
    /// The size of the part that is being filled.
    fn part_bytes(&self) -> usize {
        PART_BYTES << (self.upload.as_ref().map_or(0, Upload::parts) / PARTS_OF_A_SIZE).min(9)
    }

    /// Takes the whole body; what is left in `self.part` at the end is the last part, or everything.
    async fn fill<S, E>(&mut self, mut body: S, put: &mut Put) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        let (mut size_bytes, mut hash) = (0u64, Sha256::new());
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|e| PutError::Body(e.to_string()))?;
            size_bytes += chunk.len() as u64;
            if size_bytes > put.limit_bytes {
                return Err(PutError::TooLarge { limit_bytes: put.limit_bytes });
            }
            hash.update(&chunk);
            while !chunk.is_empty() {
                if self.part.len() == self.part_bytes() {
                    put.operation = StorageOperation::Multipart;
                    self.send_part().await.map_err(PutError::Storage)?;
                }
                let room = self.part_bytes() - self.part.len();
                self.part.extend_from_slice(&chunk.split_to(room.min(chunk.len())));
            }
        }
        Ok(Stored { size_bytes, sha256: Sha256Hash(hash.finalize().into()) })
    }

    async fn send_part(&mut self) -> Result<(), Failure> {
        let part = std::mem::take(&mut self.part).freeze();
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(Upload::begin(self.bucket, self.path).await?),
        };
        upload.push(part).await
    }
}
