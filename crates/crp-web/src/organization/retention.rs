//! How long the organization keeps its documents, and what that means now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use crp_model::{Code, Failure, name::MAX_NAME_BYTES};
use crp_store::{
    pipelines, plans,
    retention::{self, MAX_RETENTION_DAYS, MAX_RETENTION_PIPELINES, Retention},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Web,
    auth::principal::Caller,
    extract::{JsonBody, QueryOf},
    problem::{Problem, Refusal},
};

/// How long documents are kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionSettings {
    /// Days from the upload after which a document is moved to the trash; null keeps documents for ever.
    #[schema(minimum = 1, maximum = 36500)]
    days: Option<u32>,
    /// Pipelines with a retention of their own. A pipeline that is not named has the organization's.
    #[serde(default)]
    #[schema(max_items = 500)]
    pipelines: Vec<PipelineRetention>,
}

/// How long documents of a pipeline are kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineRetention {
    /// Name of the pipeline: a built-in one, a saved one, or one that was deleted.
    #[schema(max_length = 255)]
    pipeline: String,
    /// Days from the upload; null keeps its documents for ever.
    #[schema(minimum = 1, maximum = 36500)]
    days: Option<u32>,
}

/// How long documents are kept, and what that means now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionView {
    /// Days from the upload after which a document is moved to the trash; null keeps documents for ever.
    days: Option<u32>,
    /// Pipelines with a retention of their own, by name.
    pipelines: Vec<PipelineRetention>,
    /// Days that a document lies in the trash before it is deleted for good.
    trash_days: u32,
    /// Documents that are moved to the trash by this within the hour.
    documents_due: u64,
    /// Documents whose time is over and that only their hold keeps.
    documents_on_hold: u64,
}

/// Whether to set it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionQuery {
    /// `true` sets nothing and answers what would be.
    dry_run: Option<bool>,
}

/// Get the retention
///
/// Of a document with several jobs, the pipeline with the longest retention counts. What is restored from the trash has its time anew.
#[utoipa::path(get, path = "/api/v1/organization/retention", tag = "organization",
    responses((status = 200, description = "How long documents are kept", body = RetentionView)))]
pub(crate) async fn get_retention(State(web): State<Arc<Web>>, caller: Caller) -> Result<Json<RetentionView>, Problem> {
    let set = retention::get(&web.store, &caller.scope()).await?;
    Ok(Json(view(&web, &caller, set).await?))
}

/// Set the retention
///
/// Replaces all of it. Documents whose time is over are moved to the trash within the hour, not deleted; ask with `dry_run=true` first
/// how many that are.
#[utoipa::path(put, path = "/api/v1/organization/retention", tag = "organization", params(RetentionQuery), request_body = RetentionSettings,
    responses((status = 200, description = "How long documents are kept, or would be", body = RetentionView)))]
pub(crate) async fn put_retention(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<RetentionQuery>,
    JsonBody(body): JsonBody<RetentionSettings>,
) -> Result<Json<RetentionView>, Problem> {
    let wanted = body.checked()?;
    refuse_unknown(&web, &caller, &wanted).await?;
    if !query.dry_run.unwrap_or(false) {
        retention::set(&web.store, &caller.scope(), &wanted).await?;
    }
    Ok(Json(view(&web, &caller, wanted).await?))
}

/// A name that was mistyped would keep nothing and say nothing. What has a retention keeps it after its pipeline was deleted.
async fn refuse_unknown(web: &Web, caller: &Caller, wanted: &Retention) -> Result<(), Problem> {
    let scope = caller.scope();
    let mut known: BTreeSet<String> = plans::built_in().map(|(file, _)| file.name).collect();
    known.extend(pipelines::list(&web.store, &scope).await?.into_iter().map(|row| row.name));
    known.extend(retention::get(&web.store, &scope).await?.pipelines.into_keys());
    match wanted.pipelines.keys().find(|name| !known.contains(*name)) {
        Some(name) => Err(Failure::new(Code::PipelineNotFound, format!("There is no pipeline \"{name}\"")).into()),
        None => Ok(()),
    }
}

async fn view(web: &Web, caller: &Caller, set: Retention) -> Result<RetentionView, Problem> {
    let affected = retention::affected(&web.store, &caller.scope(), &set).await?;
    Ok(RetentionView {
        days: set.days,
        pipelines: set.pipelines.into_iter().map(|(pipeline, days)| PipelineRetention { pipeline, days }).collect(),
        trash_days: web.settings.trash_days,
        documents_due: affected.documents,
        documents_on_hold: affected.on_hold,
    })
}

impl RetentionSettings {
    fn checked(self) -> Result<Retention, Problem> {
        if self.pipelines.len() > MAX_RETENTION_PIPELINES {
            return Err(refused(format!("\"pipelines\" takes up to {MAX_RETENTION_PIPELINES} pipelines")));
        }
        let mut pipelines = BTreeMap::new();
        for PipelineRetention { pipeline, days: own } in self.pipelines {
            if pipeline.is_empty() || pipeline.len() > MAX_NAME_BYTES || pipeline.chars().any(char::is_control) {
                return Err(refused(format!("\"pipeline\" is a name of 1 to {MAX_NAME_BYTES} bytes without control characters")));
            }
            let own = days(own)?;
            if pipelines.insert(pipeline.clone(), own).is_some() {
                return Err(refused(format!("The pipeline \"{pipeline}\" is named twice")));
            }
        }
        Ok(Retention { days: days(self.days)?, pipelines })
    }
}

fn days(days: Option<u32>) -> Result<Option<u32>, Problem> {
    match days {
        Some(0) => Err(refused(format!("\"days\" takes 1 to {MAX_RETENTION_DAYS}; null keeps documents for ever"))),
        Some(days) if days > MAX_RETENTION_DAYS => Err(refused(format!("\"days\" takes 1 to {MAX_RETENTION_DAYS}"))),
        days => Ok(days),
    }
}

fn refused(detail: String) -> Problem {
    Problem::new(Refusal::InvalidValue, detail)
}
