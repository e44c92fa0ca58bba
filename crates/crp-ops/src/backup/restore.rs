//! Brings a backup back into an empty database and an empty storage: objects first, then all rows in one transaction.

use std::collections::HashSet;

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure};
use crp_objects::Objects;
use crp_store::{Database, Store, tasks, transfer::Import};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    folder::object_file,
    manifest::{Manifest, unusable},
    rows::{self, ObjectLine},
    verify::Verified,
};
use crate::{Step, Watch};

/// Objects that are stored at the same time.
const AT_A_TIME: usize = 8;
/// The prefix of everything that belongs to somebody.
const OURS: &str = "organizations/";

/// Where a backup is restored.
#[derive(Debug)]
pub struct Target<'a> {
    /// The database, which is made if it does not exist. No server may be using it.
    pub database: &'a Database,
    /// The storage.
    pub objects: &'a Objects,
    /// Clock and chance.
    pub ambient: Ambient,
    /// Where the opened database counts.
    pub metrics: Metrics,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Rows of all tables in the backup.
    pub rows: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of the objects.
    pub bytes: u64,
    /// Tasks that ran when the rows were read, and can be claimed again.
    pub tasks_released: u64,
}

/// Restores a backup that was verified; every byte of the objects is hashed on its way. When this fails, the database is as empty as
/// it was; objects that were stored already stay, and the next try of the same backup goes on with them.
///
/// # Errors
/// `target_not_empty`, `backup_unusable`, and what database and storage fail with.
pub async fn restore(backup: &Verified, target: &Target<'_>, watch: Watch<'_>) -> Result<Restored, Failure> {
    let manifest = &backup.manifest;
    let store = open(target, manifest.schema).await?;
    let restored = into_empty(backup, target, &store, watch).await;
    store.close().await;
    restored?;
    // Brings the schema up to date, where the backup is older.
    let store = Store::open(target.database, target.ambient.clone(), target.metrics.clone()).await.map_err(|e| e.failure())?;
    let released = tasks::release_all_of_previous_process(&store).await.map_err(|e| e.failure());
    store.close().await;
    let tasks_released = released?.len() as u64;
    Ok(Restored { rows: manifest.rows(), objects: manifest.objects.count, bytes: manifest.objects.total_bytes, tasks_released })
}

async fn open(target: &Target<'_>, version: i64) -> Result<Store, Failure> {
    let opened = Store::open_at(target.database, version, target.ambient.clone(), target.metrics.clone()).await;
    opened.map_err(|error| match error.failure() {
        failure if failure.code == Code::NewerSchema => {
            let message = format!("The backup has schema version {version}, and the database is of a newer one already");
            Failure::new(Code::TargetNotEmpty, message).with_remedy("Name a database that is new: its schema is made by the restore.")
        }
        failure => failure,
    })
}

async fn into_empty(backup: &Verified, target: &Target<'_>, store: &Store, watch: Watch<'_>) -> Result<(), Failure> {
    // Asked before anything is stored; asked again by the transaction that fills it.
    drop(Import::begin(store, backup.manifest.schema).await?);
    refuse_foreign_objects(backup, target.objects).await?;
    store_objects(backup, target.objects, watch).await?;
    fill(backup, store, watch).await
}

/// Objects of this very backup may be there: an earlier try may have been cut off.
async fn refuse_foreign_objects(backup: &Verified, objects: &Objects) -> Result<(), Failure> {
    let mut listed = objects.list(OURS);
    let Some(first) = listed.try_next().await? else { return Ok(()) };
    let keys: HashSet<String> = own_keys(backup)?;
    let mut next = Some(first);
    while let Some(found) = next {
        if !keys.contains(found.key.as_str()) {
            let message = format!("The storage is not empty: it holds {}, which is not of this backup", found.key);
            return Err(Failure::new(Code::TargetNotEmpty, message));
        }
        next = listed.try_next().await?;
    }
    Ok(())
}

fn own_keys(backup: &Verified) -> Result<HashSet<String>, Failure> {
    let mut keys = HashSet::new();
    for line in rows::objects(&backup.root, &backup.manifest)? {
        keys.insert(line?.key.as_str().to_owned());
    }
    Ok(keys)
}

async fn store_objects(backup: &Verified, objects: &Objects, watch: Watch<'_>) -> Result<(), Failure> {
    let lines = rows::objects(&backup.root, &backup.manifest)?;
    let stored = stream::iter(lines).map(async |line: Result<ObjectLine, Failure>| store_object(backup, objects, line?).await);
    let mut stored = std::pin::pin!(stored.buffer_unordered(AT_A_TIME));
    let mut done = 0;
    while let Some(one) = stored.next().await {
        one?;
        done += 1;
        watch(Step { what: "objects", done, total: Some(backup.manifest.objects.count) });
    }
    Ok(())
}

async fn store_object(backup: &Verified, objects: &Objects, line: ObjectLine) -> Result<(), Failure> {
    let path = object_file(&backup.root, line.sha256);
    let stored = objects.put_file(&line.key, &path).await?;
    if (stored.size_bytes, stored.sha256) == (line.size_bytes, line.sha256) {
        return Ok(());
    }
    // Nothing names it yet, and nothing shall.
    objects.delete(&line.key).await?;
    Err(unusable(format!("The file {} is damaged: its SHA-256 is another; it is the object {}", path.display(), line.key)))
}

async fn fill(backup: &Verified, store: &Store, watch: Watch<'_>) -> Result<(), Failure> {
    let Verified { root, manifest } = backup;
    let (total, mut before) = (Some(manifest.rows()), 0);
    let mut import = Import::begin(store, manifest.schema).await?;
    for (table, file) in rows::tables_of(manifest)? {
        let rows = stream::iter(rows::read(root, manifest, &table)?);
        let filled = import.fill(&table, rows, &|done| watch(Step { what: "rows", done: before + done, total })).await?;
        if filled != file.rows {
            return Err(unusable(format!("The table {} has {filled} rows instead of {}", table.name, file.rows)));
        }
        before += filled;
    }
    import.forget(&manifest.deleted_meanwhile).await?;
    let documents = Some(documents(manifest));
    import.finish(&|done| watch(Step { what: "search index", done, total: documents })).await
}

fn documents(manifest: &Manifest) -> u64 {
    manifest.rows_of("documents")
}
