//! The inspect task: open the document in the child, fan out into page ranges.

use crp_model::PageRange;
use crp_pipeline::{Workspace, stages::ocr};
use crp_store::tasks::{self, ClaimedTask, Committed};

use crate::{
    Worker,
    steps::{Step, reached},
    task::TaskError,
};

/// Pages, sizes, encryption; then one task for each range of pages.
pub(crate) async fn run(worker: &Worker, claimed: &ClaimedTask, workspace: &Workspace) -> Result<Committed, TaskError> {
    let inspection = ocr::inspect(workspace).await?;
    let pages_total = u32::try_from(inspection.pages.len()).unwrap_or(u32::MAX);
    let ranges = PageRange::split(pages_total, pages_per_task(pages_total, worker));
    reached(Step::BeforeCommit);
    Ok(tasks::finish_inspect(&worker.parts.store, claimed, pages_total, &ranges, &inspection.warnings).await?)
}

/// Small enough that every slot has something to do, never more than the limit: a short document is not read on one core.
fn pages_per_task(pages_total: u32, worker: &Worker) -> u32 {
    let slots = u32::try_from(worker.settings.slots).unwrap_or(1).max(1);
    pages_total.div_ceil(slots).clamp(1, worker.parts.limits.pages_per_task.max(1))
}
