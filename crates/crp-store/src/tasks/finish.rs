//! Tasks that are done: rows, fan-in, the next task and the event in one transaction.

use crp_model::{
    Code, Failure, JobStatus, PageRange, Stage, TaskKind, Warning,
    labels::{FinalStatus, StageOutcome},
    pipeline::OnPageError,
};
use serde_json::json;

use super::{ClaimedTask, Committed, held, pages};
use crate::{
    Store, StoreError,
    artifacts::{self, NewArtifact},
    error::broken,
    events::{self, EventKind},
    jobs::{
        end::{end_attempt, end_if_last_of_cancelled, end_job},
        insert::insert_task,
        lock::LockedJob,
        warnings,
    },
    search,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    SET_PAGES_OF_JOB = "UPDATE jobs SET pages_total = $3 WHERE organization = $1 AND id = $2";
    SET_PAGES_OF_DOCUMENT = "UPDATE documents SET pages_total = $3 WHERE organization = $1 AND id = $2";
    FAN_OUT =
        "UPDATE stage_runs SET tasks_open = $4, tasks_total = tasks_total + 1 + $4, tasks_done = tasks_done + 1
         WHERE organization = $1 AND job = $2 AND stage_index = $3";
    FAN_IN =
        "UPDATE stage_runs SET tasks_open = tasks_open - 1, tasks_done = tasks_done + 1
         WHERE organization = $1 AND job = $2 AND stage_index = $3 RETURNING tasks_open";
    ONE_DONE =
        "UPDATE stage_runs SET tasks_done = tasks_done + 1 WHERE organization = $1 AND job = $2 AND stage_index = $3";
}

/// Ends an `inspect` task: notes the pages and queues one task per range; ranges that are saved completely are left out.
/// Without any range left, the task that assembles is queued at once.
///
/// # Errors
/// `Fenced`; then nothing has changed.
pub async fn finish_inspect(
    store: &Store,
    task: &ClaimedTask,
    pages_total: u32,
    ranges: &[PageRange],
    new_warnings: &[Warning],
) -> Result<Committed, StoreError> {
    expect(task, &[TaskKind::Inspect])?;
    let (mut tx, job) = held::begin(store, task).await?;
    held::let_go(&mut tx, &task.into(), "done").await?;
    tx.run(&SET_PAGES_OF_JOB, args![job.organization, job.id, pages_total]).await?;
    tx.run(&SET_PAGES_OF_DOCUMENT, args![job.organization, task.document.id, pages_total]).await?;
    warnings::add_to_stage(&mut tx, job.organization, job.id, task.stage_index, new_warnings).await?;
    let committed = if job.cancel_requested {
        end_if_last_of_cancelled(&mut tx, &job).await?
    } else {
        fan_out(&mut tx, task, &job, pages_total, ranges).await?;
        Committed::default()
    };
    tx.commit().await?;
    Ok(committed)
}

async fn fan_out(tx: &mut Tx, task: &ClaimedTask, job: &LockedJob, pages_total: u32, ranges: &[PageRange]) -> Result<(), StoreError> {
    let mut open = 0u32;
    for range in ranges {
        if pages::is_saved(tx, task, *range).await? {
            continue;
        }
        insert_task(tx, job.organization, job.id, task.stage_index, TaskKind::Pages, Some(*range)).await?;
        open += 1;
    }
    tx.run(&FAN_OUT, args![job.organization, job.id, task.stage_index, open]).await?;
    if open == 0 {
        insert_task(tx, job.organization, job.id, task.stage_index, TaskKind::Assemble, None).await?;
    }
    let payload = json!({ "pages_done": pages::count(tx, task).await?, "pages_total": pages_total });
    events::append(tx, job.organization, job.id, EventKind::Progress, &payload).await
}

/// Ends a `pages` task whose pages are all saved; the last one of the stage queues the task that assembles.
///
/// # Errors
/// `Fenced`; an internal failure when a page of the range was not saved. Then nothing has changed.
pub async fn finish_pages(store: &Store, task: &ClaimedTask) -> Result<Committed, StoreError> {
    expect(task, &[TaskKind::Pages])?;
    let (mut tx, job) = held::begin(store, task).await?;
    held::let_go(&mut tx, &task.into(), "done").await?;
    let committed = if job.cancel_requested {
        end_if_last_of_cancelled(&mut tx, &job).await?
    } else {
        pages::expect_all_of_range(&mut tx, task).await?;
        let row = tx.one(&FAN_IN, args![job.organization, job.id, task.stage_index]).await?;
        let open: i64 = row.ok_or(StoreError::Fenced)?.get("tasks_open")?;
        if open == 0 {
            insert_task(&mut tx, job.organization, job.id, task.stage_index, TaskKind::Assemble, None).await?;
        }
        Committed::default()
    };
    tx.commit().await?;
    Ok(committed)
}

