//! An upload becomes a document and its first job: all of it in one transaction.

use std::time::Duration;

use crp_model::{DocumentId, ObjectKey, Scope, Sha256Hash};
use serde_json::json;

use super::{Added, NewDocument};
use crate::{
    Store, StoreError, audit,
    error::broken,
    jobs::insert::insert_job,
    search::{index, words::fold},
    sql::{args, sql},
    transaction::Tx,
};

/// How long an answer is kept for a request that is sent again with its `Idempotency-Key`.
const REPLAYED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

sql! {
    // Setting a column to itself returns the row that is there already, and holds its lock until the commit.
    LINK_ORIGINAL =
        "INSERT INTO originals (organization, sha256, object_key, size_bytes, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization, sha256) DO UPDATE SET size_bytes = originals.size_bytes RETURNING object_key";
    FIRST_WITH_SAME_BYTES =
        "SELECT id FROM documents WHERE organization = $1 AND sha256 = $2 ORDER BY created_at, id LIMIT 1";
    ADD_DOCUMENT =
        "INSERT INTO documents (id, organization, sha256, name, media_type, size_bytes, duplicate_of, created_by, created_at, sort_title)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    FIND_KEY =
        "SELECT k.sha256, k.pipeline, k.document, k.job, d.duplicate_of
         FROM idempotency_keys k JOIN documents d ON d.id = k.document
         WHERE k.organization = $1 AND k.idempotency_key = $2 AND k.created_at > $3";
    ADD_KEY =
        "INSERT INTO idempotency_keys (organization, idempotency_key, sha256, pipeline, document, job, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization, idempotency_key) DO NOTHING";
    FORGET_OLD_KEYS = "DELETE FROM idempotency_keys WHERE created_at <= $1";
}

/// Adds a document whose bytes are stored already, and its first job. The same bytes in the same organization are linked to the
/// object that is there; a request that is sent again with its `Idempotency-Key` gets the first answer again.
///
/// # Errors
/// `Conflict` when the key was used for other bytes or another pipeline.
pub async fn add_with_job(store: &Store, scope: &Scope, new: NewDocument) -> Result<Added, StoreError> {
    // Two requests with one key at the same moment: the one that loses finds the winner's answer in its second round.
    for _ in 0..2 {
        let mut tx = store.write().await?;
        if let Some(answer) = replay(&mut tx, scope, &new).await? {
            return Ok(answer);
        }
        if let Some(added) = add(&mut tx, scope, &new).await? {
            tx.commit().await?;
            return Ok(added);
        }
    }
    Err(broken("The Idempotency-Key is taken, and by nobody"))
}

/// The answer to an earlier request with the same key.
async fn replay(tx: &mut Tx, scope: &Scope, new: &NewDocument) -> Result<Option<Added>, StoreError> {
    let Some(key) = &new.idempotency_key else { return Ok(None) };
    let since = tx.store().ambient().now().minus(REPLAYED_FOR);
    let Some(row) = tx.one(&FIND_KEY, args![scope.organization, key.as_str(), since]).await? else { return Ok(None) };
    let (sha256, pipeline): (Sha256Hash, String) = (row.get("sha256")?, row.get("pipeline")?);
    if sha256 != new.sha256 || pipeline != pipeline_of(new) {
        let sentence = "This Idempotency-Key was used for another file or pipeline; send a new key with a new request.";
        return Err(StoreError::Conflict(sentence.to_owned()));
    }
    Ok(Some(Added {
        document: row.get("document")?,
        job: row.get("job")?,
        duplicate_of: row.opt("duplicate_of")?,
        replayed: true,
        unneeded_object: Some(new.object_key.clone()),
    }))
}

/// Adds everything; `None` when another request has just taken the key, and this transaction must not be committed.
pub(crate) async fn add(tx: &mut Tx, scope: &Scope, new: &NewDocument) -> Result<Option<Added>, StoreError> {
    let now = tx.store().ambient().now();
    let organization = scope.organization;
    let linked = tx.one(&LINK_ORIGINAL, args![organization, new.sha256, &new.object_key, new.size_bytes, now]).await?;
    let object: ObjectKey = linked.ok_or_else(|| broken("the original was not noted"))?.get("object_key")?;
    let first = tx.one(&FIRST_WITH_SAME_BYTES, args![organization, new.sha256]).await?;
    let duplicate_of: Option<DocumentId> = first.map(|row| row.get("id")).transpose()?;
    let (name, mime) = (new.name.as_str(), new.media_type.mime());
    let sort_title = fold(name);
    let row =
        args![new.document, organization, new.sha256, name, mime, new.size_bytes, duplicate_of, scope.actor, now, sort_title.as_str()];
    tx.run(&ADD_DOCUMENT, row).await?;
    index::rebuild(tx, organization, new.document).await?;
    let job = insert_job(tx, scope, new.document, &new.plan, None, new.priority).await?;
    if let Some(key) = &new.idempotency_key {
        tx.run(&FORGET_OLD_KEYS, args![now.minus(REPLAYED_FOR)]).await?;
        let row = args![organization, key.as_str(), new.sha256, pipeline_of(new).as_str(), new.document, job, now];
        if tx.run(&ADD_KEY, row).await? == 0 {
            return Ok(None);
        }
    }
    let detail = json!({ "name": new.name, "size_bytes": new.size_bytes, "sha256": new.sha256, "job": job });
    audit::append(tx, scope, "document.added", Some(new.document.0), &detail).await?;
    let unneeded_object = (object != new.object_key).then(|| new.object_key.clone());
    Ok(Some(Added { document: new.document, job, duplicate_of, replayed: false, unneeded_object }))
}

/// What stands for the pipeline in the memory of keys.
fn pipeline_of(new: &NewDocument) -> String {
    format!("{}@{}", new.plan.pipeline, new.plan.version)
}
