//! What happened inside of a job: its pages and its tasks, a part at a time.

use crp_model::{Failure, JobId, PageNo, Scope, StageType, TaskKind, TextSource, Timestamp, Warning, WorkerId};

use crate::{
    Store, StoreError,
    error::broken,
    paging::{self, NumberedPage},
    sql::{args, sql},
    transaction::Tx,
    value::{Column, Row},
};

/// A page of the document as the job read it.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRow {
    /// Its number.
    pub page: PageNo,
    /// Where its text came from.
    pub source: TextSource,
    /// Mean confidence of its words, 0 … 1.
    pub mean_confidence: Option<f32>,
    /// Seconds that it took.
    pub seconds: f64,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
    /// Why it could not be read.
    pub failure: Option<Failure>,
    /// Whether there is a small picture of it.
    pub has_thumbnail: bool,
}

/// A task of the job, in its newest attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRow {
    /// What is done.
    pub kind: TaskKind,
    /// The stage that it belongs to.
    pub stage: StageType,
    /// Its first page; `None` when it is about the whole document.
    pub first_page: Option<PageNo>,
    /// Its last page.
    pub last_page: Option<PageNo>,
    /// Its state.
    pub state: TaskState,
    /// Attempts so far.
    pub attempt: u32,
    /// Who works on it, or did.
    pub worker: Option<WorkerId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it may be claimed at the earliest.
    pub run_after: Timestamp,
    /// When its newest attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why its newest attempt failed.
    pub failure: Option<Failure>,
}

/// The states of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Waits for a worker.
    Ready,
    /// A worker holds its lease.
    Running,
    /// Done.
    Done,
    /// Given up.
    Failed,
    /// Cancelled with its job.
    Cancelled,
}

impl TaskState {
    /// Every state.
    pub const ALL: [TaskState; 5] = [TaskState::Ready, TaskState::Running, TaskState::Done, TaskState::Failed, TaskState::Cancelled];

    /// The name in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskState::Ready => "ready",
            TaskState::Running => "running",
            TaskState::Done => "done",
            TaskState::Failed => "failed",
            TaskState::Cancelled => "cancelled",
        }
    }
}

impl Column for TaskState {
    type Raw = String;
    fn read(raw: String) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw).ok_or(raw)
    }
}

sql! {
    EXISTS = "SELECT id FROM jobs WHERE organization = $1 AND id = $2";
    // Only the first stage reads pages.
    PAGES =
        "SELECT page, source, mean_confidence, seconds, warnings, failure, thumbnail_key IS NOT NULL AS has_thumbnail FROM pages
         WHERE organization = $1 AND job = $2 AND stage_index = 0 AND page > $3 ORDER BY page LIMIT $4";
    // Later tasks are made later, so the rows before a place stay the same; there are some thousands at most.
    TASKS =
        "SELECT t.kind, s.stage, t.first_page, t.last_page, t.state, t.attempt, t.worker, t.created_at, t.run_after, t.started_at,
                t.finished_at, t.failure
         FROM tasks t JOIN stage_runs s ON s.job = t.job AND s.stage_index = t.stage_index
         WHERE t.organization = $1 AND t.job = $2 ORDER BY t.stage_index, t.created_at, t.first_page, t.id LIMIT $4 OFFSET $3";
}

/// The pages that the job has saved, in order, after page `after` (0: from the first).
///
/// # Errors
/// `NotFound`.
pub async fn pages(store: &Store, scope: &Scope, job: JobId, after: u32, limit: u32) -> Result<NumberedPage<PageRow>, StoreError> {
    let limit = paging::clamp(limit);
    let mut tx = begin(store, scope, job).await?;
    let rows = tx.all(&PAGES, args![scope.organization, job, after, limit + 1]).await?;
    let pages = rows.iter().map(page).collect::<Result<_, _>>()?;
    Ok(paging::numbered(pages, limit, |_, page: &PageRow| page.page.get().into()))
}

/// The tasks of the job, in the order in which they were made, after the first `skipped`.
///
/// # Errors
/// `NotFound`.
pub async fn tasks(store: &Store, scope: &Scope, job: JobId, skipped: u32, limit: u32) -> Result<NumberedPage<TaskRow>, StoreError> {
    let limit = paging::clamp(limit);
    let mut tx = begin(store, scope, job).await?;
    let rows = tx.all(&TASKS, args![scope.organization, job, skipped, limit + 1]).await?;
    let tasks = rows.iter().map(task).collect::<Result<_, _>>()?;
    Ok(paging::numbered(tasks, limit, |at, _| u64::from(skipped) + at))
}

async fn begin(store: &Store, scope: &Scope, job: JobId) -> Result<Tx, StoreError> {
    let mut tx = store.read().await?;
    tx.one(&EXISTS, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    Ok(tx)
}

fn page(row: &Row) -> Result<PageRow, StoreError> {
    let source: String = row.get("source")?;
    // The nearest f32 is what was saved.
    #[allow(clippy::cast_possible_truncation, reason = "it came from an f32")]
    let mean_confidence = row.opt::<f64>("mean_confidence")?.map(|confidence| confidence as f32);
    Ok(PageRow {
        page: PageNo::new(row.get("page")?).ok_or_else(|| broken("a page has the number 0"))?,
        source: serde_json::from_value(source.into()).map_err(|e| broken(format!("a page's source is unknown: {e}")))?,
        mean_confidence,
        seconds: row.get("seconds")?,
        warnings: row.json("warnings")?,
        failure: row.opt_json("failure")?,
        has_thumbnail: row.get("has_thumbnail")?,
    })
}

fn task(row: &Row) -> Result<TaskRow, StoreError> {
    Ok(TaskRow {
        kind: row.get("kind")?,
        stage: row.get("stage")?,
        first_page: PageNo::new(row.get("first_page")?),
        last_page: PageNo::new(row.get("last_page")?),
        state: row.get("state")?,
        attempt: row.get("attempt")?,
        worker: row.opt("worker")?,
        created_at: row.get("created_at")?,
        run_after: row.get("run_after")?,
        started_at: row.opt("started_at")?,
        finished_at: row.opt("finished_at")?,
        failure: row.opt_json("failure")?,
    })
}
