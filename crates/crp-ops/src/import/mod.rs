//! Takes the documents of a folder into an organization, after all others in priority, and keeps a record of what it took. The folder
//! stays as it is. A run that broke off goes on where it stopped; a run that ended is run again for what came since.

mod found;
mod record;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path};

use crp_model::{Code, DocumentName, Failure, MediaType, Plan, Priority, Scope, Sha256Hash};
use crp_objects::{Objects, Stored};
use crp_store::{
    Store,
    documents::{self, Added, NewDocument},
};
use serde::Serialize;

pub use self::found::{FoundFile, find};
use self::record::{Entry, Outcome, Record};
use crate::{
    Step, Watch,
    taking::{self, Doors},
};

/// Where documents go and what is done with them.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The rows.
    pub store: &'a Store,
    /// The bytes.
    pub objects: &'a Objects,
    /// Whose documents they become.
    pub scope: Scope,
    /// What each goes through.
    pub plan: &'a Plan,
    /// Largest file that is taken, in bytes.
    pub max_bytes: u64,
}

/// What became of the files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files that became documents.
    pub taken: u64,
    /// Of these, files whose bytes the organization had already; they are stored once.
    pub duplicates: u64,
    /// Bytes of those that were taken.
    pub bytes: u64,
    /// Files that an earlier run had taken and that have not changed since.
    pub known: u64,
    /// Files that are no documents, with the reason.
    pub refused: Vec<Refused>,
}

/// A file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its path below the folder.
    pub path: String,
    /// Why.
    pub failure: Failure,
}

/// What an import of the folder would find, told by the first bytes of each file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// Files that would become documents, by their format.
    pub files: BTreeMap<&'static str, u64>,
    /// Their bytes.
    pub bytes: u64,
    /// Files that an earlier run took and that have not changed since.
    pub known: u64,
    /// Files that would be refused.
    pub refused: Vec<Refused>,
}

/// Looks at every file and changes nothing.
///
/// # Errors
/// `file_access` when folder or record cannot be read.
pub async fn survey(folder: &Path, record: &Path, max_bytes: u64, watch: Watch<'_>) -> Result<Survey, Failure> {
    let (files, record) = (find(folder)?, Record::read(record)?);
    let mut survey = Survey::default();
    for (at, file) in (1u64..).zip(&files) {
        match file {
            Err(refused) => survey.refused.push(refused.clone()),
            Ok(file) if record.knows(file) => survey.known += 1,
            Ok(file) => match look(file, max_bytes).await {
                Ok((_, media)) => {
                    *survey.files.entry(media.mime()).or_default() += 1;
                    survey.bytes += file.size_bytes;
                }
                Err(failure) => survey.refused.push(Refused { path: file.relative.clone(), failure }),
            },
        }
        watch(Step { what: "Looking", done: at, total: Some(files.len() as u64) });
    }
    Ok(survey)
}

/// Takes every file that is new since the last run with this `record`. A file is noted there once its bytes and rows are durable.
///
/// # Errors
/// What stops all of it, such as a storage or database that is away, a full disk, or a record that cannot be written; a later run
/// goes on. A single bad file stops nothing.
pub async fn run(import: &Import<'_>, folder: &Path, record: &Path, watch: Watch<'_>) -> Result<Report, Failure> {
    let files = find(folder)?;
    let mut record = Record::open(record)?;
    let mut report = Report::default();
    for (at, file) in (1u64..).zip(&files) {
        match file {
            Err(refused) => report.refused.push(refused.clone()),
            Ok(file) if record.knows(file) => report.known += 1,
            Ok(file) => one(import, file, &mut record, &mut report).await?,
        }
        watch(Step { what: "Importing", done: at, total: Some(files.len() as u64) });
    }
    Ok(report)
}

async fn one(import: &Import<'_>, file: &FoundFile, record: &mut Record, report: &mut Report) -> Result<(), Failure> {
    let outcome = match take(import, file).await {
        Ok((stored, added)) => {
            report.taken += 1;
            report.duplicates += u64::from(added.duplicate_of.is_some());
            report.bytes += stored.size_bytes;
            Outcome::Taken { sha256: stored.sha256, document: added.document, job: added.job, duplicate_of: added.duplicate_of }
        }
        Err(failure) if stops_everything(failure.code) => {
            return Err(failure.with_remedy("Put that right, then start the same import again: it goes on where it stopped."));
        }
        Err(failure) => {
            report.refused.push(Refused { path: file.relative.clone(), failure: failure.clone() });
            Outcome::Refused { failure }
        }
    };
    record.note(Entry::of(file, outcome))
}

/// The other files would end in the same way.
fn stops_everything(code: Code) -> bool {
    matches!(code, Code::StorageUnavailable | Code::DatabaseUnavailable | Code::DiskFull | Code::Internal)
}

/// The first bytes, and what they say.
async fn look(file: &FoundFile, max_bytes: u64) -> Result<(tokio::fs::File, MediaType), Failure> {
    let mut opened = tokio::fs::File::open(&file.path).await.map_err(|error| taking::unreadable(&error))?;
    let media_type = taking::judge(&mut opened, file.size_bytes, max_bytes).await?;
    Ok((opened, media_type))
}

/// Bytes first, then the rows.
async fn take(import: &Import<'_>, file: &FoundFile) -> Result<(Stored, Added), Failure> {
    let doors = Doors { store: import.store, objects: import.objects, max_bytes: import.max_bytes };
    let name = DocumentName::from_client(&file.name)?;
    let (opened, media_type) = look(file, import.max_bytes).await?;
    let (object_key, stored) = doors.store(&import.scope, opened).await?;
    let new = NewDocument {
        priority: Priority::Low,
        idempotency_key: Some(key(file, stored.sha256, import.plan)),
        ..doors.describe(name, media_type, (object_key.clone(), stored), import.plan)
    };
    let document = new.document;
    let added = documents::add_with_job(import.store, &import.scope, new).await;
    doors.settle(&import.scope, document, &object_key, &added).await;
    added.map(|added| (stored, added)).map_err(|error| error.failure())
}

/// The same file again, when a run ended between the commit and the record, is answered with the document that is there. An import
/// through another pipeline is another wish.
fn key(file: &FoundFile, sha256: Sha256Hash, plan: &Plan) -> String {
    let what = format!("{}\n{sha256}\n{}@{}", file.path.display(), plan.pipeline, plan.version);
    format!("import-{}", Sha256Hash::of(what.as_bytes()))
}
