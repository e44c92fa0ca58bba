//! Everything of one organization as a ZIP that can be read without crPipeline: originals, results, and lists that say what is what.
//!
//! The server may run. Each object is compared with its SHA-256 before it enters the archive; one that is damaged or gone is named in
//! the manifest. In memory are the names of the files and one page of a list, never a document.

mod archive;
mod manifest;
mod names;
mod objects;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, JobId, Scope, Sha256Hash};
use crp_objects::Objects;
use crp_store::{
    Store, StoreError, audit,
    documents::{self, DocumentCursor, DocumentFilter, DocumentRow, DocumentSort},
    jobs::{self, JobFilter, JobRow},
    organizations, overview, pipelines, retention, users,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::{
    archive::{Archive, of_io},
    manifest::{
        ExportedAudit, ExportedDocument, ExportedHold, ExportedJob, ExportedOrganization, ExportedPipeline, ExportedUser, FORMAT, VERSION,
    },
    names::safe,
    objects::Wanted,
};
use crate::{Step, Watch};

pub use manifest::{ListFile, Manifest, Missing};

/// Rows that are read at once.
const PAGE: u32 = 200;
/// Longest name of a file of an export, in bytes.
const MAX_FILE_NAME_BYTES: usize = 120;
/// Longest name of a folder.
const MAX_FOLDER_NAME_BYTES: usize = 60;
const DOCUMENTS: &str = "documents.jsonl";
const AUDIT: &str = "audit.jsonl";
const READ_ME: &str = include_str!("read_me.txt");

/// What is exported.
#[derive(Debug)]
pub struct Export<'a> {
    /// The database.
    pub store: &'a Store,
    /// The objects.
    pub objects: &'a Objects,
    /// Whose documents, and who asks.
    pub scope: Scope,
    /// This version of crPipeline.
    pub crpipeline: &'a str,
}

/// Writes the export to `target`, a file that is not there yet; until it is whole it is called `TARGET.partial`. Gives its manifest,
/// which tells what is missing.
///
/// # Errors
/// `target_not_empty`, `file_access`, `disk_full`, and what database and storage fail with; then there is no file.
pub async fn run(export: &Export<'_>, target: &Path, watch: Watch<'_>) -> Result<Manifest, Failure> {
    let archive = Archive::begin(target)?;
    organizations::note_export(export.store, &export.scope).await.map_err(failure)?;
    let mut writing = Writing { manifest: begin(export).await?, archive, export };
    writing.archive.add_bytes("README.txt", READ_ME.as_bytes())?;
    writing.add_pipelines().await?;
    writing.manifest.documents = writing.add_documents(watch).await?;
    (writing.manifest.files, writing.manifest.bytes) = (writing.archive.objects, writing.archive.object_bytes);
    writing.manifest.audit_log = writing.add_audit(watch).await?;
    let Writing { manifest, mut archive, .. } = writing;
    archive.add_bytes("manifest.json", &json(&manifest)?)?;
    archive.finish()?;
    Ok(manifest)
}

async fn begin(export: &Export<'_>) -> Result<Manifest, Failure> {
    let (store, scope) = (export.store, &export.scope);
    let organization = organizations::get(store, scope).await.map_err(failure)?;
    let kept = retention::get(store, scope).await.map_err(failure)?;
    let users = users::list_users(store, scope).await.map_err(failure)?.into_iter().map(|user| ExportedUser {
        id: user.id,
        email: user.email,
        display_name: user.display_name,
        role: user.role.as_str().to_owned(),
        is_active: user.is_active,
        created_at: user.created_at.rfc3339(),
    });
    let nothing = |file: &str| ListFile { file: file.to_owned(), lines: 0, sha256: Sha256Hash::of(b"") };
    Ok(Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        crpipeline: export.crpipeline.to_owned(),
        created_at: store.ambient().now().rfc3339(),
        organization: ExportedOrganization {
            id: organization.id.0,
            name: organization.name,
            languages: organization.languages,
            created_at: organization.created_at.rfc3339(),
            retention_days: kept.days,
            pipeline_retention_days: kept.pipelines,
        },
        documents: nothing(DOCUMENTS),
        audit_log: nothing(AUDIT),
        jobs: 0,
        files: 0,
        bytes: 0,
        users: users.collect(),
        pipelines: Vec::new(),
        missing: Vec::new(),
        deleted_meanwhile: Vec::new(),
    })
}

