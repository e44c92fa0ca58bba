//! Claiming: one statement picks a task, fair between organizations also where they share one slot, and takes its lease.

use std::time::Duration;

use crp_model::{JobId, JobStatus, OrganizationId, PageNo, PageRange, Scope, StageType, TaskId, Timestamp, WorkerId};
use serde_json::json;

use super::{ClaimedDocument, ClaimedTask, QueueLimits};
use crate::{
    Store, StoreError,
    error::unreadable,
    events::{self, EventKind},
    jobs::{end::fail_unreadable, lock::try_lock},
    sql::{args, sql},
    transaction::Tx,
    value::Row,
};

/// The first ready task of each organization that has one, which may be one for later. Each is found from the one before (a loose index
/// scan: its cost grows with the organizations, not with their tasks). Beside them the organizations in which tasks run, with their
/// number.
macro_rules! firsts {
    ($first:literal, $next:literal) => {
        concat!(
            "WITH RECURSIVE firsts (next, task, organization, priority, run_after, first_page) AS (",
            $first,
            " UNION ALL ",
            $next,
            "), running AS (SELECT r.organization, count(*) AS tasks FROM tasks r WHERE r.state = 'running' GROUP BY r.organization)"
        )
    };
    // A subquery gives one column here, so each row brings the id of the next one.
    (sqlite) => {
        firsts!(
            "SELECT (SELECT n.id FROM tasks n WHERE n.state = 'ready' AND n.organization > t.organization
                     ORDER BY n.organization, n.priority DESC, n.run_after, n.first_page, n.id LIMIT 1),
                    t.id, t.organization, t.priority, t.run_after, t.first_page
             FROM tasks t WHERE t.id = (SELECT a.id FROM tasks a WHERE a.state = 'ready'
                     ORDER BY a.organization, a.priority DESC, a.run_after, a.first_page, a.id LIMIT 1)",
            "SELECT (SELECT n.id FROM tasks n WHERE n.state = 'ready' AND n.organization > t.organization
                     ORDER BY n.organization, n.priority DESC, n.run_after, n.first_page, n.id LIMIT 1),
                    t.id, t.organization, t.priority, t.run_after, t.first_page
             FROM firsts JOIN tasks t ON t.id = firsts.next"
        )
    };
    // From the index alone, and with no join, for which a plan might read the whole of a small table for each organization.
    (postgres) => {
        firsts!(
            "(SELECT a.id, a.id, a.organization, a.priority, a.run_after, a.first_page FROM tasks a WHERE a.state = 'ready'
              ORDER BY a.organization, a.priority DESC, a.run_after, a.first_page, a.id LIMIT 1)",
            "SELECT following.* FROM firsts CROSS JOIN LATERAL (
                 SELECT n.id AS next, n.id, n.organization, n.priority, n.run_after, n.first_page
                 FROM tasks n WHERE n.state = 'ready' AND n.organization > firsts.organization
                 ORDER BY n.organization, n.priority DESC, n.run_after, n.first_page, n.id LIMIT 1) AS following"
        )
    };
}

/// When an organization was served last.
macro_rules! served {
    ($of:literal) => {
        concat!(
            "COALESCE((SELECT max(s.started_at) FROM tasks s WHERE s.organization = ",
            $of,
            ".organization AND s.started_at IS NOT NULL), 0) AS served"
        )
    };
}

/// The first claimable task of each of these organizations.
macro_rules! heads {
    ($engine:ident) => {
        concat!(
            firsts!($engine),
            ", claimable AS (
                 SELECT f.organization, f.task, f.priority, f.run_after, f.first_page FROM firsts f WHERE f.run_after <= $1
                 UNION ALL
                 SELECT f.organization, t.id, t.priority, t.run_after, t.first_page
                 FROM firsts f JOIN tasks t ON t.id = (
                     SELECT h.id FROM tasks h WHERE h.state = 'ready' AND h.organization = f.organization AND h.run_after <= $1
                     ORDER BY h.priority DESC, h.run_after, h.first_page, h.id LIMIT 1)
                 WHERE f.run_after > $1
             ),
             heads AS (
                 SELECT c.organization, COALESCE(running.tasks, 0) AS running, c.task, c.priority, c.run_after, c.first_page, ",
            served!("c"),
            " FROM claimable c LEFT JOIN running ON running.organization = c.organization
             )"
        )
    };
}

