//! A whole stage on the saved pages: parse, and those to come.

use crp_model::{ArtifactKind, Code, Failure, ObjectKey};
use crp_pipeline::{ArtifactFile, Workspace, run_stage};
use crp_store::{
    artifacts::NewArtifact,
    tasks::{self, ClaimedTask, Committed},
};

use crate::{
    Worker,
    page_store::StoredPages,
    steps::{Step, reached},
    task::TaskError,
};

/// Runs the stage; objects first, then rows and the stage's end in one transaction.
pub(crate) async fn run(worker: &Worker, claimed: &ClaimedTask, workspace: &Workspace) -> Result<Committed, TaskError> {
    let stage = claimed
        .plan
        .stages
        .get(claimed.stage_index as usize)
        .ok_or_else(|| Failure::new(Code::Internal, "A task names a stage that its plan does not have"))?;
    let mut pages = StoredPages::of(worker, claimed, false).await?;
    let output = run_stage(stage, workspace, &mut pages).await?;
    let artifacts = worker.keep(claimed, &output.artifacts).await?;
    reached(Step::ArtifactsWritten);
    reached(Step::BeforeCommit);
    Ok(tasks::finish_stage(&worker.parts.store, claimed, &artifacts, &output.warnings).await?)
}

impl Worker {
    /// Writes artifacts to storage under keys that say what they are; a second run writes the same keys.
    pub(crate) async fn keep(&self, claimed: &ClaimedTask, files: &[ArtifactFile]) -> Result<Vec<NewArtifact>, Failure> {
        let mut artifacts = Vec::with_capacity(files.len());
        for file in files {
            let object_key = ObjectKey::artifact(claimed.scope.organization, claimed.job, file.kind);
            let stored = self.parts.objects.put_file(&object_key, &file.path).await?;
            artifacts.push(new_artifact(file.kind, object_key, stored));
        }
        Ok(artifacts)
    }
}

fn new_artifact(kind: ArtifactKind, object_key: ObjectKey, stored: crp_objects::Stored) -> NewArtifact {
    NewArtifact { kind, object_key, media_type: kind.mime().to_owned(), size_bytes: stored.size_bytes, sha256: stored.sha256 }
}
