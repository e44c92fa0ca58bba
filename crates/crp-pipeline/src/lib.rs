//! Plans and stages: a document in, artifacts out. Knows no tenant, no database, no HTTP server.
//!
//! The server's worker and `crpipeline run` use the same pieces: [`Workspace`] says where and under which limits,
//! [`stages::ocr`] inspects, reads pages and assembles, [`run_stage`] runs a whole stage such as parse.

mod run_document;
mod run_stage;
mod spool;
pub mod stages;
mod workspace;

pub use run_document::{DocumentOutputs, DocumentRequest, DocumentResult, run_document};
pub use run_stage::{StageInput, run_stage};
pub use workspace::{ArtifactFile, StageOutput, Workspace};

// The worker sees documents only through this crate; these are the words of the engine room that it needs.
pub use crp_ocr::{ChildPool, Inspection, PageReading, ReadSettings};
