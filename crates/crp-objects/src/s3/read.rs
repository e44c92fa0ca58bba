//! Reads an object; a body that breaks off is resumed where it broke, on the same version of the object.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use crp_model::{Code, Failure, labels::StorageOperation};
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectStoreExt, path::Path};
use tokio::time::timeout;

use super::{Bucket, requests::Kind, wire::innermost};
use crate::Download;

struct Body {
    bucket: Bucket,
    path: Path,
    etag: Option<String>,
    /// What is still to come.
    rest: Range<u64>,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    /// Attempts that brought nothing, one after the other.
    failed: u32,
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
                let body =
                    Body { bucket: self.clone(), path: path.clone(), etag, rest: range.clone(), bytes: opened.into_stream(), failed: 0 };
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
                    self.failed = 0;
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

    async fn read(&mut self, silence: Duration) -> Result<Bytes, String> {
        match timeout(silence, self.bytes.next()).await {
            Ok(Some(Ok(bytes))) => Ok(bytes),
            Ok(Some(Err(error))) => Err(innermost(&error)),
            Ok(None) => Err(format!("{} bytes are missing", self.rest.end - self.rest.start)),
            Err(_elapsed) => Err(format!("silence for {} s", silence.as_secs_f64())),
        }
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
                Ok(())
            }
            Err(refusal) if refusal.kind == Kind::Failed => Err(refusal.failure),
            Ok(_) | Err(_) => Err(Failure::new(Code::ObjectDamaged, "A stored object was removed or replaced while it was read")),
        }
    }
}
