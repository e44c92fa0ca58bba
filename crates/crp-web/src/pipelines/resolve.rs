//! Finds a pipeline by name or id: the built-in ones first, so that nobody can put another under their names.

use crp_model::{Code, Failure, PipelineFile, Plan, Scope};
use crp_store::{
    StoreError, organizations,
    pipelines::{self, PipelineRow},
};

use uuid::{Uuid, uuid};

use crate::{Web, problem::Problem};

/// Longest name or id that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The ids of the built-in pipelines, in their order; the same in every installation and for ever, since scripts keep them.
const BUILT_IN_IDS: [Uuid; PipelineFile::BUILT_IN.len()] =
    [uuid!("019b76da-a800-7000-8000-000000000001"), uuid!("019b76da-a800-7000-8000-000000000002")];

/// What a built-in pipeline has beside its stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuiltIn {
    /// Its id.
    pub(crate) id: Uuid,
    /// The pipeline file.
    pub(crate) source: &'static str,
}

/// The built-in pipelines, the default first.
pub(crate) fn built_in() -> impl Iterator<Item = (PipelineFile, BuiltIn)> {
    let built_in = PipelineFile::BUILT_IN.into_iter().zip(BUILT_IN_IDS);
    built_in.filter_map(|(source, id)| Some((PipelineFile::parse(source).ok()?, BuiltIn { id, source })))
}

/// The built-in pipeline with this name or id.
pub(crate) fn find_built_in(name_or_id: &str) -> Option<(PipelineFile, BuiltIn)> {
    let id = name_or_id.parse::<Uuid>().ok();
    built_in().find(|(file, own)| file.name == name_or_id || Some(own.id) == id)
}

/// The plan of a new job: of the pipeline that was asked for, or of the default one.
///
/// # Errors
/// `pipeline_not_found`, also for another organization's; `invalid_pipeline` for one that this version cannot run any more.
pub(crate) async fn plan_for(web: &Web, scope: &Scope, asked: Option<&str>) -> Result<Plan, Problem> {
    let languages = organizations::get(&web.store, scope).await?.languages;
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let built_in = asked.map_or_else(|| built_in().next(), find_built_in);
    let (file, version) = match built_in {
        Some((file, _)) => (file, 0),
        None => saved(web, scope, asked.unwrap_or_default()).await?,
    };
    Ok(file.plan(version, &languages))
}

/// The plan of a pipeline that is not saved. Like a built-in one it has the version 0.
///
/// # Errors
/// `invalid_pipeline`, `stage_not_available`.
pub(crate) async fn plan_of_source(web: &Web, scope: &Scope, source: &str) -> Result<Plan, Problem> {
    let file = PipelineFile::parse(source)?;
    Ok(file.plan(0, &organizations::get(&web.store, scope).await?.languages))
}

/// The saved pipeline with this name or id. What can be neither is not looked for.
pub(crate) async fn find_saved(web: &Web, scope: &Scope, name: &str) -> Result<PipelineRow, StoreError> {
    if name.len() > MAX_NAME_BYTES || name.contains('\0') {
        return Err(StoreError::NotFound);
    }
    pipelines::get(&web.store, scope, name).await
}

async fn saved(web: &Web, scope: &Scope, name: &str) -> Result<(PipelineFile, u32), Problem> {
    let missing = || Failure::new(Code::PipelineNotFound, format!("There is no pipeline \"{}\"", shorten(name)));
    match find_saved(web, scope, name).await {
        Ok(row) => Ok((PipelineFile::parse(&row.source)?, row.version)),
        Err(StoreError::NotFound) => Err(missing().into()),
        Err(other) => Err(other.into()),
    }
}

fn shorten(name: &str) -> String {
    name.chars().take(MAX_NAME_BYTES).collect()
}
