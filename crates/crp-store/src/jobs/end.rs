//! The ends of stages and jobs. A final state never reverts: every statement here asks for a state that is not final.

use crp_model::{
    Cause, Code, Failure, JobId, JobStatus, OrganizationId, TaskId, Timestamp,
    labels::{FinalStatus, StageOutcome},
};
use serde_json::json;

use super::{lock::LockedJob, warnings};
use crate::{
    StoreError,
    error::{broken, unreadable},
    events::{self, EventKind},
    sql::{args, sql},
    tasks::{Committed, JobEnded, StageEnded},
    transaction::Tx,
    value::Value,
};

sql! {
    STAGE = "SELECT attempt, attempt_started_at FROM stage_runs WHERE organization = $1 AND job = $2 AND stage_index = $3";
    END_ATTEMPT =
        "UPDATE stage_runs SET status = $4, attempt_started_at = NULL, finished_at = $5
         WHERE organization = $1 AND job = $2 AND stage_index = $3 AND status IN ('queued', 'running')";
    END_JOB =
        "UPDATE jobs SET status = $3, failure = $4, finished_at = $5
         WHERE organization = $1 AND id = $2 AND status IN ('queued', 'running')";
    CANCEL_TASKS =
        "UPDATE tasks SET state = 'cancelled', worker = NULL, lease_until = NULL, finished_at = $3
         WHERE organization = $1 AND job = $2 AND state IN ('ready', 'running')";
    CANCEL_STAGES =
        "UPDATE stage_runs SET status = 'cancelled', attempt_started_at = NULL, finished_at = $3
         WHERE organization = $1 AND job = $2 AND status IN ('queued', 'running')";
    FAIL_UNREADABLE_TASK =
        "UPDATE tasks SET state = 'failed', worker = NULL, lease_until = NULL, finished_at = $4, failure = $5
         WHERE organization = $1 AND job = $2 AND id = $3 AND state IN ('ready', 'running')";
    FAIL_STAGE_OF_TASK =
        "UPDATE stage_runs SET status = 'failed', attempt_started_at = NULL, finished_at = $4
         WHERE organization = $1 AND job = $2 AND stage_index = (SELECT t.stage_index FROM tasks t WHERE t.id = $3)
           AND status IN ('queued', 'running')";
    FAIL_UNREADABLE_JOB =
        "UPDATE jobs SET status = 'failed', failure = $3, finished_at = $4
         WHERE organization = $1 AND id = $2 AND status IN ('queued', 'running') RETURNING created_at";
    TASKS_RUNNING = "SELECT count(*) AS n FROM tasks WHERE organization = $1 AND job = $2 AND state = 'running'";
}

/// What a failure makes of the attempt.
pub(crate) fn outcome_of(failure: &Failure) -> StageOutcome {
    if failure.code.cause() == Cause::Timeout { StageOutcome::Timeout } else { StageOutcome::Error }
}

/// Ends the attempt of a stage that runs, if one does. `status` is `queued` when the stage will be tried again.
pub(crate) async fn end_attempt(
    tx: &mut Tx,
    job: &LockedJob,
    stage_index: u32,
    status: JobStatus,
    outcome: StageOutcome,
) -> Result<Option<StageEnded>, StoreError> {
    let now = tx.store().ambient().now();
    let place = || args![job.organization, job.id, stage_index];
    let row = tx.one(&STAGE, place()).await?.ok_or_else(|| broken(format!("the job has no stage {stage_index}")))?;
    let finished = status.is_final().then_some(now.0);
    let mut arguments = place();
    arguments.extend(args![status.as_str(), finished]);
    tx.run(&END_ATTEMPT, arguments).await?;
    let Some(started) = row.opt("attempt_started_at")? else { return Ok(None) };
    let stage = stage_type(job, stage_index)?;
    let engine = job.plan.stages.get(stage_index as usize).and_then(crp_model::Stage::engine);
    let seconds = now.seconds_since(started);
    if status == JobStatus::Succeeded {
        let payload = json!({ "stage": stage, "stage_index": stage_index, "seconds": seconds });
        events::append(tx, job.organization, job.id, EventKind::StageFinished, &payload).await?;
    }
    Ok(Some(StageEnded { stage, engine, seconds, outcome, attempt: row.get("attempt")?, pages_total: job.pages_total }))
}

