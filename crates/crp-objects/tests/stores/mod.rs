//! The two backends as tests see them: fresh, with their metrics, and with a look behind the door.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use crp_metrics::Metrics;
use crp_model::{
    Ambient, Chance, ObjectKey, SeededChance,
    labels::{Label, StorageOperation},
};
use crp_objects::{Addressing, Encryption, Listed, Objects, RetrySettings, S3Settings};
use crp_testkit::s3_server::S3Server;
use futures_util::{Stream, StreamExt, TryStreamExt};
use secrecy::SecretString;

pub const MEBIBYTE: usize = 1024 * 1024;

/// One fresh backend.
pub struct Setup {
    pub objects: Objects,
    pub metrics: Metrics,
    pub server: Option<S3Server>,
    pub folder: Option<tempfile::TempDir>,
}

impl Setup {
    pub fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::for_tests();
        let objects = Objects::open_folder(folder.path(), metrics.clone()).unwrap();
        Self { objects, metrics, server: None, folder: Some(folder) }
    }

    pub async fn s3() -> Self {
        let server = S3Server::start().await;
        let metrics = Metrics::for_tests();
        let objects = Objects::open_s3(settings(&server), metrics.clone(), Ambient::system()).unwrap();
        Self { objects, metrics, server: Some(server), folder: None }
    }

    pub fn server(&self) -> &S3Server {
        self.server.as_ref().unwrap()
    }

    /// The file behind an object, for damaging it.
    pub fn file_of(&self, key: &ObjectKey) -> PathBuf {
        match (&self.server, &self.folder) {
            (Some(server), _) => server.object_file(key.as_str()),
            (_, Some(folder)) => folder.path().join(key.as_str()),
            _ => unreachable!(),
        }
    }

    /// What interrupted uploads left, once all clean-ups are through.
    pub async fn leftovers(&self) -> usize {
        self.objects.finish_cleanups().await;
        match (&self.server, &self.folder) {
            (Some(server), _) => server.open_uploads().len() + server.parts_on_disk(),
            (_, Some(folder)) => std::fs::read_dir(folder.path().join(".partial")).unwrap().count(),
            _ => unreachable!(),
        }
    }

    pub async fn all(&self) -> Vec<Listed> {
        self.objects.list("").try_collect().await.unwrap()
    }

    /// Every operation that failed, with its count.
    pub fn errors(&self) -> Vec<(&'static str, u64)> {
        counts(|o| self.metrics.s3_errors_total.get(o))
    }

    /// Every operation that was retried, with its count.
    pub fn retries(&self) -> Vec<(&'static str, u64)> {
        counts(|o| self.metrics.s3_retries_total.get(o))
    }
}

fn counts(of: impl Fn(StorageOperation) -> u64) -> Vec<(&'static str, u64)> {
    StorageOperation::VALUES.iter().map(|o| (o.label(), of(*o))).filter(|(_, n)| *n > 0).collect()
}

pub fn settings(server: &S3Server) -> S3Settings {
    S3Settings {
        bucket: server.bucket().to_owned(),
        endpoint: Some(server.endpoint()),
        region: server.region().to_owned(),
        access_key_id: server.access_key().to_owned(),
        secret_access_key: SecretString::from(server.secret_key()),
        session_token: None,
        addressing: Addressing::Auto,
        encryption: Encryption::None,
        retry: RetrySettings { max_attempts: 4, base_backoff: Duration::from_millis(1), ..RetrySettings::default() },
    }
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::from_store(text.to_owned())
}

/// Bytes that do not repeat.
pub fn some_bytes(len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    SeededChance::new(len as u64).fill(&mut bytes);
    bytes.into()
}

/// The bytes in chunks of odd sizes, as a network delivers them.
pub fn in_odd_chunks(bytes: Bytes) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static {
    let sizes = [1usize, 7, 4093, 65_537, 300_007, 16_384].into_iter().cycle();
    futures_util::stream::iter(
        sizes
            .scan(bytes, |rest, size| if rest.is_empty() { None } else { Some(Ok(rest.split_to(size.min(rest.len())))) })
            .collect::<Vec<_>>(),
    )
}

pub async fn read_all(objects: &Objects, key: &ObjectKey) -> Option<Bytes> {
    let download = objects.get(key).await.unwrap()?;
    let chunks: Vec<Bytes> = download.stream.map(Result::unwrap).collect().await;
    let whole = Bytes::from(chunks.concat());
    assert_eq!(download.size_bytes, whole.len() as u64);
    Some(whole)
}
