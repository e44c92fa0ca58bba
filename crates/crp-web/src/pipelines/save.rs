//! Saving a pipeline: YAML as it is, or as JSON around it; checked before anything is stored.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
};
use crp_model::{Code, Failure, PipelineFile, pipeline::MAX_PIPELINE_BYTES};
use crp_store::pipelines;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{resolve, view::PipelineView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody, Refusal},
};

/// A pipeline file inside JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSource {
    /// The pipeline file: YAML, up to 64 KiB.
    #[schema(max_length = 65536, example = "name: letters\nstages:\n  - type: ocr\n    languages: [eng]\n")]
    pub(super) source: String,
}

/// The text of a pipeline file from a body of either kind.
pub(crate) struct PipelineText(String);

impl<S: Send + Sync> FromRequest<S> for PipelineText {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = content_type(request.headers());
        let too_large = |_| Problem::new(Refusal::BodyTooLarge, format!("A pipeline file has up to {MAX_PIPELINE_BYTES} bytes"));
        match kind.as_str() {
            "application/json" => {
                let Json(PipelineSource { source }) = Json::from_request(request, state).await.map_err(Problem::from)?;
                Ok(Self(source))
            }
            "text/yaml" | "application/yaml" | "application/x-yaml" | "text/x-yaml" => {
                let bytes = Bytes::from_request(request, state).await.map_err(too_large)?;
                let text = String::from_utf8(bytes.to_vec());
                Ok(Self(text.map_err(|_| Failure::new(Code::InvalidPipeline, "The pipeline file is not UTF-8 text"))?))
            }
            _ => {
                Err(Problem::new(Refusal::UnsupportedMediaType, "A pipeline is sent as text/yaml, or as application/json with \"source\""))
            }
        }
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Save a pipeline
///
/// A pipeline of the same name gets a new version; jobs keep the version that they were made with.
#[utoipa::path(post, path = "/api/v1/pipelines", tag = "pipelines",
    request_body(content((PipelineSource = "application/json"), (String = "text/yaml"))),
    responses(
        (status = 201, description = "Saved", body = PipelineView),
        (status = 409, description = "A built-in pipeline has this name", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create_pipeline(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PipelineText(source): PipelineText,
) -> Result<(StatusCode, Json<PipelineView>), Problem> {
    let file = PipelineFile::parse(&source)?;
    Ok((StatusCode::CREATED, Json(save(&web, &caller, &file, &source).await?)))
}

/// Save a pipeline under its name
#[utoipa::path(put, path = "/api/v1/pipelines/{name}", tag = "pipelines",
    params(("name" = String, Path, description = "Name of the pipeline; the file must have the same", max_length = 64)),
    request_body(content((PipelineSource = "application/json"), (String = "text/yaml"))),
    responses(
        (status = 200, description = "Saved", body = PipelineView),
        (status = 409, description = "A built-in pipeline has this name", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn put_pipeline(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    PipelineText(source): PipelineText,
) -> Result<Json<PipelineView>, Problem> {
    refuse_taken(&name)?;
    let file = PipelineFile::parse(&source)?;
    if file.name != name {
        let detail = format!("The file names its pipeline \"{}\", the address does not", file.name);
        return Err(Problem::new(Refusal::InvalidValue, detail));
    }
    Ok(Json(save(&web, &caller, &file, &source).await?))
}

/// The names and ids of the built-in pipelines are taken, and so is the address that checks pipelines.
fn refuse_taken(name_or_id: &str) -> Result<(), Problem> {
    if name_or_id == "check" {
        return Err(Problem::new(Refusal::Conflict, "\"check\" is an address of the API; choose another name"));
    }
    match resolve::find_built_in(name_or_id) {
        Some((file, _)) => Err(Problem::new(Refusal::Conflict, format!("\"{}\" is a built-in pipeline; choose another name", file.name))),
        None => Ok(()),
    }
}

async fn save(web: &Web, caller: &Caller, file: &PipelineFile, source: &str) -> Result<PipelineView, Problem> {
    refuse_taken(&file.name)?;
    let scope = caller.scope();
    pipelines::save(&web.store, &scope, &file.name, source).await?;
    Ok(PipelineView::saved(pipelines::get(&web.store, &scope, &file.name).await?))
}
