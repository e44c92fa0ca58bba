//! Retention: after how many days documents go to the trash, and which are due now. Without a word about it they stay for ever.
//!
//! A pipeline's retention goes before the organization's. Of a document with several jobs the longest counts, whatever became of
//! the jobs: what one pipeline must keep, another cannot take away. A document on hold, or with a job that has not ended, is not due.

use std::{collections::BTreeMap, time::Duration};

use crp_model::{DocumentId, OrganizationId, Scope, Timestamp};
use serde_json::json;

use crate::{
    Store, StoreError, audit, documents,
    sql::{Composed, args, sql},
    transaction::Tx,
};

/// Longest retention, in days.
pub const MAX_RETENTION_DAYS: u32 = 36_500;
/// Most pipelines with a retention of their own.
pub const MAX_RETENTION_PIPELINES: usize = 500;
/// The end of the time of what is kept for ever: no document is that old.
const NEVER: Timestamp = Timestamp(i64::MIN);

/// How long an organization keeps its documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days from the upload; `None` keeps them for ever.
    pub days: Option<u32>,
    /// The same for pipelines that have a retention of their own, by name.
    pub pipelines: BTreeMap<String, Option<u32>>,
}

/// Documents that a retention is about at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Those that would go to the trash.
    pub documents: u64,
    /// Those that only their hold keeps.
    pub on_hold: u64,
}

sql! {
    ORGANIZATION = "SELECT retention_days FROM organizations WHERE id = $1";
    LOCK = "SELECT retention_days FROM organizations WHERE id = $1" + postgres "FOR UPDATE";
    PIPELINES = "SELECT pipeline, retention_days FROM pipeline_retentions WHERE organization = $1 ORDER BY pipeline";
    SET = "UPDATE organizations SET retention_days = $2 WHERE id = $1";
    CLEAR = "DELETE FROM pipeline_retentions WHERE organization = $1";
    ADD = "INSERT INTO pipeline_retentions (organization, pipeline, retention_days) VALUES ($1, $2, $3)";
    WITH_RETENTION =
        "SELECT id AS organization FROM organizations WHERE retention_days IS NOT NULL
         UNION SELECT organization FROM pipeline_retentions WHERE retention_days IS NOT NULL ORDER BY organization";
}

/// How long the organization keeps its documents.
///
/// # Errors
/// `NotFound`.
pub async fn get(store: &Store, scope: &Scope) -> Result<Retention, StoreError> {
    let mut tx = store.read().await?;
    get_in(&mut tx, scope).await
}

async fn get_in(tx: &mut Tx, scope: &Scope) -> Result<Retention, StoreError> {
    let own = tx.one(&ORGANIZATION, args![scope.organization]).await?.ok_or(StoreError::NotFound)?;
    let rows = tx.all(&PIPELINES, args![scope.organization]).await?;
    let pipelines = rows.iter().map(|row| Ok((row.get("pipeline")?, row.opt("retention_days")?))).collect::<Result<_, StoreError>>()?;
    Ok(Retention { days: own.opt("retention_days")?, pipelines })
}

/// Sets all of it; what was set before and is not named any more is gone. Nothing is moved by this: the next upkeep does it.
/// The caller has checked days and names.
///
/// # Errors
/// `NotFound`.
pub async fn set(store: &Store, scope: &Scope, retention: &Retention) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    // Two who set it at once: the later one replaces all of the earlier one's.
    tx.one(&LOCK, args![scope.organization]).await?.ok_or(StoreError::NotFound)?;
    let before = get_in(&mut tx, scope).await?;
    if before == *retention {
        return Ok(());
    }
    tx.run(&SET, args![scope.organization, retention.days]).await?;
    tx.run(&CLEAR, args![scope.organization]).await?;
    for (pipeline, days) in &retention.pipelines {
        tx.run(&ADD, args![scope.organization, pipeline.as_str(), *days]).await?;
    }
    let told = |retention: &Retention| json!({ "days": retention.days, "pipelines": retention.pipelines });
    let detail = json!({ "retention": told(retention), "before": told(&before) });
    audit::append(&mut tx, scope, "organization.retention_set", Some(scope.organization.0), &detail).await?;
    tx.commit().await
}

