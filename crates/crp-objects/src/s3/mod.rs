//! Objects in a bucket behind the S3 protocol. Retries and resumed bodies are ours, so that each can be counted.

mod list;
mod read;
mod requests;
mod upload;
mod wire;
mod write;

use std::{ops::Range, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, ObjectKey, labels::StorageOperation};
use http::{Method, Uri};
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum},
    client::HttpClient,
    path::Path,
    signer::{SignedUrlOptions, Signer},
};
use secrecy::ExposeSecret;

use self::{
    requests::{Kind, Requests},
    wire::{Watched, innermost},
};
use crate::{Addressing, Download, DownloadLink, Encryption, S3Settings, cleanup::Cleanups, key};

/// One bucket. Clones share it.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Inner>);

struct Inner {
    store: AmazonS3,
    http: HttpClient,
    requests: Requests,
    cleanups: Cleanups,
}

impl Bucket {
    pub(crate) fn open(settings: S3Settings, metrics: Metrics, ambient: Ambient, cleanups: Cleanups) -> Result<Self, Failure> {
        // TLS needs a provider for the whole process; a second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = check(&settings)?;
        let options = client_options(&settings);
        let watched = Watched::connect(&options).map_err(|e| invalid(format!("The HTTP client for S3 cannot start: {e}")))?;
        let http = watched.client();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose_secret())
            .with_client_options(options)
            .with_http_connector(watched)
            .with_checksum_algorithm(Checksum::SHA256)
            // DeleteObjects is missing or different in several servers; DELETE of one key is everywhere.
            .with_disable_bulk_delete(true)
            .with_retry(never());
        builder = addressed(builder, &settings);
        if let Some(token) = &settings.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        builder = encrypting(builder, &settings.encryption)?;
        let store = builder.build().map_err(|e| invalid(format!("The S3 settings cannot be used: {e}")))?;
        let requests = Requests { metrics, retry: settings.retry, server, ambient };
        Ok(Self(Arc::new(Inner { store, http, requests, cleanups })))
    }

    /// The same bucket, whose requests are sent once and answered within `patience`, or have failed.
    pub(crate) fn without_retries(&self, patience: Duration) -> Self {
        let mut requests = self.0.requests.clone();
        requests.retry.max_attempts = 1;
        requests.retry.attempt_timeout = requests.retry.attempt_timeout.min(patience);
        let (store, http, cleanups) = (self.0.store.clone(), self.0.http.clone(), self.0.cleanups.clone());
        Self(Arc::new(Inner { store, http, requests, cleanups }))
    }

    pub(crate) async fn head(&self, key: &ObjectKey) -> Result<Option<u64>, Failure> {
        let path = path(key)?;
        match self.0.requests.send(StorageOperation::Head, || self.0.store.head(&path)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(refusal) if refusal.kind == Kind::Absent => self.size_by_get(&path).await,
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// The answer to HEAD has no body that could tell a missing object from a missing bucket; that to GET has.
    async fn size_by_get(&self, path: &Path) -> Result<Option<u64>, Failure> {
        let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
        match self.0.requests.send(StorageOperation::Head, || self.get_once(path, options.clone())).await {
            Ok(found) => Ok(Some(found.meta.size)),
            Err(refusal) if refusal.kind == Kind::Absent => Ok(None),
            Err(refusal) if refusal.kind == Kind::BeyondEnd => Ok(Some(0)),
            Err(refusal) => Err(refusal.failure),
        }
    }

    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), Failure> {
        let path = path(key)?;
        match self.0.requests.send(StorageOperation::Delete, || self.0.store.delete(&path)).await {
            Err(refusal) if refusal.kind != Kind::Absent => Err(refusal.failure),
            _ => Ok(()),
        }
    }

    pub(crate) async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<Option<Download>, Failure> {
        self.open_body(&path(key)?, range).await
    }

    /// Signs a GET of this object, with what its answer shall say.
    pub(crate) async fn link(&self, key: &ObjectKey, holds: Duration, answer: &[(&str, &str)]) -> Result<DownloadLink, Failure> {
        let options = SignedUrlOptions::new().with_query(answer.iter().copied());
        let signed = self.0.store.signed_url_opts(Method::GET, &path(key)?, holds, &options).await;
        let failed = |e| self.0.requests.unavailable(&format!("cannot be linked to: {}", innermost(&e)));
        signed.map(|url| DownloadLink(url.into())).map_err(failed)
    }

    async fn get_once(&self, path: &Path, options: GetOptions) -> object_store::Result<object_store::GetResult> {
        self.0.store.get_opts(path, options).await
    }
}

