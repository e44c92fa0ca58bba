//! Which objects the rows of an organization name, asked bit by bit: what the integrity check and the sweep of orphans compare with
//! the storage.

use crp_model::{ArtifactKind, DocumentId, DocumentName, JobId, JobStatus, ObjectKey, PageNo, Scope, Sha256Hash};

use crate::{
    Store, StoreError,
    error::unreadable,
    sql::{args, sql},
    transfer::Owner,
};

sql! {
    JOBS_AFTER = "SELECT id FROM jobs WHERE organization = $1 AND id > $2 ORDER BY id LIMIT $3";
    JOB =
        "SELECT j.document, j.status, d.name, o.object_key AS original, d.trashed_at IS NOT NULL AS is_trashed,
             EXISTS (SELECT 1 FROM jobs n WHERE n.organization = j.organization AND n.document = j.document
                 AND (n.created_at, n.id) > (j.created_at, j.id) AND n.status IN ('queued', 'running', 'succeeded')) AS has_newer
         FROM jobs j JOIN documents d ON d.id = j.document
         JOIN originals o ON o.organization = d.organization AND o.sha256 = d.sha256
         WHERE j.organization = $1 AND j.id = $2";
    PAGES = "SELECT page, object_key, thumbnail_key FROM pages WHERE organization = $1 AND job = $2 ORDER BY stage_index, page";
    ARTIFACTS = "SELECT kind, object_key, size_bytes, sha256 FROM artifacts WHERE organization = $1 AND job = $2 ORDER BY kind";
    ORIGINALS_BETWEEN =
        "SELECT object_key, size_bytes, sha256 FROM originals
         WHERE organization = $1 AND object_key > $2 AND object_key <= $3 ORDER BY object_key";
    ORIGINAL_WITH_KEY = "SELECT sha256 FROM originals WHERE organization = $1 AND object_key = $2";
    ORIGINAL_OF = "SELECT object_key FROM originals WHERE organization = $1 AND sha256 = $2";
    DOCUMENTS_OF = "SELECT id, name FROM documents WHERE organization = $1 AND sha256 = $2 ORDER BY id LIMIT 100";
}

/// A job and the objects that its rows name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobObjects {
    /// Its document.
    pub document: DocumentId,
    /// The document's name.
    pub document_name: DocumentName,
    /// Whether the document lies in the trash.
    pub is_trashed: bool,
    /// Its state.
    pub status: JobStatus,
    /// Whether the document has a newer job that succeeded, or may still.
    pub has_newer: bool,
    /// Where the document's bytes are.
    pub original: ObjectKey,
    /// What its rows name.
    pub objects: Vec<JobObject>,
}

/// An object of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobObject {
    /// Its key.
    pub key: ObjectKey,
    /// What it is.
    pub part: JobPart,
}

/// What an object of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobPart {
    /// An artifact, with its size in bytes and its hash.
    Artifact(ArtifactKind, u64, Sha256Hash),
    /// The layout of a page.
    Page(PageNo),
    /// The small picture of a page.
    Thumbnail(PageNo),
}

/// An original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalObject {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its hash.
    pub sha256: Sha256Hash,
}

/// Jobs of the organization in the order of their ids.
///
/// # Errors
/// The database's.
pub async fn jobs_after(store: &Store, scope: &Scope, after: Option<JobId>, limit: u32) -> Result<Vec<JobId>, StoreError> {
    let mut tx = store.read().await?;
    let after = after.map_or(uuid::Uuid::nil(), |id| id.0);
    tx.all(&JOBS_AFTER, args![scope.organization, after, limit]).await?.iter().map(|row| row.get("id")).collect()
}

/// A job and what its rows name, in one state; `None` when there is no such job.
///
/// # Errors
/// The database's.
pub async fn of_job(store: &Store, scope: &Scope, job: JobId) -> Result<Option<JobObjects>, StoreError> {
    let mut tx = store.read().await?;
    let Some(row) = tx.one(&JOB, args![scope.organization, job]).await? else { return Ok(None) };
    let mut objects = Vec::new();
    for row in tx.all(&PAGES, args![scope.organization, job]).await? {
        let number: u32 = row.get("page")?;
        let page = PageNo::new(number).ok_or_else(|| unreadable(format!("there is no page {number}")))?;
        let layout = row.opt("object_key")?.map(|key| JobObject { key, part: JobPart::Page(page) });
        let thumbnail = row.opt("thumbnail_key")?.map(|key| JobObject { key, part: JobPart::Thumbnail(page) });
        objects.extend(layout.into_iter().chain(thumbnail));
    }
    for row in tx.all(&ARTIFACTS, args![scope.organization, job]).await? {
        let part = JobPart::Artifact(row.get("kind")?, row.get("size_bytes")?, row.get("sha256")?);
        objects.push(JobObject { key: row.get("object_key")?, part });
    }
    Ok(Some(JobObjects {
        document: row.get("document")?,
        document_name: row.get("name")?,
        is_trashed: row.get("is_trashed")?,
        status: row.get("status")?,
        has_newer: row.get("has_newer")?,
        original: row.get("original")?,
        objects,
    }))
}

/// Originals whose keys come after `after` and not after `last`, in the order of their keys.
///
/// # Errors
/// The database's.
pub async fn originals_between(store: &Store, scope: &Scope, after: &str, last: &str) -> Result<Vec<OriginalObject>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&ORIGINALS_BETWEEN, args![scope.organization, after, last]).await?;
    let read = rows
        .iter()
        .map(|row| Ok(OriginalObject { key: row.get("object_key")?, size_bytes: row.get("size_bytes")?, sha256: row.get("sha256")? }));
    read.collect()
}

/// Whether an original has this key now.
///
/// # Errors
/// The database's.
pub async fn is_original(store: &Store, scope: &Scope, key: &ObjectKey) -> Result<bool, StoreError> {
    let mut tx = store.read().await?;
    Ok(tx.one(&ORIGINAL_WITH_KEY, args![scope.organization, key]).await?.is_some())
}

/// Up to a hundred documents of these bytes: id and name.
///
/// # Errors
/// The database's.
pub async fn documents_of(store: &Store, scope: &Scope, sha256: Sha256Hash) -> Result<Vec<(DocumentId, DocumentName)>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&DOCUMENTS_OF, args![scope.organization, sha256]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// Whether what an object went with is still there, so that the object should be, too.
///
/// # Errors
/// The database's.
pub async fn still_has(store: &Store, owner: Owner, key: &ObjectKey) -> Result<bool, StoreError> {
    match owner {
        Owner::Job { organization, job } => Ok(of_job(store, &Scope::system(organization), job).await?.is_some()),
        Owner::Original { organization, sha256 } => {
            let mut tx = store.read().await?;
            let row = tx.one(&ORIGINAL_OF, args![organization, sha256]).await?;
            Ok(row.map(|row| row.get::<ObjectKey>("object_key")).transpose()?.as_ref() == Some(key))
        }
    }
}
