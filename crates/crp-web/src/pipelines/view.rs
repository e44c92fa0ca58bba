//! A pipeline as the API shows it.

use crp_model::{PipelineFile, Stage};
use crp_store::pipelines::PipelineRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::resolve::BuiltIn;
use crate::schemas;

/// A pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineView {
    /// Id of this version; a built-in pipeline has the same id everywhere.
    pub(crate) id: Uuid,
    /// Name.
    pub(crate) name: String,
    /// Version, from 1; 0 for a built-in pipeline.
    pub(crate) version: u32,
    /// Whether it comes with crPipeline; such a pipeline cannot be changed.
    pub(crate) built_in: bool,
    /// Types of its stages, in order.
    #[schema(schema_with = stage_types)]
    pub(crate) stages: Vec<&'static str>,
    /// The pipeline file.
    pub(crate) source: String,
    /// When this version was saved; null for a built-in pipeline.
    #[schema(schema_with = schemas::optional_timestamp)]
    pub(crate) created_at: Option<String>,
}

pub(super) fn stage_types() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::Array::new(schemas::stage_type())
}

impl PipelineView {
    pub(crate) fn built_in(file: &PipelineFile, own: BuiltIn) -> Self {
        Self {
            id: own.id,
            name: file.name.clone(),
            version: 0,
            built_in: true,
            stages: types(file),
            source: own.source.to_owned(),
            created_at: None,
        }
    }

    pub(crate) fn saved(row: PipelineRow) -> Self {
        // A source that an older version saved is shown even if this version would not take it any more.
        let stages = PipelineFile::parse_with_future_stages(&row.source).map(|file| types(&file)).unwrap_or_default();
        Self {
            id: row.id.0,
            name: row.name,
            version: row.version,
            built_in: false,
            stages,
            source: row.source,
            created_at: Some(row.created_at.rfc3339()),
        }
    }
}

fn types(file: &PipelineFile) -> Vec<&'static str> {
    file.stages.iter().map(Stage::stage_type).map(crp_model::StageType::as_str).collect()
}
