//! The pages task: read a range page by page; each is saved as it is done, so that work goes on at the first missing page.

use std::collections::{HashMap, HashSet};

use crp_model::{
    Code, Failure, PageNo, Sha256Hash, Stage, TextSource,
    labels::{EngineKind, PageSource, WarningKind},
};
use crp_pipeline::{
    PageReading, Workspace,
    stages::ocr::{PageReader, read_settings},
};
use crp_store::tasks::{self, ClaimedTask, Committed, SavedPage};

use crate::{
    Worker,
    backoff::is_worth_another_attempt,
    steps::{Step, reached},
    task::TaskError,
};

/// Reads what is missing of the range. A page that fails does not stop the others; it is tried again with the task's next attempt.
pub(crate) async fn run(worker: &Worker, claimed: &ClaimedTask, workspace: &Workspace) -> Result<Committed, TaskError> {
    let (Some(range), Some(Stage::Ocr(stage))) = (claimed.range, claimed.plan.stages.get(claimed.stage_index as usize)) else {
        return Err(Failure::new(Code::Internal, "A pages task has no range or no ocr stage").into());
    };
    let saved = tasks::saved_pages(&worker.parts.store, &claimed.scope, claimed.job, claimed.stage_index).await?;
    let done: HashSet<PageNo> = saved.iter().map(|p| p.page).collect();
    let settings = read_settings(stage, true);
    let identity = worker.identities.of(&workspace.children, &settings).await;
    let mut read_before = read_before(worker, claimed, identity).await?;
    let mut reader = PageReader::new(workspace, settings);
    let mut to_retry = None;
    for page in range.pages().filter(|p| !done.contains(p)) {
        if let Some(before) = read_before.remove(&page)
            && let Some(is_new) = worker.take_over(claimed, &before).await?
        {
            if is_new {
                worker.parts.metrics.pages_reused_total.inc();
            }
            continue;
        }
        match reader.read(page).await {
            Ok(reading) => {
                if worker.save_page(claimed, page, &reading, identity).await? {
                    count(worker, stage.engine, &reading);
                }
            }
            Err(failure) if concerns_the_task(failure.code) => return Err(failure.into()),
            Err(failure) if is_worth_another_attempt(&failure, claimed.attempt, claimed.max_attempts) => to_retry = Some(failure),
            Err(failure) => save_failure(worker, claimed, page, failure).await?,
        }
    }
    match to_retry {
        Some(failure) => Err(failure.into()),
        None => {
            reached(Step::BeforeCommit);
            Ok(tasks::finish_pages(&worker.parts.store, claimed).await?)
        }
    }
}

/// Pages of the task that an earlier job has read from the same bytes in the same way.
async fn read_before(
    worker: &Worker,
    claimed: &ClaimedTask,
    identity: Option<Sha256Hash>,
) -> Result<HashMap<PageNo, SavedPage>, TaskError> {
    let Some(identity) = identity else { return Ok(HashMap::new()) };
    let pages = tasks::pages_read_before(&worker.parts.store, claimed, identity).await?;
    Ok(pages.into_iter().map(|page| (page.page, page)).collect())
}

/// Something is missing on this machine; no other page would do better.
fn concerns_the_task(code: Code) -> bool {
    matches!(
        code,
        Code::TesseractMissing
            | Code::LanguageMissing
            | Code::EngineNotConfigured
            | Code::EngineUnavailable
            | Code::DiskFull
            | Code::FileAccess
            | Code::StorageUnavailable
            | Code::DatabaseUnavailable
    )
}

async fn save_failure(worker: &Worker, claimed: &ClaimedTask, page: PageNo, failure: Failure) -> Result<(), TaskError> {
    tracing::warn!(job.id = %claimed.job, page = page.get(), code = failure.code.as_str(), "Page {page} could not be read: {}", failure.message);
    let saved = SavedPage {
        page,
        object_key: None,
        thumbnail_key: None,
        source: TextSource::None,
        mean_confidence: None,
        seconds: 0.0,
        warnings: Vec::new(),
        failure: Some(Failure { message: format!("Page {page} could not be read: {}", failure.message), ..failure }),
        identity: None,
        reused_from: None,
    };
    tasks::save_page(&worker.parts.store, claimed, &saved, "").await?;
    Ok(())
}

/// Pages are counted after their row is committed, once.
fn count(worker: &Worker, engine: EngineKind, reading: &PageReading) {
    let metrics = &worker.parts.metrics;
    match reading.layout.source {
        TextSource::TextLayer => metrics.pages_total.inc(PageSource::TextLayer),
        TextSource::Ocr => metrics.pages_total.inc(PageSource::Ocr),
        TextSource::None => {}
    }
    if reading.warnings.iter().any(|w| w.code.0 == WarningKind::LowConfidence) {
        metrics.ocr_low_confidence_pages_total.inc(engine);
    }
}
