//! The record of an import: a file with one JSON object on each line, on the disk before the next file is begun.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crp_model::{Code, DocumentId, Failure, JobId, Sha256Hash};
use serde::{Deserialize, Serialize};

use super::FoundFile;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    path: String,
    size_bytes: u64,
    modified: i64,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What became of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is a document now.
    Taken { sha256: Sha256Hash, document: DocumentId, job: JobId, duplicate_of: Option<DocumentId> },
    /// It is none.
    Refused { failure: Failure },
}

impl Entry {
    pub(super) fn of(file: &FoundFile, outcome: Outcome) -> Self {
        Self { path: file.relative.clone(), size_bytes: file.size_bytes, modified: file.modified, outcome }
    }
}

/// The record.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    file: Option<File>,
    /// Size and time of the files that were taken, by their paths.
    taken: HashMap<String, (u64, i64)>,
}

impl Record {
    /// Reads it and leaves it alone; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self { path: path.to_owned(), file: None, taken: taken(&text) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path: path.to_owned(), file: None, taken: HashMap::new() }),
            Err(error) => Err(unusable(path, &error)),
        }
    }

    /// Opens it to go on.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = || -> io::Result<(File, String)> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            file.seek(io::SeekFrom::End(0))?;
            // The last run was killed within a line.
            if !text.is_empty() && !text.ends_with('\n') {
                file.write_all(b"\n")?;
            }
            Ok((file, text))
        };
        let (file, text) = opened().map_err(|error| unusable(path, &error))?;
        Ok(Self { path: path.to_owned(), file: Some(file), taken: taken(&text) })
    }

    /// Whether the file was taken and is the same still.
    pub(super) fn knows(&self, file: &FoundFile) -> bool {
        self.taken.get(&file.relative) == Some(&(file.size_bytes, file.modified))
    }

    /// Adds a line, durably.
    pub(super) fn note(&mut self, entry: Entry) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(&entry)
            .map_err(|error| Failure::new(Code::Internal, format!("A line of the record cannot be written: {error}")))?;
        line.push(b'\n');
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(|error| unusable(&self.path, &error))
    }
}

/// Lines that cannot be read were cut off by a crash: their files are taken again.
fn taken(text: &str) -> HashMap<String, (u64, i64)> {
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    let taken = entries.filter(|entry| matches!(entry.outcome, Outcome::Taken { .. }));
    taken.map(|entry| (entry.path, (entry.size_bytes, entry.modified))).collect()
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::DiskFull } else { Code::FileAccess };
    Failure::new(code, format!("The record {} cannot be used: {error}", path.display()))
        .with_remedy("Name another file with --record, or make room.")
}
