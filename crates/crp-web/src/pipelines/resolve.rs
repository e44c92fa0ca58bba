//! Finds a pipeline by name or id, and the plan that a request asks for.

use crp_model::{PipelineFile, Plan, Scope};
pub(crate) use crp_store::plans::{BuiltIn, built_in, find_built_in};
use crp_store::{StoreError, organizations, pipelines::PipelineRow, plans};

use crate::{Web, problem::Problem};

/// The plan of a new job: of the pipeline that was asked for, or of the default one.
///
/// # Errors
/// `pipeline_not_found`, also for another organization's; `invalid_pipeline` for one that this version cannot run any more.
pub(crate) async fn plan_for(web: &Web, scope: &Scope, asked: Option<&str>) -> Result<Plan, Problem> {
    Ok(plans::plan_for(&web.store, scope, asked).await?)
}

/// The plan of a pipeline that is not saved. Like a built-in one it has the version 0.
///
/// # Errors
/// `invalid_pipeline`, `stage_not_available`.
pub(crate) async fn plan_of_source(web: &Web, scope: &Scope, source: &str) -> Result<Plan, Problem> {
    let file = PipelineFile::parse(source)?;
    Ok(file.plan(0, &organizations::get(&web.store, scope).await?.languages))
}

/// The saved pipeline with this name or id.
pub(crate) async fn find_saved(web: &Web, scope: &Scope, name: &str) -> Result<PipelineRow, StoreError> {
    plans::find_saved(&web.store, scope, name).await
}