/// The key as the library's path. Our keys need no encoding.
fn path(key: &ObjectKey) -> Result<Path, Failure> {
    let text = key::check(key)?;
    Path::parse(text).map_err(|e| Failure::new(Code::Internal, format!("\"{text}\" is not a key of a stored object: {e}")).never_retry())
}

fn invalid(message: String) -> Failure {
    Failure::new(Code::InvalidConfiguration, message)
}

/// Refuses settings that cannot work, and names the server for messages.
fn check(settings: &S3Settings) -> Result<String, Failure> {
    for (name, value) in [("S3_BUCKET", &settings.bucket), ("AWS_REGION", &settings.region), ("AWS_ACCESS_KEY_ID", &settings.access_key_id)]
    {
        if value.trim().is_empty() {
            return Err(invalid(format!("{name} is empty")));
        }
    }
    if settings.secret_access_key.expose_secret().is_empty() {
        return Err(invalid("AWS_SECRET_ACCESS_KEY is empty".to_owned()));
    }
    if settings.bucket.contains(['/', '?', '#', '%', ' ']) {
        return Err(invalid(format!("S3_BUCKET is \"{}\", which is no name of a bucket", settings.bucket)));
    }
    let Some(endpoint) = &settings.endpoint else {
        return Ok(format!("s3.{}.amazonaws.com", settings.region));
    };
    let uri: Uri = endpoint.parse().map_err(|_| invalid("AWS_ENDPOINT_URL is not an address".to_owned()))?;
    let authority = uri.authority().map_or("", |a| a.as_str());
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.is_empty() || uri.query().is_some() {
        return Err(invalid("AWS_ENDPOINT_URL has to look like https://s3.example.com or http://127.0.0.1:3900".to_owned()));
    }
    if authority.contains('@') {
        return Err(invalid(
            "AWS_ENDPOINT_URL carries a user or a password; they belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        ));
    }
    Ok(authority.to_owned())
}

/// Tells where the bucket is. The library takes an address with a host for the bucket as it is.
fn addressed(builder: AmazonS3Builder, settings: &S3Settings) -> AmazonS3Builder {
    let in_host = match settings.addressing {
        Addressing::Auto => settings.endpoint.is_none() && !settings.bucket.contains('.'),
        Addressing::Path => false,
        Addressing::VirtualHost => true,
    };
    let builder = builder.with_virtual_hosted_style_request(in_host);
    let Some(endpoint) = &settings.endpoint else { return builder };
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.split_once("://") {
        Some((scheme, host)) if in_host => builder.with_endpoint(format!("{scheme}://{}.{host}", settings.bucket)),
        _ => builder.with_endpoint(endpoint),
    }
}

/// Tells how objects are to be encrypted. The library has no call of its own for SSE-S3.
fn encrypting(builder: AmazonS3Builder, encryption: &Encryption) -> Result<AmazonS3Builder, Failure> {
    Ok(match encryption {
        Encryption::None => builder,
        Encryption::Aes256 => {
            let key: AmazonS3ConfigKey =
                "aws_server_side_encryption".parse().map_err(|e| invalid(format!("The S3 client does not know encryption: {e}")))?;
            builder.with_config(key, "AES256")
        }
        Encryption::Kms(key_id) => builder.with_sse_kms_encryption(key_id),
    })
}

fn client_options(settings: &S3Settings) -> ClientOptions {
    let plain = settings.endpoint.as_deref().is_some_and(|e| e.to_ascii_lowercase().starts_with("http://"));
    ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(settings.retry.attempt_timeout.min(Duration::from_secs(5)))
        // The library's timeout covers a whole body; ours covers an answer's beginning and each silence.
        .with_timeout_disabled()
}

fn never() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::from_secs(180) }
}
