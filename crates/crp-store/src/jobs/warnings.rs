//! The warnings of a job: those of its stages and those of its pages, each once.

use std::collections::HashSet;

use crp_model::{Failure, JobId, OrganizationId, PageNo, Warning, WarningCode, labels::WarningKind};

use crate::{
    StoreError,
    events::{self, EventKind},
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

sql! {
    OF_STAGES =
        "SELECT warnings FROM stage_runs WHERE organization = $1 AND job = $2 AND warnings <> '[]' ORDER BY stage_index";
    OF_PAGES =
        "SELECT page, warnings, failure FROM pages
         WHERE organization = $1 AND job = $2 AND (warnings <> '[]' OR failure IS NOT NULL) ORDER BY stage_index, page";
    OF_STAGE = "SELECT warnings FROM stage_runs WHERE organization = $1 AND job = $2 AND stage_index = $3";
    COUNT_UP = "UPDATE jobs SET warning_count = warning_count + $3 WHERE organization = $1 AND id = $2";
    SET_COUNT = "UPDATE jobs SET warning_count = $3 WHERE organization = $1 AND id = $2";
    SET = "UPDATE stage_runs SET warnings = $4 WHERE organization = $1 AND job = $2 AND stage_index = $3";
}

/// Every warning of the job, each once. A page that failed is always among them.
pub(crate) async fn of_job(tx: &mut Tx, organization: OrganizationId, job: JobId) -> Result<Vec<Warning>, StoreError> {
    let mut gathered = Gathered::default();
    for row in tx.all(&OF_STAGES, args![organization, job]).await? {
        gathered.add(row.json("warnings")?);
    }
    for row in tx.all(&OF_PAGES, args![organization, job]).await? {
        let page: u32 = row.get("page")?;
        let mut of_page: Vec<Warning> = row.json("warnings")?;
        if let Some(failure) = row.opt_json::<Failure>("failure")? {
            let told = |warning: &Warning| warning.code == WarningCode(WarningKind::PageFailed);
            if !of_page.iter().any(told) {
                of_page.push(Warning::new(WarningKind::PageFailed, PageNo::new(page), failure.message));
            }
        }
        gathered.add(of_page);
    }
    Ok(gathered.all)
}

/// The number of a job's warnings, once nothing adds to them any more: each counts once, pages that failed are among them.
pub(crate) async fn set_count(tx: &mut Tx, organization: OrganizationId, job: JobId, all: &[Warning]) -> Result<(), StoreError> {
    tx.run(&SET_COUNT, args![organization, job, all.len() as u64]).await.map(drop)
}

/// Adds warnings to those of a stage, and tells whoever watches.
pub(crate) async fn add_to_stage(
    tx: &mut Tx,
    organization: OrganizationId,
    job: JobId,
    stage_index: u32,
    new: &[Warning],
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let row = tx.one(&OF_STAGE, args![organization, job, stage_index]).await?.ok_or(StoreError::NotFound)?;
    let mut gathered = Gathered::default();
    gathered.add(row.json("warnings")?);
    let new = gathered.add(new.to_vec());
    tx.run(&SET, args![organization, job, stage_index, Value::json(&gathered.all)]).await?;
    tell(tx, organization, job, &new).await
}

/// One event for each warning; lists show how many there are.
pub(crate) async fn tell(tx: &mut Tx, organization: OrganizationId, job: JobId, new: &[Warning]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    tx.run(&COUNT_UP, args![organization, job, new.len() as u64]).await?;
    for warning in new {
        let payload = serde_json::to_value(warning).unwrap_or_default();
        events::append(tx, organization, job, EventKind::Warning, &payload).await?;
    }
    Ok(())
}

/// Warnings in the order in which they came, each once.
#[derive(Default)]
struct Gathered {
    all: Vec<Warning>,
    known: HashSet<Warning>,
}

impl Gathered {
    /// Adds what is new; that.
    fn add(&mut self, new: Vec<Warning>) -> Vec<Warning> {
        let new: Vec<Warning> = new.into_iter().filter(|warning| self.known.insert(warning.clone())).collect();
        self.all.extend(new.iter().cloned());
        new
    }
}
