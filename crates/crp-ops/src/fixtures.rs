//! An installation for tests: a database, objects in a folder or a bucket, and documents whose jobs have left everything that jobs leave.

use std::{
    fs::{File, FileTimes},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use crp_metrics::Metrics;
use crp_model::{
    Ambient, ArtifactKind, DocumentId, DocumentName, JobId, ManualClock, MediaType, ObjectKey, PageLayout, PageNo, PageRange, PipelineFile,
    Scope, Sha256Hash, StageType, TaskKind, TextSource, Timestamp, WorkerId,
};
use crp_objects::{Addressing, Encryption, Listed, Objects, RetrySettings, S3Settings};
use crp_store::{
    Database, Store,
    artifacts::NewArtifact,
    documents::{self, Added, NewDocument},
    setup::{self, NewInstallation},
    tasks::{self, ClaimedTask, SavedPage},
};
use crp_testkit::s3_server::S3Server;
use futures_util::TryStreamExt as _;

use crate::Step;

/// Nobody watches.
pub(crate) fn unwatched(_: Step<'_>) {}

/// Now, as the clock of the installation stands at first.
pub(crate) const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

/// An installation with one organization.
pub(crate) struct Installed {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) scope: Scope,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) s3: Option<S3Server>,
}

/// Objects in the bucket of a server.
pub(crate) fn in_bucket(server: &S3Server) -> Objects {
    let settings = S3Settings {
        bucket: server.bucket().to_owned(),
        endpoint: Some(server.endpoint()),
        region: server.region().to_owned(),
        access_key_id: server.access_key().to_owned(),
        secret_access_key: server.secret_key().to_owned().into(),
        session_token: None,
        addressing: Addressing::Path,
        encryption: Encryption::None,
        retry: RetrySettings { max_attempts: 2, base_backoff: Duration::from_millis(1), ..RetrySettings::default() },
    };
    Objects::open_s3(settings, Metrics::for_tests(), Ambient::system()).unwrap()
}

impl Installed {
    pub(crate) async fn on_folder() -> Self {
        Self::with(None).await
    }

    pub(crate) async fn on_s3() -> Self {
        Self::with(Some(S3Server::start().await)).await
    }

