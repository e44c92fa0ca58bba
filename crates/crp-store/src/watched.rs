//! Folders that are watched: which process watches one, and which files became documents and still lie where they were.
//!
//! A folder is known by an id that lies in it, so it is the same one under every name that machines have for it. A file is noted in
//! the transaction that adds its document and forgotten when it was moved away: whatever ends in between finds it again.
use std::time::Duration;

use crp_model::{DocumentId, Scope, Sha256Hash};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    documents::{self, Added, NewDocument},
    error::broken,
    sql::{args, sql},
};

sql! {
    WATCH =
        "INSERT INTO watched_folders (id, watcher, watched_until) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET watcher = excluded.watcher, watched_until = excluded.watched_until
         WHERE watched_folders.watcher = excluded.watcher OR watched_folders.watched_until <= $4";
    LEAVE = "DELETE FROM watched_folders WHERE id = $1 AND watcher = $2";
    LEAVE_ALL = "DELETE FROM watched_folders";
    // Holds the row until the commit: nobody else begins to watch meanwhile.
    STILL_WATCHED = "UPDATE watched_folders SET watched_until = watched_until WHERE id = $1 AND watcher = $2";
    NOTE =
        "INSERT INTO watched_files (organization, folder, path, sha256, document, taken_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (organization, folder, path) DO UPDATE
         SET sha256 = excluded.sha256, document = excluded.document, taken_at = excluded.taken_at";
    NOTED = "SELECT path, sha256, document FROM watched_files WHERE organization = $1 AND folder = $2 ORDER BY path";
    FORGET = "DELETE FROM watched_files WHERE organization = $1 AND folder = $2 AND path = $3 AND document = $4";
}

/// A file of a watched folder, as the process sees it that watches.
#[derive(Clone, Copy, Debug)]
pub struct WatchedFile<'a> {
    /// The id of the folder.
    pub folder: Uuid,
    /// The process that watches it.
    pub watcher: Uuid,
    /// Path of the file below the folder.
    pub path: &'a str,
}

/// A file that is a document already and was not moved away yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenFile {
    /// Its path below the watched folder.
    pub path: String,
    /// Hash of the bytes that were taken.
    pub sha256: Sha256Hash,
    /// The document.
    pub document: DocumentId,
}

/// Makes `watcher` the one that watches the folder for so long from now, unless another does. A watcher that goes on says so again.
///
/// # Errors
/// The database's.
pub async fn watch(store: &Store, folder: Uuid, watcher: Uuid, lease: Duration) -> Result<bool, StoreError> {
    let now = store.ambient().now();
    let mut tx = store.write().await?;
    let is_ours = tx.run(&WATCH, args![folder, watcher, now.plus(lease), now]).await? == 1;
    tx.commit().await?;
    Ok(is_ours)
}

/// Ends the watch, so that another process can begin at once.
///
/// # Errors
/// The database's.
pub async fn leave(store: &Store, folder: Uuid, watcher: Uuid) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&LEAVE, args![folder, watcher]).await?;
    tx.commit().await
}

/// Ends every watch: the caller knows that no other process works on this database.
///
/// # Errors
/// The database's.
pub async fn leave_all_of_previous_process(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&LEAVE_ALL, args![]).await?;
    tx.commit().await
}

/// Adds a document whose bytes are stored already, its first job, and the note that this file is taken: all or nothing.
///
/// # Errors
/// `Fenced` when another process watches the folder by now.
pub async fn take(store: &Store, scope: &Scope, new: NewDocument, file: WatchedFile<'_>) -> Result<Added, StoreError> {
    let mut tx = store.write().await?;
    if tx.run(&STILL_WATCHED, args![file.folder, file.watcher]).await? == 0 {
        return Err(StoreError::Fenced);
    }
    let now = store.ambient().now();
    let added = documents::add(&mut tx, scope, &new).await?.ok_or_else(|| broken("a file of a folder has no Idempotency-Key"))?;
    tx.run(&NOTE, args![scope.organization, file.folder, file.path, new.sha256, added.document, now]).await?;
    tx.commit().await?;
    Ok(added)
}

/// Every file of the folder that was taken for the organization and was not moved away yet.
///
/// # Errors
/// The database's.
pub async fn taken(store: &Store, scope: &Scope, folder: Uuid) -> Result<Vec<TakenFile>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&NOTED, args![scope.organization, folder]).await?;
    let read = rows.iter().map(|row| Ok(TakenFile { path: row.get("path")?, sha256: row.get("sha256")?, document: row.get("document")? }));
    read.collect()
}

/// Forgets a file that is not there any more.
///
/// # Errors
/// The database's.
pub async fn forget(store: &Store, scope: &Scope, folder: Uuid, file: &TakenFile) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.run(&FORGET, args![scope.organization, folder, file.path.as_str(), file.document]).await?;
    tx.commit().await
}
