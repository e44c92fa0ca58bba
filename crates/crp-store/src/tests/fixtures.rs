//! Organizations, uploads and tasks for the tests, and the steps of a job told in one line each.

use std::time::Duration;

use crp_model::{
    ArtifactKind, DocumentId, DocumentName, JobId, MediaType, ObjectKey, PageNo, PageRange, PipelineFile, Plan, Scope, Sha256Hash,
    StageType, TaskKind, TextSource, WorkerId,
};

use super::harness::TestDb;
use crate::{
    artifacts::NewArtifact,
    documents::{self, Added, NewDocument},
    jobs::{self, JobRow},
    organizations,
    tasks::{self, ClaimedTask, Committed, SavedPage},
    users::{self, NewUser},
};

pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// A plan of the built-in pipeline: pages only.
pub(crate) fn plan() -> Plan {
    PipelineFile::parse(PipelineFile::BUILT_IN[0]).unwrap().plan(0, &["eng".to_owned()])
}

/// A plan of the pipeline in YAML.
pub(crate) fn plan_of(yaml: &str) -> Plan {
    PipelineFile::parse(yaml).unwrap().plan(1, &["eng".to_owned()])
}

/// Pages, then fields.
pub(crate) fn two_stages() -> Plan {
    plan_of("name: two\nstages:\n  - type: ocr\n  - type: parse\n    fields: [{name: a, pattern: 'a'}]\n")
}

pub(crate) fn page(number: u32) -> PageNo {
    PageNo::new(number).unwrap()
}

pub(crate) fn range(first: u32, last: u32) -> PageRange {
    PageRange { first: page(first), last: page(last) }
}

impl TestDb {
    /// An organization with an owner, who is the actor of its scope.
    pub(crate) async fn organization(&self, name: &str) -> Scope {
        let organization = organizations::create(&self.store, name, &["eng".to_owned()]).await.unwrap();
        let system = Scope::system(organization);
        let owner = NewUser {
            email: format!("owner@{name}.example"),
            display_name: format!("Owner of {name}"),
            password_hash: "$argon2id$".to_owned(),
            role: crp_model::Role::Owner,
            is_platform_admin: false,
        };
        let user = users::create_user(&self.store, &system, owner).await.unwrap();
        Scope { organization, actor: Some(user) }
    }

    pub(crate) fn worker(&self) -> WorkerId {
        WorkerId::new(self.store.ambient())
    }

    pub(crate) fn new_document(&self, scope: &Scope, bytes: &str, plan: Plan) -> NewDocument {
        let ambient = self.store.ambient();
        NewDocument {
            document: DocumentId::new(ambient),
            name: DocumentName::from_client("scan.pdf").unwrap(),
            media_type: MediaType::Pdf,
            size_bytes: bytes.len() as u64,
            sha256: Sha256Hash::of(bytes.as_bytes()),
            object_key: ObjectKey::original(scope.organization, ambient.new_uuid()),
            plan,
            priority: crp_model::Priority::Normal,
            idempotency_key: None,
        }
    }

    /// Uploads a document of these bytes.
    pub(crate) async fn upload(&self, scope: &Scope, bytes: &str, plan: Plan) -> Added {
        documents::add_with_job(&self.store, scope, self.new_document(scope, bytes, plan)).await.unwrap()
    }

    /// Claims a task, if one can be claimed.
    pub(crate) async fn try_claim(&self) -> Option<ClaimedTask> {
        tasks::claim(&self.store, self.worker(), LEASE).await.unwrap()
    }

    /// Claims a task, which must be of this kind.
    pub(crate) async fn claim(&self, kind: TaskKind) -> ClaimedTask {
        let task = self.try_claim().await.expect("a task can be claimed");
        assert_eq!(task.kind, kind);
        task
    }

    /// Claims and ends the inspection: the document has so many pages, each range so many.
    pub(crate) async fn inspect(&self, pages: u32, pages_per_task: u32) -> ClaimedTask {
        let task = self.claim(TaskKind::Inspect).await;
        let ranges = PageRange::split(pages, pages_per_task);
        let committed = tasks::finish_inspect(&self.store, &task, pages, &ranges, &[]).await.unwrap();
        assert_eq!(committed, Committed::default());
        task
    }

    /// Saves every page of the task and ends it.
    pub(crate) async fn read_pages(&self, task: &ClaimedTask) -> Committed {
        for page in task.range.unwrap().pages() {
            tasks::save_page(&self.store, task, &good_page(task, page), "The words of a page.").await.unwrap();
        }
        tasks::finish_pages(&self.store, task).await.unwrap()
    }

    /// Takes a job with so many pages, in ranges of one, up to the task that assembles, and claims that.
    pub(crate) async fn up_to_assembly(&self, pages: u32) -> ClaimedTask {
        self.inspect(pages, 1).await;
        for _ in 0..pages {
            let task = self.claim(TaskKind::Pages).await;
            self.read_pages(&task).await;
        }
        self.claim(TaskKind::Assemble).await
    }

    pub(crate) async fn job(&self, scope: &Scope, job: JobId) -> JobRow {
        jobs::get(&self.store, scope, job).await.unwrap()
    }
}

pub(crate) fn good_page(task: &ClaimedTask, page: PageNo) -> SavedPage {
    SavedPage {
        page,
        object_key: Some(ObjectKey::page(task.scope.organization, task.job, StageType::Ocr, page)),
        thumbnail_key: Some(ObjectKey::thumbnail(task.scope.organization, task.job, page)),
        source: TextSource::Ocr,
        mean_confidence: Some(0.93),
        seconds: 1.5,
        warnings: Vec::new(),
        failure: None,
        identity: None,
        reused_from: None,
    }
}

pub(crate) fn artifact(task: &ClaimedTask, kind: ArtifactKind) -> NewArtifact {
    NewArtifact {
        kind,
        object_key: ObjectKey::artifact(task.scope.organization, task.job, kind),
        media_type: kind.mime().to_owned(),
        size_bytes: 1234,
        sha256: Sha256Hash::of(kind.as_str().as_bytes()),
    }
}
