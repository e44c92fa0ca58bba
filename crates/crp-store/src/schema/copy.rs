//! The copy of SQLite's file that is made before its schema changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, Timestamp};
use sqlx::SqliteConnection;

use crate::{StoreError, error::judge};

/// Copies the open database to `FILE.schema-VERSION.TIME` beside it; the copy appears whole or not at all.
pub(crate) async fn copy_before_migration(
    connection: &mut SqliteConnection,
    file: &Path,
    version: i64,
    now: Timestamp,
) -> Result<PathBuf, StoreError> {
    let copy = beside(file, &format!(".schema-{version}.{}", now.0));
    let partial = beside(&copy, ".partial");
    remove_if_there(&partial).map_err(|e| unwritable(&partial, &e))?;
    let target = partial.to_string_lossy().into_owned();
    // VACUUM INTO gives a consistent copy that also holds what is still in the WAL.
    sqlx::query("VACUUM INTO $1").bind(target).execute(connection).await.map_err(|e| judge(&e).0)?;
    publish(&partial, &copy).map_err(|e| unwritable(&copy, &e))?;
    tracing::info!(copy = %copy.display(), schema = version, "copied the database before its migration");
    Ok(copy)
}

fn publish(partial: &Path, copy: &Path) -> io::Result<()> {
    fs::File::open(partial)?.sync_all()?;
    fs::rename(partial, copy)?;
    match copy.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unwritable(file: &Path, error: &io::Error) -> StoreError {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::DiskFull } else { Code::FileAccess };
    StoreError::Failure(Failure::new(code, format!("The copy {} before the migration cannot be written: {error}", file.display())))
}