/// Ends an `assemble` or `stage` task: notes artifacts and warnings, then queues the next stage or ends the job.
///
/// A job with a failed page is failed here, with its artifacts kept, unless its stage says `on_page_error: continue` and
/// another page was read. It never looks like success.
///
/// # Errors
/// `Fenced`; an internal failure when pages are missing. Then nothing has changed.
pub async fn finish_stage(
    store: &Store,
    task: &ClaimedTask,
    new_artifacts: &[NewArtifact],
    new_warnings: &[Warning],
) -> Result<Committed, StoreError> {
    expect(task, &[TaskKind::Assemble, TaskKind::Stage])?;
    let (mut tx, job) = held::begin(store, task).await?;
    held::let_go(&mut tx, &task.into(), "done").await?;
    tx.run(&ONE_DONE, args![job.organization, job.id, task.stage_index]).await?;
    for artifact in new_artifacts {
        artifacts::put(&mut tx, &task.scope, job.id, artifact).await?;
    }
    warnings::add_to_stage(&mut tx, job.organization, job.id, task.stage_index, new_warnings).await?;
    let committed = if job.cancel_requested {
        end_if_last_of_cancelled(&mut tx, &job).await?
    } else if let Some(failure) = pages_verdict(&mut tx, task, &job).await? {
        fail_stage(&mut tx, &job, task.stage_index, &failure, StageOutcome::Error).await?
    } else {
        succeed(&mut tx, task, &job).await?
    };
    tx.commit().await?;
    Ok(committed)
}

/// The stage failed for good, and the job with it.
pub(super) async fn fail_stage(
    tx: &mut Tx,
    job: &LockedJob,
    stage_index: u32,
    failure: &Failure,
    outcome: StageOutcome,
) -> Result<Committed, StoreError> {
    let stage_ended = end_attempt(tx, job, stage_index, JobStatus::Failed, outcome).await?;
    let job_ended = end_job(tx, job, FinalStatus::Failed, Some((stage_index, failure))).await?;
    Ok(Committed { stage_ended, job_ended: Some(job_ended), retried: None })
}

async fn succeed(tx: &mut Tx, task: &ClaimedTask, job: &LockedJob) -> Result<Committed, StoreError> {
    let stage_ended = end_attempt(tx, job, task.stage_index, JobStatus::Succeeded, StageOutcome::Ok).await?;
    let next = task.stage_index + 1;
    let job_ended = if (next as usize) < job.plan.stages.len() {
        insert_task(tx, job.organization, job.id, next, TaskKind::Stage, None).await?;
        None
    } else {
        let ended = end_job(tx, job, FinalStatus::Succeeded, None).await?;
        search::index::take_text(tx, job.organization, task.document.id, job.id).await?;
        Some(ended)
    };
    Ok(Committed { stage_ended, job_ended, retried: None })
}

/// What the pages say about a stage that reads pages: missing ones are a defect, failed ones may fail the job.
async fn pages_verdict(tx: &mut Tx, task: &ClaimedTask, job: &LockedJob) -> Result<Option<Failure>, StoreError> {
    let Some(Stage::Ocr(settings)) = job.plan.stages.get(task.stage_index as usize) else { return Ok(None) };
    let total = job.pages_total.ok_or_else(|| broken("the document was assembled before it was opened"))?;
    let saved = pages::count(tx, task).await?;
    if saved != total {
        return Err(broken(format!("the document was assembled with {saved} of {total} pages")));
    }
    let (failed, first) = pages::failed(tx, task).await?;
    let all = failed == total && total > 0;
    match first {
        Some(first) if settings.on_page_error == OnPageError::Fail || all => Ok(Some(first)),
        None if failed > 0 => Ok(Some(Failure::new(Code::PageFailed, format!("{failed} pages could not be read")))),
        _ => Ok(None),
    }
}

fn expect(task: &ClaimedTask, kinds: &[TaskKind]) -> Result<(), StoreError> {
    if kinds.contains(&task.kind) {
        return Ok(());
    }
    Err(broken(format!("a task of kind {} cannot be ended in this way", task.kind.as_str())))
}