/// The same below the limits: of organizations that have room, the first claimable task of each stage that has room. The stage without
/// a name is that of tasks which a process of an older version made.
macro_rules! limited_heads {
    ($engine:ident) => {
        concat!(
            firsts!($engine),
            ", roomy AS (
                 SELECT f.organization, COALESCE(running.tasks, 0) AS running
                 FROM firsts f JOIN organizations o ON o.id = f.organization LEFT JOIN running ON running.organization = f.organization
                 WHERE COALESCE(running.tasks, 0) < COALESCE(o.max_running_tasks, CAST($4 AS BIGINT))
             ),
             stages AS (
                 SELECT l.stage FROM (
                     SELECT 'ocr' AS stage, CAST($5 AS BIGINT) AS most UNION ALL SELECT 'parse', CAST($6 AS BIGINT)
                     UNION ALL SELECT 'ai', CAST($7 AS BIGINT) UNION ALL SELECT 'report', CAST($8 AS BIGINT)
                     UNION ALL SELECT '', CAST(9223372036854775807 AS BIGINT)
                 ) l
                 WHERE (SELECT count(*) FROM tasks q WHERE q.state = 'running' AND q.stage = l.stage) < l.most
             ),
             heads AS (
                 SELECT roomy.organization, roomy.running, stages.stage, t.id AS task, t.priority, t.run_after, t.first_page, ",
            served!("roomy"),
            " FROM roomy CROSS JOIN stages JOIN tasks t ON t.id = (
                     SELECT h.id FROM tasks h WHERE h.state = 'ready' AND h.organization = roomy.organization AND h.stage = stages.stage
                         AND h.run_after <= $1
                     ORDER BY h.priority DESC, h.run_after, h.first_page, h.id LIMIT 1)
             )"
        )
    };
}

/// The fairest order of heads.
macro_rules! fairest {
    () => {
        " FROM heads ORDER BY heads.running, heads.priority DESC, heads.served, heads.run_after, heads.first_page, heads.task"
    };
}

/// Takes the first task of these heads.
macro_rules! first_of {
    ($heads:expr) => {
        concat!($heads, take!("SELECT heads.task", fairest!(), " LIMIT 1"))
    };
}

/// The same where others claim, too: the first task of the fairest lane, told by these columns, that no other claimer has locked.
macro_rules! first_unlocked_of {
    ($heads:expr, $first:literal $(, $column:literal)*) => {
        concat!(
            $heads,
            ", ranked AS MATERIALIZED (SELECT heads.", $first, $(", heads.", $column,)* fairest!(), "),
             picked AS MATERIALIZED (
                 SELECT candidate.id FROM ranked CROSS JOIN LATERAL (
                     SELECT c.id FROM tasks c WHERE c.state = 'ready' AND c.run_after <= $1
                         AND c.", $first, " = ranked.", $first, $(" AND c.", $column, " = ranked.", $column,)*
            " ORDER BY c.priority DESC, c.run_after, c.first_page, c.id LIMIT 1 FOR UPDATE SKIP LOCKED
                 ) AS candidate LIMIT 1
             )",
            take!("SELECT picked.id FROM picked")
        )
    };
}

