//! The files of a folder and of the folders in it. Links are not followed, hidden files and folders are left out.

use std::{ffi::OsStr, path::Path, path::PathBuf, time::UNIX_EPOCH};

use crp_model::{Code, Failure};
use walkdir::{DirEntry, WalkDir};

use super::Refused;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder, for people and for the record.
    pub relative: String,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was changed last, in microseconds since 1970.
    pub modified: i64,
}

/// Every file, in the order of the names; what cannot be looked at is told in its place.
///
/// # Errors
/// `file_access` when the folder itself cannot be read.
pub fn find(folder: &Path) -> Result<Vec<Result<FoundFile, Refused>>, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(Code::FileAccess, format!("The folder {} cannot be read: {error}", folder.display()))
            .with_remedy("Name a folder that this user can read.")
    };
    let folder = folder.canonicalize().map_err(|error| unusable(&error))?;
    std::fs::read_dir(&folder).map_err(|error| unusable(&error))?;
    let entries = WalkDir::new(&folder).min_depth(1).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry.file_name()));
    Ok(entries.filter_map(|entry| told(&folder, entry)).collect())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// `None` for what is no file.
fn told(folder: &Path, entry: walkdir::Result<DirEntry>) -> Option<Result<FoundFile, Refused>> {
    let relative = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let refused = |path: &Path, error: &dyn std::fmt::Display| {
        let failure = Failure::new(Code::FileAccess, format!("It cannot be looked at: {error}"));
        Some(Err(Refused { path: relative(path), failure }))
    };
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => return refused(error.path().unwrap_or(folder), &error),
    };
    if !entry.file_type().is_file() {
        return None;
    }
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return refused(entry.path(), &error),
    };
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Some(Ok(FoundFile {
        relative: relative(entry.path()),
        name: entry.file_name().to_string_lossy().into_owned(),
        size_bytes: metadata.len(),
        modified: modified.and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0),
        path: entry.into_path(),
    }))
}
