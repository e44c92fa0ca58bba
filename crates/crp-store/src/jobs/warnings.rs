//! The warnings of a job: those of its stages and those of its pages, each once.

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
    SET = "UPDATE stage_runs SET warnings = $4 WHERE organization = $1 AND job = $2 AND stage_index = $3";
}

/// Every warning of the job, each once. A page that failed is always among them.
pub(crate) async fn of_job(tx: &mut Tx, organization: OrganizationId, job: JobId) -> Result<Vec<Warning>, StoreError> {
    let mut all: Vec<Warning> = Vec::new();
    for row in tx.all(&OF_STAGES, args![organization, job]).await? {
        add_new(&mut all, row.json("warnings")?);
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
        add_new(&mut all, of_page);
    }
    Ok(all)
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
    let mut all: Vec<Warning> = row.json("warnings")?;
    add_new(&mut all, new.to_vec());
    tx.run(&SET, args![organization, job, stage_index, Value::json(&all)]).await?;
    tell(tx, organization, job, new).await
}

/// One event for each warning.
pub(crate) async fn tell(tx: &mut Tx, organization: OrganizationId, job: JobId, new: &[Warning]) -> Result<(), StoreError> {
    for warning in new {
        let payload = serde_json::to_value(warning).unwrap_or_default();
        events::append(tx, organization, job, EventKind::Warning, &payload).await?;
    }
    Ok(())
}

fn add_new(all: &mut Vec<Warning>, new: Vec<Warning>) {
    for warning in new {
        if !all.contains(&warning) {
            all.push(warning);
        }
    }
}
