//! Pages as they are read: each is saved once, in its own transaction, so that a crash costs one page at most.

use crp_model::{Failure, JobId, PageNo, PageRange, Scope, Sha256Hash, TextSource};
use serde_json::json;

use super::{ClaimedTask, SavedPage, held};
use crate::{
    Store, StoreError,
    error::broken,
    events::{self, EventKind},
    jobs::warnings,
    sql::{args, sql},
    transaction::Tx,
    value::{Row, Value},
};

/// Most bytes of a page's text that can be searched; ten thousand lines of print.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

sql! {
    EXISTS = "SELECT page FROM pages WHERE organization = $1 AND job = $2 AND stage_index = $3 AND page = $4";
    SAVE =
        "INSERT INTO pages (job, stage_index, page, organization, object_key, thumbnail_key, source, mean_confidence, seconds, warnings,
                            failure, saved_at, identity, reused_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (job, stage_index, page) DO UPDATE SET object_key = excluded.object_key, thumbnail_key = excluded.thumbnail_key,
             source = excluded.source, mean_confidence = excluded.mean_confidence, seconds = excluded.seconds,
             warnings = excluded.warnings, failure = excluded.failure, saved_at = excluded.saved_at,
             identity = excluded.identity, reused_from = excluded.reused_from";
    SAVE_TEXT =
        "INSERT INTO page_texts (job, page, organization, content) VALUES ($1, $2, $3, $4)
         ON CONFLICT (job, page) DO UPDATE SET content = excluded.content";
    COUNT_UP = "UPDATE jobs SET pages_done = pages_done + 1 WHERE organization = $1 AND id = $2 RETURNING pages_done, pages_total";
    LIST =
        "SELECT page, object_key, thumbnail_key, source, mean_confidence, seconds, warnings, failure, identity, reused_from FROM pages
         WHERE organization = $1 AND job = $2 AND stage_index = $3 ORDER BY page";
    READ_BEFORE =
        "SELECT p.page, p.object_key, p.thumbnail_key, p.source, p.mean_confidence, p.seconds, p.warnings, p.failure, p.identity,
                p.job AS reused_from
         FROM documents d JOIN jobs j ON j.document = d.id JOIN pages p ON p.job = j.id
         WHERE d.organization = $1 AND d.sha256 = $2 AND p.organization = $1 AND p.job <> $3 AND p.identity = $4
             AND p.failure IS NULL AND p.object_key IS NOT NULL AND p.page BETWEEN $5 AND $6
         ORDER BY p.page, p.saved_at DESC, p.job";
    COUNT_REUSED = "SELECT count(*) AS n FROM pages WHERE organization = $1 AND job = $2 AND reused_from IS NOT NULL";
    JOB_EXISTS = "SELECT id FROM jobs WHERE organization = $1 AND id = $2";
    IN_RANGE =
        "SELECT count(*) AS n, count(failure) AS failed FROM pages
         WHERE organization = $1 AND job = $2 AND stage_index = $3 AND page BETWEEN $4 AND $5";
    COUNT = "SELECT count(*) AS n, count(failure) AS failed FROM pages WHERE organization = $1 AND job = $2 AND stage_index = $3";
    FIRST_FAILURE =
        "SELECT failure FROM pages
         WHERE organization = $1 AND job = $2 AND stage_index = $3 AND failure IS NOT NULL ORDER BY page LIMIT 1";
}

/// Saves one page of a `pages` task with its text, or saves it again; whether it is the first time in this job (count it then, and only
/// then). The text enters the index when the job has succeeded.
///
/// # Errors
/// `Fenced`; then nothing has changed.
pub async fn save_page(store: &Store, task: &ClaimedTask, page: &SavedPage, text: &str) -> Result<bool, StoreError> {
    let inside = task.range.is_some_and(|range| (range.first..=range.last).contains(&page.page));
    if !inside {
        return Err(broken(format!("page {} is not one of this task", page.page)));
    }
    let (mut tx, job) = held::begin(store, task).await?;
    let known = tx.one(&EXISTS, args![job.organization, job.id, task.stage_index, page.page.get()]).await?.is_some();
    save(&mut tx, task, page).await?;
    let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    tx.run(&SAVE_TEXT, args![job.id, page.page.get(), job.organization, text]).await?;
    if !known {
        warnings::tell(&mut tx, job.organization, job.id, &page.warnings).await?;
        let row = tx.one(&COUNT_UP, args![job.organization, job.id]).await?.ok_or(StoreError::Fenced)?;
        let (done, total): (u32, Option<u32>) = (row.get("pages_done")?, row.opt("pages_total")?);
        let payload = json!({ "page": page.page, "pages_done": done, "pages_total": total });
        events::append(&mut tx, job.organization, job.id, EventKind::Progress, &payload).await?;
    }
    tx.commit().await?;
    Ok(!known)
}

