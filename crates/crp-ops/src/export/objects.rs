//! Objects on their way into an export: fetched, compared with their SHA-256, then added. What is damaged or gone is noted.

use crp_model::{ArtifactKind, Code, DocumentId, Failure, JobId, ObjectKey, Sha256Hash};
use crp_store::{
    StoreError,
    artifacts::{self, ArtifactRow},
    jobs::JobRow,
};

use super::{
    Writing, failure,
    manifest::{ExportedArtifact, Missing},
};

/// An object as its row describes it.
pub(super) struct Wanted {
    pub(super) key: ObjectKey,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Hash,
}

/// Whose object it is: of a document, or of one of its jobs; and of what kind.
pub(super) type Owner<'a> = (DocumentId, Option<JobId>, &'a str);

impl Writing<'_> {
    /// Adds an object under this name; the name, or `None` when it is missing.
    pub(super) async fn add_object(&mut self, name: String, wanted: &Wanted, owner: Owner<'_>) -> Result<Option<String>, Failure> {
        match self.fetch(wanted).await? {
            Ok(()) => self.add_fetched(name, wanted).map(Some),
            Err(failure) => {
                self.miss(wanted, owner, failure);
                Ok(None)
            }
        }
    }

    /// Adds what a job left.
    pub(super) async fn add_artifacts(
        &mut self,
        folder: &str,
        document: DocumentId,
        job: &JobRow,
    ) -> Result<Vec<ExportedArtifact>, Failure> {
        let mut exported = Vec::new();
        for artifact in &job.artifacts {
            let name = format!("{folder}/{}.{}", artifact.kind.as_str(), artifact.kind.extension());
            let mut artifact = artifact.clone();
            let mut fetched = self.fetch(&wanted(&artifact)).await?;
            if fetched.is_err()
                && let Some(newer) = self.replaced(job.id, &artifact).await?
            {
                // A stage that ran again has written another one since the row was read.
                artifact = newer;
                fetched = self.fetch(&wanted(&artifact)).await?;
            }
            let wanted = wanted(&artifact);
            let file = match fetched {
                Ok(()) => Some(self.add_fetched(name, &wanted)?),
                Err(failure) => {
                    self.miss(&wanted, (document, Some(job.id), artifact.kind.as_str()), failure);
                    None
                }
            };
            exported.push(told(artifact, file));
        }
        Ok(exported)
    }

    /// The object in the folder of the export; the inner error is about the object alone.
    async fn fetch(&self, wanted: &Wanted) -> Result<Result<(), Failure>, Failure> {
        let path = self.archive.scratch("object");
        match self.export.objects.fetch_to(&wanted.key, &path, Some((wanted.size_bytes, wanted.sha256))).await {
            Err(failure) if failure.code == Code::ObjectDamaged => Ok(Err(failure)),
            fetched => fetched.map(Ok),
        }
    }

    fn add_fetched(&mut self, name: String, wanted: &Wanted) -> Result<String, Failure> {
        let path = self.archive.scratch("object");
        self.archive.add_file(&name, &path)?;
        self.archive.objects += 1;
        self.archive.object_bytes += wanted.size_bytes;
        Ok(name)
    }

    fn miss(&mut self, wanted: &Wanted, (document, job, kind): Owner<'_>, failure: Failure) {
        self.manifest.missing.push(Missing { document, job, kind: kind.to_owned(), sha256: wanted.sha256, failure });
    }

    /// The artifact as its row is now, if that is another one.
    async fn replaced(&self, job: JobId, before: &ArtifactRow) -> Result<Option<ArtifactRow>, Failure> {
        let kind: ArtifactKind = before.kind;
        match artifacts::get(self.export.store, &self.export.scope, job, kind).await {
            Ok(now) => Ok((now.sha256 != before.sha256).then_some(now)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }
}

fn wanted(artifact: &ArtifactRow) -> Wanted {
    Wanted { key: artifact.object_key.clone(), size_bytes: artifact.size_bytes, sha256: artifact.sha256 }
}

fn told(artifact: ArtifactRow, file: Option<String>) -> ExportedArtifact {
    ExportedArtifact {
        kind: artifact.kind.as_str().to_owned(),
        media_type: artifact.media_type,
        size_bytes: artifact.size_bytes,
        sha256: artifact.sha256,
        created_at: artifact.created_at.rfc3339(),
        file,
    }
}