/// An export that is being written.
struct Writing<'a> {
    export: &'a Export<'a>,
    archive: Archive,
    manifest: Manifest,
}

impl Writing<'_> {
    async fn add_pipelines(&mut self) -> Result<(), Failure> {
        for row in pipelines::versions(self.export.store, &self.export.scope).await.map_err(failure)? {
            let number = self.manifest.pipelines.len() + 1;
            let file = format!("pipelines/{number:04} {}.v{}.yaml", safe(&row.name, MAX_FOLDER_NAME_BYTES), row.version);
            self.archive.add_bytes(&file, row.source.as_bytes())?;
            let (name, version, created_at) = (row.name, row.version, row.created_at.rfc3339());
            self.manifest.pipelines.push(ExportedPipeline { id: row.id.0, name, version, created_at, file });
        }
        Ok(())
    }

    /// Every document, the oldest first, then those in the trash; then those that came out of the trash meanwhile.
    async fn add_documents(&mut self, watch: Watch<'_>) -> Result<ListFile, Failure> {
        let (store, scope) = (self.export.store, self.export.scope);
        let total = overview::organization_figures(store, &scope).await.map_err(failure)?.documents;
        let mut list = List::begin(self.archive.scratch(DOCUMENTS))?;
        let mut number = 0;
        let mut seen = HashSet::new();
        for in_trash in [false, true, false] {
            let filter = DocumentFilter { in_trash, ..DocumentFilter::default() };
            let mut cursor: Option<DocumentCursor> = None;
            loop {
                let page = documents::list(store, &scope, &filter, DocumentSort::Oldest, cursor.as_ref(), PAGE).await.map_err(failure)?;
                for row in page.items {
                    if !seen.insert(row.id) {
                        continue;
                    }
                    number += 1;
                    if let Some(line) = self.add_document(number, row).await? {
                        list.add(&line)?;
                    }
                    let what = if in_trash { "documents in the trash" } else { "documents" };
                    watch(Step { what, done: number, total: (!in_trash).then_some(total.max(number)) });
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        list.into_archive(&mut self.archive, DOCUMENTS)
    }

    /// Adds a document's files; its line, or `None` when somebody has deleted it meanwhile.
    async fn add_document(&mut self, number: u64, row: DocumentRow) -> Result<Option<ExportedDocument>, Failure> {
        let folder = format!("documents/{number:06} {}", safe(row.name.stem(), MAX_FOLDER_NAME_BYTES));
        let missing_before = self.manifest.missing.len();
        let original = match documents::content(self.export.store, &self.export.scope, row.id).await {
            Err(StoreError::NotFound) => return Ok(self.gone(&row, missing_before)),
            found => found.map_err(failure)?,
        };
        let name = format!("{folder}/original/{}", safe(row.name.as_str(), MAX_FILE_NAME_BYTES));
        let wanted = Wanted { key: original.object_key, size_bytes: original.size_bytes, sha256: original.sha256 };
        let file = self.add_object(name, &wanted, (row.id, None, "original")).await?;
        let Some(jobs) = self.add_jobs(&folder, &row).await? else { return Ok(self.gone(&row, missing_before)) };
        if missing_before < self.manifest.missing.len() && self.is_gone(&row).await? {
            return Ok(self.gone(&row, missing_before));
        }
        self.manifest.jobs += jobs.len() as u64;
        Ok(Some(ExportedDocument {
            id: row.id,
            folder,
            name: row.name.as_str().to_owned(),
            title: row.title,
            document_date: row.document_date.map(|day| day.to_string()),
            tags: row.tags,
            media_type: row.media_type.mime().to_owned(),
            size_bytes: row.size_bytes,
            sha256: row.sha256,
            pages: row.pages_total,
            duplicate_of: row.duplicate_of,
            uploaded_by: row.created_by,
            uploaded_at: row.created_at.rfc3339(),
            trashed_at: row.trashed_at.map(|at| at.rfc3339()),
            hold: row.hold.map(|hold| ExportedHold { at: hold.at.rfc3339(), by: hold.by, reason: hold.reason }),
            file,
            jobs,
        }))
    }

    /// What is missing of a document that was deleted is no loss.
    fn gone(&mut self, row: &DocumentRow, missing_before: usize) -> Option<ExportedDocument> {
        self.manifest.missing.truncate(missing_before);
        self.manifest.deleted_meanwhile.push(row.id);
        None
    }

    async fn is_gone(&self, row: &DocumentRow) -> Result<bool, Failure> {
        match documents::get(self.export.store, &self.export.scope, row.id).await {
            Err(StoreError::NotFound) => Ok(true),
            found => found.map(|_| false).map_err(failure),
        }
    }

    /// The jobs of a document with their results, the oldest first; `None` when they are gone.
    async fn add_jobs(&mut self, folder: &str, row: &DocumentRow) -> Result<Option<Vec<ExportedJob>>, Failure> {
        let (store, scope) = (self.export.store, self.export.scope);
        let filter = JobFilter { document: Some(row.id), ..JobFilter::default() };
        let (mut ids, mut cursor): (Vec<JobId>, _) = (Vec::new(), None);
        loop {
            let page = jobs::list(store, &scope, &filter, cursor, PAGE).await.map_err(failure)?;
            ids.extend(page.items.iter().map(|job| job.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut exported = Vec::new();
        for (number, id) in (1_u64..).zip(ids.into_iter().rev()) {
            let job = match jobs::get(store, &scope, id).await {
                Err(StoreError::NotFound) => return Ok(None),
                found => found.map_err(failure)?,
            };
            let folder = format!("{folder}/results/{number} {}", safe(&job.plan.pipeline, MAX_FOLDER_NAME_BYTES));
            let artifacts = self.add_artifacts(&folder, row.id, &job).await?;
            exported.push(exported_job(job, artifacts));
        }
        Ok(Some(exported))
    }

    async fn add_audit(&mut self, watch: Watch<'_>) -> Result<ListFile, Failure> {
        let mut list = List::begin(self.archive.scratch(AUDIT))?;
        let mut cursor = None;
        loop {
            let page = audit::list(self.export.store, &self.export.scope, cursor, PAGE).await.map_err(failure)?;
            for row in page.items {
                list.add(&ExportedAudit {
                    at: row.at.rfc3339(),
                    actor: row.actor,
                    actor_email: row.actor_email,
                    action: row.action,
                    subject: row.subject,
                    detail: row.detail,
                })?;
            }
            watch(Step { what: "lines of the audit log", done: list.lines, total: None });
            cursor = page.next;
            if cursor.is_none() {
                return list.into_archive(&mut self.archive, AUDIT);
            }
        }
    }
}

fn exported_job(job: JobRow, artifacts: Vec<manifest::ExportedArtifact>) -> ExportedJob {
    ExportedJob {
        id: job.id,
        status: job.status.as_str().to_owned(),
        plan: job.plan,
        retry_of: job.retry_of,
        created_at: job.created_at.rfc3339(),
        started_at: job.started_at.map(|at| at.rfc3339()),
        finished_at: job.finished_at.map(|at| at.rfc3339()),
        failure: job.failure,
        warnings: job.warnings,
        artifacts,
    }
}

/// A list that grows beside the archive, for the archive takes one file at a time.
struct List {
    file: BufWriter<File>,
    path: PathBuf,
    hash: Sha256,
    lines: u64,
}

impl List {
    fn begin(path: PathBuf) -> Result<Self, Failure> {
        let file = BufWriter::new(File::create(&path).map_err(|error| of_io(&path, &error))?);
        Ok(Self { file, path, hash: Sha256::new(), lines: 0 })
    }

    fn add(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(line).map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.lines += 1;
        self.file.write_all(&line).map_err(|error| of_io(&self.path, &error))
    }

    fn into_archive(mut self, archive: &mut Archive, name: &str) -> Result<ListFile, Failure> {
        self.file.flush().map_err(|error| of_io(&self.path, &error))?;
        archive.add_file(name, &self.path)?;
        Ok(ListFile { file: name.to_owned(), lines: self.lines, sha256: Sha256Hash(self.hash.finalize().into()) })
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(value).map_err(|error| Failure::new(Code::Internal, error.to_string()))
}

fn failure(error: StoreError) -> Failure {
    error.failure()
}
