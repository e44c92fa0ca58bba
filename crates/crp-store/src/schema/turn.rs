//! One process at a time changes the schema of SQLite's file: the server and a command of the operator may start together.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure};
use fs4::FileExt;

use super::copy::beside;
use crate::StoreError;

/// The right to change the schema, held until it is dropped or the process dies.
pub(crate) struct MigrationTurn {
    path: PathBuf,
    _lock: fs::File,
}

impl MigrationTurn {
    /// Waits for whoever migrates `file` now.
    pub(crate) async fn wait_for(file: &Path) -> Result<Self, StoreError> {
        let path = beside(file, ".migrating");
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let locked = tokio::task::spawn_blocking(move || opened.and_then(|file| FileExt::lock(&file).map(|()| file))).await;
        let lock = locked.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|error| {
            let message = format!("The lock {} for the migration cannot be taken: {error}", path.display());
            StoreError::Failure(Failure::new(Code::FileAccess, message))
        })?;
        Ok(Self { path, _lock: lock })
    }

    /// The schema is up to date: whoever comes now has nothing to do, so the file may go.
    pub(crate) fn done(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the migration's lock file stays");
        }
    }
}
