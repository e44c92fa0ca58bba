//! The assemble task: saved pages become the searchable PDF, text, layout and thumbnails.

use std::collections::BTreeSet;

use crp_model::{
    Code, Failure, Stage, Warning,
    labels::WarningKind,
    pipeline::{OcrStage, OnPageError, SignedDocuments},
};
use crp_pipeline::{
    StageInput, Workspace,
    stages::ocr::{self, Assembler},
};
use crp_store::tasks::{self, ClaimedTask, Committed, SavedPage};

use crate::{
    Worker,
    page_store::StoredPages,
    steps::{Step, reached},
    task::TaskError,
};

/// Puts the pages together; objects first, then rows and the stage's end in one transaction, which also judges failed pages.
pub(crate) async fn run(worker: &Worker, claimed: &ClaimedTask, workspace: &Workspace) -> Result<Committed, TaskError> {
    let pages = StoredPages::of(worker, claimed, true).await?;
    let rows: Vec<SavedPage> = pages.rows().cloned().collect();
    check_complete(&rows, claimed)?;
    let has_failed_page = rows.iter().any(|p| p.failure.is_some());
    let inspection = if has_failed_page { Some(ocr::inspect(workspace).await?) } else { None };
    let mut pages = match &inspection {
        Some(inspection) => pages.with_sizes(inspection),
        None => pages,
    };
    let mut assembler = Assembler::start(workspace, ocr_stage(claimed).map_or(SignedDocuments::Keep, |s| s.signed), true).await?;
    while let Some(page) = pages.next_page().await? {
        assembler.push(&page, pages.thumbnail()).await?;
    }
    let output = assembler.finish().await?;
    let artifacts = worker.keep(claimed, &output.artifacts).await?;
    reached(Step::ArtifactsWritten);

    // The warnings of the pages are in their rows already.
    let mut warnings = output.warnings;
    if on_page_error(claimed) == OnPageError::Continue {
        warnings
            .extend(rows.iter().filter_map(|p| Some(Warning::new(WarningKind::PageFailed, Some(p.page), &p.failure.as_ref()?.message))));
    }
    reached(Step::BeforeCommit);
    Ok(tasks::finish_stage(&worker.parts.store, claimed, &artifacts, &warnings).await?)
}

fn on_page_error(claimed: &ClaimedTask) -> OnPageError {
    ocr_stage(claimed).map_or(OnPageError::Fail, |stage| stage.on_page_error)
}

fn ocr_stage(claimed: &ClaimedTask) -> Option<&OcrStage> {
    match claimed.plan.stages.get(claimed.stage_index as usize) {
        Some(Stage::Ocr(stage)) => Some(stage),
        _ => None,
    }
}

/// Success is only what is complete: every page has its row.
fn check_complete(rows: &[SavedPage], claimed: &ClaimedTask) -> Result<(), Failure> {
    let numbers: BTreeSet<u32> = rows.iter().map(|p| p.page.get()).collect();
    let total = claimed.pages_total.unwrap_or(0);
    if total > 0 && numbers.len() == total as usize && numbers.last() == Some(&total) {
        return Ok(());
    }
    Err(Failure::new(Code::Internal, format!("{} of {total} pages are saved, yet the document was to be assembled", numbers.len())))
}