/// Makes the job final; what is left of its tasks and stages is cancelled. `failure` comes with the place of its stage.
pub(crate) async fn end_job(
    tx: &mut Tx,
    job: &LockedJob,
    status: FinalStatus,
    failure: Option<(u32, &Failure)>,
) -> Result<JobEnded, StoreError> {
    let now = tx.store().ambient().now();
    let (state, event) = match status {
        FinalStatus::Succeeded => (JobStatus::Succeeded, EventKind::Succeeded),
        FinalStatus::Failed => (JobStatus::Failed, EventKind::Failed),
        FinalStatus::Cancelled => (JobStatus::Cancelled, EventKind::Cancelled),
    };
    let why = Value::json_or_null(failure.map(|(_, failure)| failure));
    if tx.run(&END_JOB, args![job.organization, job.id, state.as_str(), why, now]).await? == 0 {
        return Err(StoreError::Fenced);
    }
    tx.run(&CANCEL_TASKS, args![job.organization, job.id, now]).await?;
    tx.run(&CANCEL_STAGES, args![job.organization, job.id, now]).await?;
    let warnings = warnings::of_job(tx, job.organization, job.id).await?;
    warnings::set_count(tx, job.organization, job.id, &warnings).await?;
    let failure_stage = failure.map(|(at, _)| stage_type(job, at)).transpose()?;
    let payload = match failure {
        Some((at, failure)) => json!({ "failure": failure, "stage": failure_stage, "stage_index": at }),
        None => json!({ "warnings": warnings.len() }),
    };
    events::append(tx, job.organization, job.id, event, &payload).await?;
    Ok(JobEnded {
        status,
        seconds_since_start: job.started_at.map(|started| now.seconds_since(started)),
        seconds_since_created: now.seconds_since(job.created_at),
        failure_stage,
        failure_cause: failure.map(|(_, failure)| failure.code.cause()),
        warnings,
    })
}

/// Fails a job with a row that cannot be read, so that it does not stop the queue: nothing of it is read here. The caller has
/// the job's row.
pub(crate) async fn fail_unreadable(
    tx: &mut Tx,
    organization: OrganizationId,
    job: JobId,
    task: TaskId,
    what: &str,
) -> Result<Committed, StoreError> {
    tracing::error!(%job, %task, what, "a job cannot be read and is failed");
    let now = tx.store().ambient().now();
    let failure = Failure::new(Code::Internal, format!("The job holds what this version cannot read: {what}"))
        .never_retry()
        .with_remedy("Start a new job for the document.");
    tx.run(&FAIL_UNREADABLE_TASK, args![organization, job, task, now, Value::json(&failure)]).await?;
    tx.run(&FAIL_STAGE_OF_TASK, args![organization, job, task, now]).await?;
    let ended = tx.one(&FAIL_UNREADABLE_JOB, args![organization, job, Value::json(&failure), now]).await?;
    tx.run(&CANCEL_TASKS, args![organization, job, now]).await?;
    tx.run(&CANCEL_STAGES, args![organization, job, now]).await?;
    let Some(ended) = ended else { return Ok(Committed::default()) };
    events::append(tx, organization, job, EventKind::Failed, &json!({ "failure": failure })).await?;
    let created_at: Timestamp = ended.get("created_at")?;
    let job_ended = JobEnded {
        status: FinalStatus::Failed,
        seconds_since_start: None,
        seconds_since_created: now.seconds_since(created_at),
        failure_stage: None,
        failure_cause: Some(failure.code.cause()),
        warnings: Vec::new(),
    };
    Ok(Committed { stage_ended: None, job_ended: Some(job_ended), retried: None })
}

/// After a task of a job that is being cancelled has ended: the last one ends the job.
pub(crate) async fn end_if_last_of_cancelled(tx: &mut Tx, job: &LockedJob) -> Result<Committed, StoreError> {
    let mut committed = Committed::default();
    if tasks_running(tx, job).await? == 0 {
        committed.job_ended = Some(end_job(tx, job, FinalStatus::Cancelled, None).await?);
    }
    Ok(committed)
}

/// Tasks of the job that a worker holds.
pub(crate) async fn tasks_running(tx: &mut Tx, job: &LockedJob) -> Result<u64, StoreError> {
    tx.one(&TASKS_RUNNING, args![job.organization, job.id]).await?.map_or(Ok(0), |row| row.get("n"))
}

/// The type of the stage at this place of the plan.
pub(crate) fn stage_type(job: &LockedJob, stage_index: u32) -> Result<crp_model::StageType, StoreError> {
    let stage = job.plan.stages.get(stage_index as usize);
    stage.map(crp_model::Stage::stage_type).ok_or_else(|| unreadable(format!("the plan has no stage {stage_index}")))
}
