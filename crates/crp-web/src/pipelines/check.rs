//! Checking a pipeline file without saving it: what is wrong, where, and what to do.

use axum::Json;
use crp_model::{PipelineFile, Stage, pipeline::PipelineMistake};
use serde::Serialize;
use utoipa::ToSchema;

use super::{save::PipelineSource, view::stage_types};
use crate::{extract::JsonBody, problem::Problem};

/// What a pipeline file is.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedPipeline {
    /// What keeps it from being saved; empty when nothing does. A file is read up to its first problem.
    problems: Vec<PipelineProblem>,
    /// Its name; null when it has a problem.
    name: Option<String>,
    /// Types of its stages, in order.
    #[schema(schema_with = stage_types)]
    stages: Vec<&'static str>,
}

/// Something that is wrong with a pipeline file.
#[derive(Serialize, ToSchema)]
pub(crate) struct PipelineProblem {
    /// Line, from 1; null when it is about the whole file.
    line: Option<u64>,
    /// Column, from 1.
    column: Option<u64>,
    /// What it is.
    message: String,
    /// What to do about it.
    remedy: &'static str,
}

/// Check a pipeline
///
/// Nothing is saved. A file with problems is answered with 200 and the problems.
#[utoipa::path(post, path = "/api/v1/pipelines/check", tag = "pipelines", request_body = PipelineSource,
    responses((status = 200, description = "What it is, or what is wrong with it", body = CheckedPipeline)))]
pub(crate) async fn check_pipeline(JsonBody(body): JsonBody<PipelineSource>) -> Result<Json<CheckedPipeline>, Problem> {
    Ok(Json(match PipelineFile::check(&body.source) {
        Ok(file) => {
            let stages = file.stages.iter().map(|stage| Stage::stage_type(stage).as_str()).collect();
            CheckedPipeline { problems: Vec::new(), name: Some(file.name), stages }
        }
        Err(mistake) => CheckedPipeline { problems: vec![show(mistake)], name: None, stages: Vec::new() },
    }))
}

fn show(mistake: PipelineMistake) -> PipelineProblem {
    PipelineProblem {
        line: mistake.place.map(|place| place.line),
        column: mistake.place.map(|place| place.column),
        message: mistake.message,
        remedy: mistake.code.remedy(),
    }
}