    async fn with(s3: Option<S3Server>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ambient, clock) = Ambient::manual(NOW, 7);
        let database = Database::Sqlite(folder.path().join("crpipeline.db"));
        let store = Store::open(&database, ambient, Metrics::for_tests()).await.unwrap();
        let objects = match &s3 {
            Some(server) => in_bucket(server),
            None => Objects::open_folder(&folder.path().join("objects"), Metrics::for_tests()).unwrap(),
        };
        let new = NewInstallation {
            organization_name: "one".to_owned(),
            languages: vec!["eng".to_owned()],
            email: "first@example.org".to_owned(),
            display_name: "First".to_owned(),
            password_hash: "$argon2id$".to_owned(),
        };
        let (organization, user) = setup::create_first(&store, new).await.unwrap();
        Self { store, objects, scope: Scope { organization, actor: Some(user) }, clock, folder, s3 }
    }

    /// The storage answers again; whoever saw it fail would wait a while before asking.
    pub(crate) fn storage_is_back(&mut self) {
        let s3 = self.s3.as_ref().expect("a bucket");
        s3.fail_all(None);
        self.objects = in_bucket(s3);
    }

    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::original(self.scope.organization, self.store.ambient().new_uuid())
    }

    /// Uploads a document of these bytes.
    pub(crate) async fn upload(&self, bytes: &str) -> Added {
        let object_key = self.key();
        self.objects.put_bytes(&object_key, Bytes::from(bytes.to_owned())).await.unwrap();
        let new = NewDocument {
            document: DocumentId::new(self.store.ambient()),
            name: DocumentName::from_client(&format!("{bytes}.pdf")).unwrap(),
            media_type: MediaType::Pdf,
            size_bytes: bytes.len() as u64,
            sha256: Sha256Hash::of(bytes.as_bytes()),
            object_key,
            plan: PipelineFile::parse(PipelineFile::BUILT_IN[0]).unwrap().plan(0, &["eng".to_owned()]),
            priority: crp_model::Priority::Normal,
            idempotency_key: None,
        };
        documents::add_with_job(&self.store, &self.scope, new).await.unwrap()
    }

    /// Uploads a document and takes its job to its end: two pages with thumbnails, and an artifact.
    pub(crate) async fn read(&self, bytes: &str) -> Added {
        let added = self.upload(bytes).await;
        self.work(u32::MAX).await;
        added
    }

    /// Works on so many tasks, or until there is none.
    pub(crate) async fn work(&self, tasks: u32) {
        let worker = WorkerId::new(self.store.ambient());
        for _ in 0..tasks {
            let Some(task) = tasks::claim(&self.store, worker, Duration::from_secs(60)).await.unwrap() else { return };
            match task.kind {
                TaskKind::Inspect => drop(tasks::finish_inspect(&self.store, &task, 2, &PageRange::split(2, 1), &[]).await.unwrap()),
                TaskKind::Pages => {
                    self.save_page(&task).await;
                    tasks::finish_pages(&self.store, &task).await.unwrap();
                }
                TaskKind::Assemble | TaskKind::Stage => self.finish(&task).await,
            }
        }
    }

    async fn finish(&self, task: &ClaimedTask) {
        let object_key = self.text_key(task.job);
        let stored = self.objects.put_bytes(&object_key, Bytes::from(format!("text of {}", task.job))).await.unwrap();
        let (media_type, size_bytes, sha256) = ("text/plain".to_owned(), stored.size_bytes, stored.sha256);
        let artifact = NewArtifact { kind: ArtifactKind::Text, object_key, media_type, size_bytes, sha256 };
        tasks::finish_stage(&self.store, task, &[artifact], &[]).await.unwrap();
    }

    async fn save_page(&self, task: &ClaimedTask) {
        let page = task.range.unwrap().first;
        // No two pages have the same bytes.
        let width = f32::from(u16::try_from(task.job.0.as_u128() & 0xffff).unwrap());
        let (layout, thumbnail) = (self.page_key(task.job, page.get()), self.thumbnail_key(task.job, page.get()));
        let json =
            PageLayout { page, width, height: 1.0, rotation: 0, pixels: None, source: TextSource::Ocr, words: vec![], lines: vec![] };
        self.objects.put_bytes(&layout, serde_json::to_vec(&json).unwrap().into()).await.unwrap();
        let mut jpeg = vec![0xff, 0xd8, 0xff];
        jpeg.extend_from_slice(format!("{} {page}", task.job).as_bytes());
        jpeg.extend([0xff, 0xd9]);
        self.objects.put_bytes(&thumbnail, jpeg.into()).await.unwrap();
        let saved = SavedPage {
            page,
            object_key: Some(layout),
            thumbnail_key: Some(thumbnail),
            source: TextSource::Ocr,
            mean_confidence: Some(0.9),
            seconds: 0.1,
            warnings: Vec::new(),
            failure: None,
            identity: None,
            reused_from: None,
        };
        tasks::save_page(&self.store, task, &saved, "harbour lights").await.unwrap();
    }

    pub(crate) fn page_key(&self, job: JobId, page: u32) -> ObjectKey {
        ObjectKey::page(self.scope.organization, job, StageType::Ocr, PageNo::new(page).unwrap())
    }

    pub(crate) fn thumbnail_key(&self, job: JobId, page: u32) -> ObjectKey {
        ObjectKey::thumbnail(self.scope.organization, job, PageNo::new(page).unwrap())
    }

    pub(crate) fn text_key(&self, job: JobId) -> ObjectKey {
        ObjectKey::artifact(self.scope.organization, job, ArtifactKind::Text)
    }

    /// Where the bytes of a document are.
    pub(crate) async fn original_of(&self, document: DocumentId) -> ObjectKey {
        documents::content(&self.store, &self.scope, document).await.unwrap().object_key
    }

    /// The file behind an object.
    pub(crate) fn file(&self, key: &ObjectKey) -> PathBuf {
        match &self.s3 {
            Some(server) => server.object_file(key.as_str()),
            None => self.folder.path().join("objects").join(key.as_str()),
        }
    }

    /// Stores an object that was written so long ago, as the clock of the installation counts.
    pub(crate) async fn put_aged(&self, key: &ObjectKey, hours: u64) {
        self.objects.put_bytes(key, Bytes::from_static(b"left over")).await.unwrap();
        age(&self.file(key), hours);
    }

    /// Every object.
    pub(crate) async fn all(&self) -> Vec<Listed> {
        everything(&self.objects).await
    }
}

/// Every object of a storage.
pub(crate) async fn everything(objects: &Objects) -> Vec<Listed> {
    let mut all: Vec<Listed> = objects.list("").try_collect().await.unwrap();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

/// Makes a file so old at [`NOW`].
pub(crate) fn age(file: &Path, hours: u64) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(NOW.0).unwrap());
    let times = FileTimes::new().set_modified(now - Duration::from_secs(hours * 3600));
    File::options().write(true).open(file).unwrap().set_times(times).unwrap();
}

/// Flips a bit of a file.
pub(crate) fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
