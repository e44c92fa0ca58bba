//! Which plan a pipeline's name or id stands for: the built-in ones first, so that nobody can put another under their names.

use crp_model::{Code, Failure, PipelineFile, Plan, Scope};
use uuid::{Uuid, uuid};

use crate::{
    Store, StoreError, organizations,
    pipelines::{self, PipelineRow},
};

/// Longest name or id that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The ids of the built-in pipelines, in their order; the same in every installation and for ever, since scripts keep them.
const BUILT_IN_IDS: [Uuid; PipelineFile::BUILT_IN.len()] =
    [uuid!("019b76da-a800-7000-8000-000000000001"), uuid!("019b76da-a800-7000-8000-000000000002")];

/// What a built-in pipeline has beside its stages.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its id.
    pub id: Uuid,
    /// The pipeline file.
    pub source: &'static str,
}

/// The built-in pipelines, the default first.
pub fn built_in() -> impl Iterator<Item = (PipelineFile, BuiltIn)> {
    let built_in = PipelineFile::BUILT_IN.into_iter().zip(BUILT_IN_IDS);
    built_in.filter_map(|(source, id)| Some((PipelineFile::parse(source).ok()?, BuiltIn { id, source })))
}

/// The built-in pipeline with this name or id.
pub fn find_built_in(name_or_id: &str) -> Option<(PipelineFile, BuiltIn)> {
    let id = name_or_id.parse::<Uuid>().ok();
    built_in().find(|(file, own)| file.name == name_or_id || Some(own.id) == id)
}

/// The saved pipeline with this name or id. What can be neither is not looked for.
///
/// # Errors
/// `NotFound`.
pub async fn find_saved(store: &Store, scope: &Scope, name: &str) -> Result<PipelineRow, StoreError> {
    if name.len() > MAX_NAME_BYTES || name.contains('\0') {
        return Err(StoreError::NotFound);
    }
    pipelines::get(store, scope, name).await
}

/// The plan of a new job: of the pipeline that was asked for, or of the default one.
///
/// # Errors
/// `pipeline_not_found`, also for another organization's; `invalid_pipeline` for one that this version cannot run any more.
pub async fn plan_for(store: &Store, scope: &Scope, asked: Option<&str>) -> Result<Plan, StoreError> {
    let languages = organizations::get(store, scope).await?.languages;
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let built_in = asked.map_or_else(|| built_in().next(), find_built_in);
    let (file, version) = match built_in {
        Some((file, _)) => (file, 0),
        None => saved(store, scope, asked.unwrap_or_default()).await?,
    };
    Ok(file.plan(version, &languages))
}

async fn saved(store: &Store, scope: &Scope, name: &str) -> Result<(PipelineFile, u32), StoreError> {
    match find_saved(store, scope, name).await {
        Ok(row) => Ok((PipelineFile::parse(&row.source).map_err(StoreError::Failure)?, row.version)),
        Err(StoreError::NotFound) => {
            let shown: String = name.chars().take(MAX_NAME_BYTES).collect();
            Err(StoreError::Failure(Failure::new(Code::PipelineNotFound, format!("There is no pipeline \"{shown}\""))))
        }
        Err(other) => Err(other),
    }
}
