//! Where a stage works: the document's file, a scratch folder, and the processes that read it.

use std::path::{Path, PathBuf};

use crp_model::{ArtifactKind, Field, MediaType, Warning};
use crp_ocr::ChildPool;

/// What every stage of one document is given.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The document, opened read-only by whoever reads it.
    pub document: PathBuf,
    /// Its format, as its first bytes tell.
    pub media: MediaType,
    /// A folder of this work alone; its owner removes it.
    pub scratch: PathBuf,
    /// Where the processes come from that read it, with what it may cost in them.
    pub children: ChildPool,
}

impl Workspace {
    /// A file in the scratch folder.
    pub fn scratch_file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }
}

/// A finished artifact in the scratch folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    /// What it is.
    pub kind: ArtifactKind,
    /// Where it lies.
    pub path: PathBuf,
}

/// What a stage leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageOutput {
    /// Its artifacts, complete and flushed.
    pub artifacts: Vec<ArtifactFile>,
    /// What a person should know about them.
    pub warnings: Vec<Warning>,
    /// The fields that it found.
    pub fields: Vec<Field>,
}

impl StageOutput {
    /// The file of this kind.
    pub fn path(&self, kind: ArtifactKind) -> Option<&Path> {
        self.artifacts.iter().find(|a| a.kind == kind).map(|a| a.path.as_path())
    }
}
