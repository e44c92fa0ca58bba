//! Reads an object; a body that breaks off is resumed where it broke, on the same version of the object.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use crp_model::{Code, Failure, labels::StorageOperation};
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectStoreExt, path::Path};
use tokio::time::{Instant, timeout};

use super::{Bucket, requests::Kind, wire::innermost};
use crate::Download;

/// A body that comes more slowly than this, in bytes per second, is asked for again: its end would never come.
const LEAST_BYTES_PER_SECOND: f64 = 1024.0;

struct Body {
    bucket: Bucket,
    path: Path,
    etag: Option<String>,
    /// What is still to come.
    rest: Range<u64>,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    /// Attempts that brought nothing, one after the other, and those that brought too little.
    failed: u32,
    slow: u32,
    pace: Pace,
}

/// How much has come since when, while it was waited for: a reader of ours that takes its time makes no storage slow.
#[derive(Default)]
struct Pace {
    bytes: u64,
    waited: Duration,
}

impl Pace {
    /// Whether too little has come within `window`. After each window that was good it begins anew.
    fn is_too_slow(&mut self, bytes: u64, waited: Duration, window: Duration) -> bool {
        self.bytes += bytes;
        self.waited += waited;
        if self.waited < window {
            return false;
        }
        let seen = std::mem::take(self);
        (seen.bytes as f64) < LEAST_BYTES_PER_SECOND * seen.waited.as_secs_f64()
    }
}

impl Bucket {
    /// Opens an object for reading; `None` if there is none.
    pub(super) async fn open_body(&self, path: &Path, range: Option<Range<u64>>) -> Result<Option<Download>, Failure> {
        // HTTP has no empty range; the object's size answers instead.
        if range.as_ref().is_some_and(|r| r.start >= r.end) {
            return self.empty(path, range.map_or(0, |r| r.start)).await;
        }
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        let opened = self.0.requests.send(StorageOperation::Get, || self.get_once(path, options.clone())).await;
        match opened {
            Ok(opened) => {
                let (size_bytes, range, etag) = (opened.meta.size, opened.range.clone(), opened.meta.e_tag.clone());
                let (bucket, path, rest, bytes) = (self.clone(), path.clone(), range.clone(), opened.into_stream());
                let body = Body { bucket, path, etag, rest, bytes, failed: 0, slow: 0, pace: Pace::default() };
                Ok(Some(Download { size_bytes, range, stream: body.into_stream() }))
            }
            Err(refusal) if refusal.kind == Kind::Absent => Ok(None),
            Err(refusal) if refusal.kind == Kind::BeyondEnd => self.empty(path, range.map_or(0, |r| r.start)).await,
            Err(refusal) => Err(refusal.failure),
        }
    }

    async fn empty(&self, path: &Path, at: u64) -> Result<Option<Download>, Failure> {
        match self.0.requests.send(StorageOperation::Get, || self.0.store.head(path)).await {
            Ok(meta) => {
                let at = at.min(meta.size);
                Ok(Some(Download { size_bytes: meta.size, range: at..at, stream: futures_util::stream::empty().boxed() }))
            }
            Err(refusal) if refusal.kind == Kind::Absent => Ok(None),
            Err(refusal) => Err(refusal.failure),
        }
    }
}

impl Body {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes, Failure>> {
        futures_util::stream::try_unfold(self, |mut body| async move { Ok(body.next().await?.map(|bytes| (bytes, body))) }).boxed()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let patience = self.bucket.0.requests.retry;
        while self.rest.start < self.rest.end {
            match self.read(patience.attempt_timeout).await {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.rest.start += bytes.len() as u64;
                    self.failed = self.slow;
                    return Ok(Some(bytes));
                }
                Err(cause) => {
                    self.failed += 1;
                    if self.failed >= patience.max_attempts {
                        let times = if self.failed > 1 { format!(" ({} attempts)", self.failed) } else { String::new() };
                        return Err(self.bucket.0.requests.unavailable(&format!("broke off in the middle of an object: {cause}{times}")));
                    }
                    self.bucket.0.requests.pause(StorageOperation::Get, self.failed).await;
                    self.resume(patience.max_attempts - self.failed).await?;
                }
            }
        }
        Ok(None)
    }

    /// The next bytes, or why none will come: the connection broke, or it gave nothing or too little for `patience`.
    async fn read(&mut self, patience: Duration) -> Result<Bytes, String> {
        let begun = Instant::now();
        let bytes = match timeout(patience, self.bytes.next()).await {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(Some(Err(error))) => return Err(innermost(&error)),
            Ok(None) => return Err(format!("{} bytes are missing", self.rest.end - self.rest.start)),
            Err(_elapsed) => return Err(format!("silence for {} s", patience.as_secs_f64())),
        };
        let is_last = bytes.len() as u64 >= self.rest.end - self.rest.start;
        if self.pace.is_too_slow(bytes.len() as u64, begun.elapsed(), patience) && !is_last {
            self.slow += 1;
            self.failed = self.slow - 1;
            return Err(format!("less than {LEAST_BYTES_PER_SECOND} bytes per second came for {} s", patience.as_secs_f64()));
        }
        Ok(bytes)
    }

    async fn resume(&mut self, attempts: u32) -> Result<(), Failure> {
        let range = Some(GetRange::Bounded(self.rest.clone()));
        let options = GetOptions { range, if_match: self.etag.clone(), ..GetOptions::default() };
        let again =
            self.bucket.0.requests.send_up_to(attempts, StorageOperation::Get, || self.bucket.get_once(&self.path, options.clone())).await;
        match again {
            // Not every server honours the condition, so the answer is looked at too.
            Ok(opened) if opened.meta.e_tag == self.etag => {
                self.bytes = opened.into_stream();
                self.pace = Pace::default();
                Ok(())
            }
            Err(refusal) if refusal.kind == Kind::Failed => Err(refusal.failure),
            Ok(_) | Err(_) => Err(Failure::new(Code::ObjectDamaged, "A stored object was removed or replaced while it was read")),
        }
    }
}
