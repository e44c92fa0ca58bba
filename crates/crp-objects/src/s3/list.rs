//! Enumerates objects, and uploads that a crash left open.

use bytes::Bytes;
use crp_model::{Failure, ObjectKey, Timestamp, labels::StorageOperation};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::{Method, Request};
use object_store::{
    client::HttpRequestBody,
    list::{PaginatedListOptions, PaginatedListStore},
    multipart::MultipartStore,
    path::Path,
    signer::{SignedUrlOptions, Signer},
};
use serde::Deserialize;

use super::{Bucket, requests::Kind};
use crate::Listed;

/// Only uploads under this prefix are ours to abort; a bucket may have other users.
const OURS: &str = "organizations/";
/// How long the signature of a listing is good for.
const SIGNED_FOR: std::time::Duration = std::time::Duration::from_secs(300);

impl Bucket {
    /// Every object whose key begins with `prefix`.
    pub(crate) fn list(&self, prefix: &str) -> BoxStream<'static, Result<Listed, Failure>> {
        let begin = (self.clone(), prefix.to_owned(), Some(None::<String>));
        futures_util::stream::try_unfold(begin, |(bucket, prefix, next)| async move {
            let Some(page_token) = next else { return Ok(None) };
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let prefix_given = (!prefix.is_empty()).then_some(prefix.as_str());
            let page = bucket
                .0
                .requests
                .send(StorageOperation::List, || bucket.0.store.list_paginated(prefix_given, options.clone()))
                .await
                .map_err(|refusal| refusal.failure)?;
            let found: Vec<Result<Listed, Failure>> = page.result.objects.into_iter().map(|meta| Ok(listed(&meta))).collect();
            let next = page.page_token.map(Some);
            Ok(Some((futures_util::stream::iter(found), (bucket, prefix, next))))
        })
        .try_flatten()
        .boxed()
    }

    /// Aborts uploads in parts that began before `older_than`; tells how many.
    pub(crate) async fn sweep(&self, older_than: Timestamp) -> Result<u64, Failure> {
        let (mut swept, mut marker) = (0, None::<(String, String)>);
        loop {
            let page = self.open_uploads(marker.as_ref()).await?;
            for upload in page.upload.into_iter().filter(|u| u.initiated < older_than && u.key.starts_with(OURS)) {
                swept += u64::from(self.abort_left(upload).await?);
            }
            marker = match (page.is_truncated, page.next_key_marker, page.next_upload_id_marker) {
                (true, Some(key), Some(id)) => Some((key, id)),
                _ => return Ok(swept),
            };
        }
    }

    async fn abort_left(&self, upload: OpenUpload) -> Result<bool, Failure> {
        let Ok(path) = super::path(&ObjectKey::from_store(upload.key)) else { return Ok(false) };
        let aborted = self.0.requests.send(StorageOperation::Multipart, || self.0.store.abort_multipart(&path, &upload.upload_id)).await;
        match aborted {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.kind == Kind::Absent => Ok(false),
            Err(refusal) => Err(refusal.failure),
        }
    }

    async fn open_uploads(&self, after: Option<&(String, String)>) -> Result<OpenUploads, Failure> {
        let mut query = vec![("uploads".to_owned(), String::new()), ("prefix".to_owned(), OURS.to_owned())];
        if let Some((key, id)) = after {
            query.extend([("key-marker".to_owned(), key.clone()), ("upload-id-marker".to_owned(), id.clone())]);
        }
        let body = self.0.requests.send(StorageOperation::List, || self.get_bucket(query.clone())).await.map_err(|r| r.failure)?;
        quick_xml::de::from_reader(body.as_ref())
            .map_err(|_| self.0.requests.unavailable("answered a list of open uploads that cannot be read"))
    }

    /// A request that the library has no call for. Its signature is in the address, so the address stays in here.
    async fn get_bucket(&self, query: Vec<(String, String)>) -> object_store::Result<Bytes> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
        let options = SignedUrlOptions::new().with_query(query);
        let url = self.0.store.signed_url_opts(Method::GET, &Path::default(), SIGNED_FOR, &options).await?;
        let request =
            Request::get(url.as_str()).body(HttpRequestBody::empty()).map_err(|_| failed("the request cannot be built".into()))?;
        let answer = self.0.http.execute(request).await.map_err(|e| failed(Box::new(e)))?;
        if !answer.status().is_success() {
            return Err(failed(format!("status {}", answer.status()).into()));
        }
        answer.into_body().bytes().await.map_err(|e| failed(Box::new(e)))
    }
}

fn listed(meta: &object_store::ObjectMeta) -> Listed {
    Listed {
        key: ObjectKey::from_store(meta.location.to_string()),
        size_bytes: meta.size,
        last_modified: Timestamp(meta.last_modified.timestamp_micros()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OpenUploads {
    #[serde(default)]
    upload: Vec<OpenUpload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OpenUpload {
    key: String,
    upload_id: String,
    initiated: Timestamp,
}