/// How many documents this retention would move to the trash now, whether it is set or only thought of.
///
/// # Errors
/// The database's.
pub async fn affected(store: &Store, scope: &Scope, retention: &Retention) -> Result<Affected, StoreError> {
    let mut sql = Composed::new("COUNT_DUE");
    sql.add("SELECT count(*) AS documents, count(d.held_at) AS on_hold", vec![]);
    add_due(&mut sql, scope, retention, store.ambient().now());
    let mut tx = store.read().await?;
    let rows = tx.composed(sql).await?;
    let row = rows.first().ok_or(StoreError::NotFound)?;
    let (all, on_hold): (u64, u64) = (row.get("documents")?, row.get("on_hold")?);
    Ok(Affected { documents: all.saturating_sub(on_hold), on_hold })
}

/// Documents whose time is over, of every organization, the oldest first; of each up to `limit_each`.
///
/// # Errors
/// The database's.
pub async fn due(store: &Store, limit_each: u32) -> Result<Vec<(OrganizationId, DocumentId)>, StoreError> {
    let mut tx = store.read().await?;
    let mut due = Vec::new();
    for row in tx.all(&WITH_RETENTION, args![]).await? {
        let scope = Scope::system(row.get("organization")?);
        let retention = get_in(&mut tx, &scope).await?;
        let mut sql = Composed::new("LIST_DUE");
        sql.add("SELECT d.id", vec![]);
        add_due(&mut sql, &scope, &retention, store.ambient().now());
        sql.add("AND d.held_at IS NULL ORDER BY COALESCE(d.kept_from, d.created_at), d.id LIMIT ?", args![limit_each]);
        for document in tx.composed(sql).await? {
            due.push((scope.organization, document.get("id")?));
        }
    }
    Ok(due)
}

/// Moves a document to the trash if its time is over by what is set now; whether it did.
///
/// # Errors
/// `NotFound`; `document_on_hold`.
pub async fn expire(store: &Store, scope: &Scope, document: DocumentId) -> Result<bool, StoreError> {
    let mut tx = store.write().await?;
    // The lock comes first: a job that is added meanwhile is seen by the question, or sees the trash.
    documents::lock(&mut tx, scope, document).await?;
    let retention = get_in(&mut tx, scope).await?;
    let mut sql = Composed::new("IS_DUE");
    sql.add("SELECT COALESCE(d.kept_from, d.created_at) AS kept_from", vec![]);
    add_due(&mut sql, scope, &retention, store.ambient().now());
    sql.add("AND d.id = ?", args![document]);
    let rows = tx.composed(sql).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let kept_from: Timestamp = row.get("kept_from")?;
    let Some(name) = documents::move_in(&mut tx, scope, document).await? else { return Ok(false) };
    let detail = json!({ "name": name, "kept_from": kept_from.rfc3339() });
    audit::append(&mut tx, scope, "document.expired", Some(document.0), &detail).await?;
    tx.commit().await?;
    Ok(true)
}

/// `FROM` and `WHERE` of the documents `d` that are due, those on hold among them.
fn add_due(sql: &mut Composed, scope: &Scope, retention: &Retention, now: Timestamp) {
    let end = |days: Option<u32>| days.map_or(NEVER, |days| now.minus(Duration::from_secs(u64::from(days) * 24 * 3600)));
    let own = end(retention.days);
    let latest = retention.pipelines.values().map(|days| end(*days)).fold(own, Timestamp::max);
    sql.add("FROM documents d WHERE d.organization = ? AND d.trashed_at IS NULL", args![scope.organization]);
    sql.add("AND COALESCE(d.kept_from, d.created_at) <= ?", args![latest]);
    sql.add(
        "AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.document = d.id AND (j.status IN ('queued', 'running')
           OR COALESCE(d.kept_from, d.created_at) > ",
        vec![],
    );
    if retention.pipelines.is_empty() {
        sql.add("?", args![own]);
    } else {
        sql.add("CASE j.plan ->> 'pipeline'", vec![]);
        for (pipeline, days) in &retention.pipelines {
            sql.add("WHEN ? THEN ?", args![pipeline.as_str(), end(*days)]);
        }
        sql.add("ELSE ? END", args![own]);
    }
    sql.add("))", vec![]);
    // A document without any job is the organization's alone.
    sql.add("AND (COALESCE(d.kept_from, d.created_at) <= ? OR EXISTS (SELECT 1 FROM jobs k WHERE k.document = d.id))", args![own]);
}
