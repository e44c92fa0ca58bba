//! The JSON Schema of the pipeline file, for editors.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use crp_model::PipelineFile;
use http::{HeaderValue, header};

/// The JSON Schema of the pipeline file
pub(crate) async fn get_pipeline_schema() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(PipelineFile::json_schema_text);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"))], TEXT.as_str())
}
