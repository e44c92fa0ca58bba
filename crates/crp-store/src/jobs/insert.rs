//! New jobs and new tasks: rows that make something claimable.

use crp_model::{DocumentId, JobId, OrganizationId, PageRange, Plan, Priority, Scope, TaskId, TaskKind};
use serde_json::json;

use crate::{
    StoreError,
    error::broken,
    events::{self, EventKind},
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

sql! {
    ADD_JOB =
        "INSERT INTO jobs (id, organization, document, status, plan, priority, pages_done, cancel_requested, retry_of, last_event,
                           created_by, created_at)
         VALUES ($1, $2, $3, 'queued', $4, $8, 0, FALSE, $5, 0, $6, $7)";
    ADD_STAGE =
        "INSERT INTO stage_runs (job, stage_index, organization, stage, status, attempt, tasks_total, tasks_done, tasks_open, warnings)
         VALUES ($1, $2, $3, $4, 'queued', 0, 1, 0, 0, '[]')";
    ADD_TASK =
        "INSERT INTO tasks (id, organization, job, stage_index, stage, kind, first_page, last_page, state, priority, run_after, attempt,
                            max_attempts, fence, created_at)
         SELECT $1, j.organization, j.id, s.stage_index, s.stage, $5, $6, $7, 'ready', j.priority, $8, 0, $9, 0, $8
         FROM jobs j JOIN stage_runs s ON s.job = j.id AND s.stage_index = $4 WHERE j.organization = $2 AND j.id = $3";
}

/// A job with its stages and its first task, which opens the document.
pub(crate) async fn insert_job(
    tx: &mut Tx,
    scope: &Scope,
    document: DocumentId,
    plan: &Plan,
    retry_of: Option<JobId>,
    priority: Priority,
) -> Result<JobId, StoreError> {
    if plan.stages.is_empty() {
        return Err(broken("A plan without stages cannot be run"));
    }
    let (job, now) = (JobId::new(tx.store().ambient()), tx.store().ambient().now());
    tx.run(&ADD_JOB, args![job, scope.organization, document, Value::json(plan), retry_of, scope.actor, now, priority.as_number()]).await?;
    for (at, stage) in (0u32..).zip(&plan.stages) {
        tx.run(&ADD_STAGE, args![job, at, scope.organization, stage.stage_type().as_str()]).await?;
    }
    let payload = json!({ "document_id": document, "pipeline": plan.pipeline, "retry_of": retry_of });
    events::append(tx, scope.organization, job, EventKind::Queued, &payload).await?;
    insert_task(tx, scope.organization, job, 0, TaskKind::Inspect, None).await?;
    Ok(job)
}

/// A task that may be claimed as soon as this commits.
pub(crate) async fn insert_task(
    tx: &mut Tx,
    organization: OrganizationId,
    job: JobId,
    stage_index: u32,
    kind: TaskKind,
    range: Option<PageRange>,
) -> Result<(), StoreError> {
    let (task, now) = (TaskId::new(tx.store().ambient()), tx.store().ambient().now());
    let (first, last) = range.map_or((0, 0), |range| (range.first.get(), range.last.get()));
    let max_attempts = tx.store().max_attempts();
    tx.run(&ADD_TASK, args![task, organization, job, stage_index, kind.as_str(), first, last, now, max_attempts]).await?;
    tx.wakes_workers();
    Ok(())
}
