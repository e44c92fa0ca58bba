//! Where a stage works: the document's file, a scratch folder, the limits, and how to start the child that reads it.

use std::path::{Path, PathBuf};

use crp_metrics::Metrics;
use crp_model::{ArtifactKind, Field, Limits, MediaType, Warning};
use crp_ocr::ChildCommand;

/// What every stage of one document is given.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The document, opened read-only by whoever reads it.
    pub document: PathBuf,
    /// Its format, as its first bytes tell.
    pub media: MediaType,
    /// A folder of this work alone; its owner removes it.
    pub scratch: PathBuf,
    /// What the document may cost.
    pub limits: Limits,
    /// How to start the process that reads documents.
    pub child: ChildCommand,
    /// Where pages and engines are counted.
    pub metrics: Metrics,
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