macro_rules! take {
    ($($which:expr),+) => {
        concat!(
            " UPDATE tasks SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = $2, lease_until = $3, started_at = $1
              WHERE id = (",
            $($which,)+
            ") AND state = 'ready'
              RETURNING id, organization, job, stage_index, kind, first_page, last_page, attempt, max_attempts, fence"
        )
    };
}

sql! {
    CLAIM = sqlite first_of!(heads!(sqlite)), postgres first_unlocked_of!(heads!(postgres), "organization");
    CLAIM_LIMITED = sqlite first_of!(limited_heads!(sqlite)), postgres first_unlocked_of!(limited_heads!(postgres), "organization", "stage");
    // A row where there is any limit. On PostgreSQL claimers then take turns until they have committed: two at once would both see
    // the last free place. SQLite has one writer.
    LIMITED =
        sqlite "SELECT 1 AS n WHERE $1 OR EXISTS (SELECT 1 FROM organizations o WHERE o.max_running_tasks IS NOT NULL)",
        postgres "SELECT (SELECT CAST(1 AS BIGINT) FROM pg_advisory_xact_lock(7105236)) AS n
                  WHERE $1 OR EXISTS (SELECT 1 FROM organizations o WHERE o.max_running_tasks IS NOT NULL)";
    DETAILS =
        "SELECT j.status, j.plan, j.pages_total, j.created_at AS job_created_at, s.stage, s.attempt_started_at,
                d.id AS document, d.name, d.media_type, d.size_bytes, d.sha256, o.object_key
         FROM jobs j
         JOIN stage_runs s ON s.job = j.id AND s.stage_index = $3
         JOIN documents d ON d.id = j.document
         JOIN originals o ON o.organization = d.organization AND o.sha256 = d.sha256
         WHERE j.organization = $1 AND j.id = $2";
    START_JOB =
        "UPDATE jobs SET status = 'running', started_at = $3 WHERE organization = $1 AND id = $2 AND status = 'queued'";
    START_ATTEMPT =
        "UPDATE stage_runs SET status = 'running', attempt = attempt + 1, attempt_started_at = $4, started_at = COALESCE(started_at, $4)
         WHERE organization = $1 AND job = $2 AND stage_index = $3 AND attempt_started_at IS NULL
         RETURNING attempt";
}

/// How often a claim looks again after a job's row was busy.
const ROUNDS: u32 = 20;

/// Takes the next task for `lease`: of the organization with the fewest running tasks, then by priority, then of the organization that
/// was served longest ago (with a single slot nothing runs when it becomes free), then the one that waits longest. `None` when nothing can be claimed now. A job that this version cannot read is failed (and counted) on the way.
///
/// # Errors
/// The database's.
pub async fn claim(store: &Store, worker: WorkerId, lease: Duration) -> Result<Option<ClaimedTask>, StoreError> {
    let mut busy = 0;
    while busy < ROUNDS {
        let now = store.ambient().now();
        let mut tx = store.write().await?;
        let Some(row) = take(&mut tx, worker, now, lease).await? else { return Ok(None) };
        match begin(&mut tx, worker, now, &row).await {
            Ok(Some(task)) => return tx.commit().await.map(|()| Some(task)),
            Ok(None) => drop(tx),
            Err(StoreError::Unreadable(what)) => {
                if give_up(tx, &row, &what).await? {
                    continue;
                }
            }
            Err(error) => return Err(error),
        }
        // The job's row is busy for a moment; nothing was taken.
        busy += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(None)
}

/// The row of the task that was taken.
async fn take(tx: &mut Tx, worker: WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Row>, StoreError> {
    let limits = tx.store().queue_limits();
    let mut arguments = args![now, worker, now.plus(lease)];
    if tx.one(&LIMITED, args![limits.are_any()]).await?.is_none() {
        return tx.one(&CLAIM, arguments).await;
    }
    arguments.push(QueueLimits::or_all(limits.per_organization).into());
    arguments.extend(limits.per_stage.map(|most| QueueLimits::or_all(most).into()));
    tx.one(&CLAIM_LIMITED, arguments).await
}

/// Fails the claimed job instead of starting it; whether its row was free for that.
async fn give_up(mut tx: Tx, row: &Row, what: &str) -> Result<bool, StoreError> {
    let (organization, job): (OrganizationId, JobId) = (row.get("organization")?, row.get("job")?);
    if !try_lock(&mut tx, organization, job).await? {
        return Ok(false);
    }
    let committed = fail_unreadable(&mut tx, organization, job, row.get("id")?, what).await?;
    let metrics = tx.store().metrics().clone();
    tx.commit().await?;
    committed.count(&metrics);
    Ok(true)
}

/// Reads what the worker needs, and starts job and stage if this is their first claim. `None` when the job's row is busy.
async fn begin(tx: &mut Tx, worker: WorkerId, now: Timestamp, row: &Row) -> Result<Option<ClaimedTask>, StoreError> {
    let (organization, job, stage_index): (OrganizationId, JobId, u32) =
        (row.get("organization")?, row.get("job")?, row.get("stage_index")?);
    let mut details = details(tx, organization, job, stage_index).await?;
    let mut job_was_queued_seconds = None;
    if needs_start(&details)? {
        if !try_lock(tx, organization, job).await? {
            return Ok(None);
        }
        job_was_queued_seconds = start(tx, organization, job, stage_index, now, &details).await?;
        details = self::details(tx, organization, job, stage_index).await?;
    }
    let (first, last): (u32, u32) = (row.get("first_page")?, row.get("last_page")?);
    Ok(Some(ClaimedTask {
        id: row.get::<TaskId>("id")?,
        fence: row.get("fence")?,
        worker,
        scope: Scope::system(organization),
        job,
        kind: row.get("kind")?,
        stage_index,
        stage: details.get("stage")?,
        range: PageNo::new(first).zip(PageNo::new(last)).map(|(first, last)| PageRange { first, last }),
        plan: details.json("plan")?,
        document: document(&details)?,
        attempt: row.get("attempt")?,
        max_attempts: row.get("max_attempts")?,
        pages_total: details.opt("pages_total")?,
        job_was_queued_seconds,
    }))
}

async fn details(tx: &mut Tx, organization: OrganizationId, job: JobId, stage_index: u32) -> Result<Row, StoreError> {
    let row = tx.one(&DETAILS, args![organization, job, stage_index]).await?;
    row.ok_or_else(|| unreadable("a task has no job, stage or document"))
}

fn needs_start(details: &Row) -> Result<bool, StoreError> {
    let status: JobStatus = details.get("status")?;
    Ok(status == JobStatus::Queued || details.opt::<Timestamp>("attempt_started_at")?.is_none())
}

/// Starts the job and the attempt of its stage, each unless it runs already; the seconds that the job was queued, if it starts.
async fn start(
    tx: &mut Tx,
    organization: OrganizationId,
    job: JobId,
    stage_index: u32,
    now: Timestamp,
    details: &Row,
) -> Result<Option<f64>, StoreError> {
    let starts_now = tx.run(&START_JOB, args![organization, job, now]).await? == 1;
    if starts_now {
        events::append(tx, organization, job, EventKind::Started, &json!({})).await?;
    }
    if let Some(row) = tx.one(&START_ATTEMPT, args![organization, job, stage_index, now]).await? {
        let (stage, attempt): (StageType, u32) = (details.get("stage")?, row.get("attempt")?);
        let payload = json!({ "stage": stage, "stage_index": stage_index, "attempt": attempt });
        events::append(tx, organization, job, EventKind::StageStarted, &payload).await?;
    }
    let created: Timestamp = details.get("job_created_at")?;
    Ok(starts_now.then(|| now.seconds_since(created)))
}

fn document(details: &Row) -> Result<ClaimedDocument, StoreError> {
    Ok(ClaimedDocument {
        id: details.get("document")?,
        object_key: details.get("object_key")?,
        media_type: details.get("media_type")?,
        size_bytes: details.get("size_bytes")?,
        sha256: details.get("sha256")?,
        name: details.get("name")?,
    })
}