async fn save(tx: &mut Tx, task: &ClaimedTask, page: &SavedPage) -> Result<(), StoreError> {
    let source = serde_json::to_value(page.source).unwrap_or_default();
    let row = args![
        task.job,
        task.stage_index,
        page.page.get(),
        task.scope.organization,
        page.object_key.as_ref(),
        page.thumbnail_key.as_ref(),
        source.as_str(),
        page.mean_confidence.map(f64::from),
        page.seconds,
        Value::json(&page.warnings),
        Value::json_or_null(page.failure.as_ref()),
        tx.store().ambient().now(),
        page.identity,
        page.reused_from,
    ];
    tx.run(&SAVE, row).await.map(drop)
}

/// The saved pages of a stage, in order. A worker that goes on after a crash leaves out those that are here without a failure.
///
/// # Errors
/// `NotFound` when the organization has no such job.
pub async fn saved_pages(store: &Store, scope: &Scope, job: JobId, stage_index: u32) -> Result<Vec<SavedPage>, StoreError> {
    let mut tx = store.read().await?;
    tx.one(&JOB_EXISTS, args![scope.organization, job]).await?.ok_or(StoreError::NotFound)?;
    tx.all(&LIST, args![scope.organization, job, stage_index]).await?.iter().map(read).collect()
}

/// Pages of the task's range that an earlier job of the same organization read from the same bytes in the same way (`identity`), each
/// once, the one that was saved last; `reused_from` names their job.
///
/// # Errors
/// The database's.
pub async fn pages_read_before(store: &Store, task: &ClaimedTask, identity: Sha256Hash) -> Result<Vec<SavedPage>, StoreError> {
    let Some(range) = task.range else { return Ok(Vec::new()) };
    let mut tx = store.read().await?;
    let place = args![task.scope.organization, task.document.sha256, task.job, identity, range.first.get(), range.last.get()];
    let mut pages: Vec<SavedPage> = tx.all(&READ_BEFORE, place).await?.iter().map(read).collect::<Result<_, _>>()?;
    pages.dedup_by_key(|page| page.page);
    Ok(pages)
}

/// How many pages of the job an earlier job had read.
pub(crate) async fn count_reused(tx: &mut Tx, scope: &Scope, job: JobId) -> Result<u32, StoreError> {
    tx.one(&COUNT_REUSED, args![scope.organization, job]).await?.map_or(Ok(0), |row| row.get("n"))
}

/// Whether every page of the range is saved and none of them failed.
pub(super) async fn is_saved(tx: &mut Tx, task: &ClaimedTask, range: PageRange) -> Result<bool, StoreError> {
    let (saved, failed) = in_range(tx, task, range).await?;
    Ok(saved == length(range) && failed == 0)
}

/// Refuses unless every page of the task's range is saved, failed ones included.
pub(super) async fn expect_all_of_range(tx: &mut Tx, task: &ClaimedTask) -> Result<(), StoreError> {
    let range = task.range.ok_or_else(|| broken("a task for pages has no pages"))?;
    let (saved, _) = in_range(tx, task, range).await?;
    if saved == length(range) {
        return Ok(());
    }
    Err(broken(format!("{saved} of the pages {} to {} were saved", range.first, range.last)))
}

/// How many pages of the stage are saved.
pub(super) async fn count(tx: &mut Tx, task: &ClaimedTask) -> Result<u32, StoreError> {
    tx.one(&COUNT, args![task.scope.organization, task.job, task.stage_index]).await?.map_or(Ok(0), |row| row.get("n"))
}

/// How many pages of the stage failed, and how the first one did.
pub(super) async fn failed(tx: &mut Tx, task: &ClaimedTask) -> Result<(u32, Option<Failure>), StoreError> {
    let place = || args![task.scope.organization, task.job, task.stage_index];
    let failed = tx.one(&COUNT, place()).await?.map_or(Ok(0), |row| row.get("failed"))?;
    let first = tx.one(&FIRST_FAILURE, place()).await?.map(|row| row.json("failure")).transpose()?;
    Ok((failed, first))
}

async fn in_range(tx: &mut Tx, task: &ClaimedTask, range: PageRange) -> Result<(u32, u32), StoreError> {
    let place = args![task.scope.organization, task.job, task.stage_index, range.first.get(), range.last.get()];
    let row = tx.one(&IN_RANGE, place).await?.ok_or(StoreError::NotFound)?;
    Ok((row.get("n")?, row.get("failed")?))
}

fn length(range: PageRange) -> u32 {
    range.last.get() - range.first.get() + 1
}

fn read(row: &Row) -> Result<SavedPage, StoreError> {
    let source: String = row.get("source")?;
    let source: TextSource = serde_json::from_value(source.into()).map_err(|e| broken(format!("a page's source is unknown: {e}")))?;
    let page = PageNo::new(row.get("page")?).ok_or_else(|| broken("a page has the number 0"))?;
    // The nearest f32 is what was saved.
    #[allow(clippy::cast_possible_truncation, reason = "it came from an f32")]
    let mean_confidence = row.opt::<f64>("mean_confidence")?.map(|confidence| confidence as f32);
    Ok(SavedPage {
        page,
        object_key: row.opt("object_key")?,
        thumbnail_key: row.opt("thumbnail_key")?,
        source,
        mean_confidence,
        seconds: row.get("seconds")?,
        warnings: row.json("warnings")?,
        failure: row.opt_json("failure")?,
        identity: row.opt("identity")?,
        reused_from: row.opt("reused_from")?,
    })
}
