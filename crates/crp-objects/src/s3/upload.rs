//! An upload in parts. Whatever ends it early, the bucket forgets its parts.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use crp_model::{Failure, labels::StorageOperation};
use object_store::{
    ObjectStoreExt, PutPayload,
    multipart::{MultipartStore, PartId},
    path::Path,
};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::{
    Bucket,
    requests::{Kind, Refusal},
};
use crate::{Stored, cleanup::Cleanup, objects::Existing};

/// Parts on their way at the same time.
const IN_FLIGHT: usize = 2;
/// How long an upload that is given up waits for its parts on their way.
const PART_GRACE: Duration = Duration::from_secs(5);
const OPERATION: StorageOperation = StorageOperation::Multipart;

/// Dropped, it lets its parts end and aborts itself. The order of the fields is the order of that.
pub(super) struct Upload {
    bucket: Bucket,
    path: Path,
    id: Arc<String>,
    running: OnTheWire,
    done: Vec<Option<PartId>>,
    tasks: TaskTracker,
    undo: Cleanup,
}

/// Parts on their way. A request that is cut may be stored all the same, after the upload was aborted, and then stays; so nobody
/// cuts one that could end.
struct OnTheWire(JoinSet<(usize, Result<PartId, Refusal>)>);

impl Drop for OnTheWire {
    fn drop(&mut self) {
        self.0.detach_all();
    }
}

impl Upload {
    pub(super) async fn begin(bucket: &Bucket, path: &Path) -> Result<Self, Failure> {
        let (owner, at) = (bucket.clone(), path.clone());
        // Runs to its end by itself, so that an upload whose owner left while it began is aborted too.
        bucket.0.cleanups.unbroken(async move { Self::begin_unbroken(owner, at).await }).await
    }

    async fn begin_unbroken(bucket: Bucket, path: Path) -> Result<Self, Failure> {
        let begun = bucket.0.requests.send(OPERATION, || bucket.0.store.create_multipart(&path)).await;
        let id = Arc::new(begun.map_err(|refusal| refusal.failure)?);
        let tasks = TaskTracker::new();
        let undo = bucket.0.cleanups.arm(abort(bucket.clone(), path.clone(), id.clone(), tasks.clone()));
        Ok(Self { bucket, path, id, running: OnTheWire(JoinSet::new()), done: Vec::new(), tasks, undo })
    }

    /// How many parts there are so far.
    pub(super) fn parts(&self) -> usize {
        self.done.len()
    }

    /// Sends a part; waits only while enough of them are on their way.
    pub(super) async fn push(&mut self, part: Bytes) -> Result<(), Failure> {
        while self.running.0.len() >= IN_FLIGHT {
            self.join_one().await?;
        }
        let at = self.done.len();
        self.done.push(None);
        let (bucket, path, id) = (self.bucket.clone(), self.path.clone(), self.id.clone());
        let payload = PutPayload::from(part);
        self.running.0.spawn(self.tasks.track_future(async move {
            let sent = bucket.0.requests.send(OPERATION, || bucket.0.store.put_part(&path, &id, at, payload.clone())).await;
            (at, sent)
        }));
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), Failure> {
        let Some(joined) = self.running.0.join_next().await else { return Ok(()) };
        let (at, sent) = joined.map_err(|e| self.bucket.0.requests.unavailable(&format!("lost a part: {e}")))?;
        self.done[at] = Some(sent.map_err(|refusal| refusal.failure)?);
        Ok(())
    }

    /// Stops and forgets the upload.
    pub(super) async fn abort(mut self) {
        // A part whose request is cut may still be stored, after the abort; one that ends is not.
        let ended = async { while self.running.0.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PART_GRACE, ended).await;
        self.running.0.shutdown().await;
        self.undo.run().await;
    }

    /// Sends the last part and makes the object visible.
    pub(super) async fn complete(mut self, last: Bytes, stored: Stored, existing: Existing) -> Result<Stored, Failure> {
        if let Err(failure) = self.finish_parts(last).await {
            self.abort().await;
            return Err(failure);
        }
        let cleanups = self.bucket.0.cleanups.clone();
        let done = cleanups.unbroken(async move { self.complete_unbroken(stored, existing).await }).await?;
        if let Some(created) = done {
            created.disarm();
        }
        Ok(stored)
    }

    async fn finish_parts(&mut self, last: Bytes) -> Result<(), Failure> {
        self.push(last).await?;
        while !self.running.0.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn complete_unbroken(self, stored: Stored, existing: Existing) -> Result<Option<Cleanup>, Failure> {
        let (bucket, path, id) = (self.bucket.clone(), self.path.clone(), self.id.clone());
        // Completing has no condition that every server knows, so an existing object is looked for first.
        if existing == Existing::Keep {
            let found = bucket.0.requests.send(OPERATION, || bucket.0.store.head(&path)).await;
            let taken = match found {
                Ok(_) => Some(bucket.same_or_taken(&path, stored).await),
                Err(refusal) if refusal.kind == Kind::Absent => None,
                Err(refusal) => Some(Err(refusal.failure)),
            };
            if let Some(outcome) = taken {
                self.abort().await;
                return outcome.map(|()| None);
            }
        }
        let parts: Vec<PartId> = self.done.iter().flatten().cloned().collect();
        let completed = bucket.0.requests.send(OPERATION, || bucket.0.store.complete_multipart(&path, &id, parts.clone())).await;
        if let Err(refusal) = completed {
            // An earlier attempt may have completed it; then the upload is gone and the object is there.
            let there = refusal.uncertain && bucket.same(&path, stored).await.unwrap_or(false);
            if !there {
                self.abort().await;
                return Err(refusal.failure);
            }
        }
        self.undo.disarm();
        Ok((existing == Existing::Keep).then(|| bucket.remove_on_drop(path)))
    }
}

/// Aborts an upload after its last part is off the wire; a part that arrives later would stay and be paid for.
async fn abort(bucket: Bucket, path: Path, id: Arc<String>, parts: TaskTracker) {
    parts.close();
    // One that hangs for longer is left to the sweep at the next start.
    let _ = tokio::time::timeout(PART_GRACE, parts.wait()).await;
    let aborted = bucket.0.requests.send(OPERATION, || bucket.0.store.abort_multipart(&path, &id)).await;
    // Absent is as good as aborted.
    if let Err(Refusal { kind: Kind::Failed, failure, .. }) = aborted {
        tracing::warn!("the parts of an interrupted upload stay until the next start sweeps them: {}", failure.message);
    }
}
