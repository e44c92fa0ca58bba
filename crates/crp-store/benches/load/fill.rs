//! Rows by the million: organizations, documents and jobs as an import leaves them, with tasks that wait or with none.

use crp_model::{OrganizationId, PipelineFile, Scope};
use crp_store::{Store, organizations};

use crate::{Outcome, raw::Raw};

/// Pages of each job; one task for each.
pub(crate) const PAGES: u64 = 10;
/// Pages of each document of an archive.
pub(crate) const ARCHIVE_PAGES: u64 = 5;

/// Makes organizations.
pub(crate) async fn organizations(store: &Store, number: u32) -> Outcome<Vec<OrganizationId>> {
    let mut all = Vec::new();
    for n in 0..number {
        let made = organizations::create(store, &format!("organization {n}"), &["eng".to_owned()]).await;
        all.push(made.map_err(|error| error.failure().to_string())?);
    }
    Ok(all)
}

/// The id that the statements write as `{id:SERIES:NUMBER}`.
pub(crate) fn id(series: char, number: u64) -> uuid::Uuid {
    uuid::Uuid::parse_str(&format!("019000000000700{series}8000{number:012x}")).expect("32 hexadecimal digits")
}

/// Acts for the system in an organization.
pub(crate) fn scope(organization: OrganizationId) -> Scope {
    Scope::system(organization)
}

/// Jobs with the numbers `from … to`, in turn of each organization; each runs, was opened, and has one task per page, which waits.
/// Their pages are saved, so that a task can be completed.
pub(crate) async fn waiting(raw: &mut Raw, organizations: u32, from: u64, to: u64) -> Outcome<()> {
    documents(raw, organizations, from, to, PAGES, "running").await?;
    let pages = series("p", 1, PAGES);
    let jobs = series("n", from, to);
    raw.run(&format!(
        "{jobs}, {pages} INSERT INTO tasks (id, organization, job, stage_index, stage, kind, first_page, last_page, state, priority, run_after,
             attempt, max_attempts, fence, created_at)
         SELECT {{id:4:n.i * {PAGES} + p.i}}, j.organization, j.id, 0, 'ocr', 'pages', p.i, p.i, 'ready', 0, j.created_at, 0, 3, 0, j.created_at
         FROM n JOIN jobs j ON j.id = {{id:3:n.i}} CROSS JOIN p"
    ))
    .await?;
    raw.run(&format!(
        "{jobs}, {pages} INSERT INTO pages (job, stage_index, page, organization, object_key, thumbnail_key, source, mean_confidence, seconds,
             warnings, saved_at)
         SELECT j.id, 0, p.i, j.organization, 'pages/' || p.i, 'thumbnails/' || p.i, 'ocr', 0.9, 1.0, '[]', j.created_at
         FROM n JOIN jobs j ON j.id = {{id:3:n.i}} CROSS JOIN p"
    ))
    .await
}

/// Documents with the numbers `from … to` and a finished job each, not in the index of words yet.
pub(crate) async fn archive(raw: &mut Raw, organizations: u32, from: u64, to: u64) -> Outcome<()> {
    documents(raw, organizations, from, to, ARCHIVE_PAGES, "succeeded").await
}

async fn documents(raw: &mut Raw, organizations: u32, from: u64, to: u64, pages: u64, status: &str) -> Outcome<()> {
    let plan = PipelineFile::parse(PipelineFile::BUILT_IN[0])?.plan(0, &["eng".to_owned()]);
    let plan = serde_json::to_string(&plan)?.replace('\'', "''");
    let jobs = series("n", from, to);
    // Organizations in turn, in the order that they were made; each job later than the one before.
    let owned = format!(
        "{jobs}, o (k, id) AS (SELECT row_number() OVER (ORDER BY id) - 1, id FROM organizations),
         owned (i, organization) AS (SELECT n.i, o.id FROM n JOIN o ON o.k = n.i % {organizations})"
    );
    let created = "1760000000000000 + n.i * 1000000";
    let finished = if status == "succeeded" { "j.created_at + 5000000" } else { "NULL" };
    for text in [
        format!(
            "{owned} INSERT INTO originals (organization, sha256, object_key, size_bytes, created_at)
             SELECT n.organization, {{hash:n.i}}, 'originals/' || n.i, 500000, {created} FROM owned n"
        ),
        format!(
            "{owned} INSERT INTO documents (id, organization, sha256, name, media_type, size_bytes, pages_total, created_at, sort_title)
             SELECT {{id:2:n.i}}, n.organization, {{hash:n.i}}, 'scan ' || n.i || '.pdf', 'application/pdf', 500000, {pages}, {created},
                    'scan ' || n.i FROM owned n"
        ),
        format!(
            "{jobs} INSERT INTO jobs (id, organization, document, status, plan, priority, pages_total, pages_done, cancel_requested, last_event,
                 created_at, started_at, changed_at)
             SELECT {{id:3:n.i}}, d.organization, d.id, '{status}', '{PLAN}', 0, {pages}, 0, FALSE, 0, d.created_at, d.created_at,
                    d.created_at FROM n JOIN documents d ON d.id = {{id:2:n.i}}"
        ),
        format!(
            "{jobs} INSERT INTO stage_runs (job, stage_index, organization, stage, status, attempt, tasks_total, tasks_done, tasks_open,
                 warnings, attempt_started_at, started_at, finished_at)
             SELECT j.id, 0, j.organization, 'ocr', '{status}', 1, {pages} + 1, 1, {pages}, '[]',
                    CASE WHEN '{status}' = 'running' THEN j.created_at END, j.created_at, {finished}
             FROM n JOIN jobs j ON j.id = {{id:3:n.i}}"
        ),
    ] {
        raw.run_with(&text, PLAN, &plan).await?;
    }
    if status == "succeeded" {
        raw.run(&format!("{jobs} UPDATE jobs SET finished_at = created_at + 5000000 WHERE id IN (SELECT {{id:3:n.i}} FROM n)")).await?;
    }
    Ok(())
}

/// Stands for a text that has braces itself.
const PLAN: &str = "@plan@";

/// `WITH` or its continuation: a table of one column `i`.
fn series(name: &str, from: u64, to: u64) -> String {
    let start = if name == "n" { "WITH RECURSIVE " } else { "" };
    format!("{start}{name} (i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM {name} WHERE i < {to})")
}
