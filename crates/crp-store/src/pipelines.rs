//! Saved pipelines. The built-in ones are no rows; whoever resolves a name looks at them first.
use crp_model::{PipelineId, Scope, Timestamp};
use crate::{Store, StoreError};
/// The newest version of a saved pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineRow {
    /// Id of this version.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// The pipeline file as it was saved.
    pub source: String,
    /// When this version was saved.
    pub created_at: Timestamp,
}
/// The newest version of every pipeline, by name.
pub async fn list(_store: &Store, _scope: &Scope) -> Result<Vec<PipelineRow>, StoreError> { todo!() }
/// The newest version of the pipeline with this name, or exactly the version with this id.
pub async fn get(_store: &Store, _scope: &Scope, _name_or_id: &str) -> Result<PipelineRow, StoreError> { todo!() }
/// Saves a new version. The caller has checked the source.
pub async fn save(_store: &Store, _scope: &Scope, _name: &str, _source: &str) -> Result<(PipelineId, u32), StoreError> { todo!() }
/// Removes every version of the pipeline with this name, or of the one that this id belongs to. Jobs keep their plans.
pub async fn delete(_store: &Store, _scope: &Scope, _name_or_id: &str) -> Result<(), StoreError> { todo!() }
