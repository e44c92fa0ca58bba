//! The integrity check: compares rows with objects, says what is missing, damaged or left over, and mends what can be mended.
//!
//! The server may run. What looks wrong is looked at once more, rows first, before it is told: a document that was deleted or a page
//! that was saved meanwhile is no damage.

mod jobs;
mod originals;
mod part;
mod repair;
#[cfg(test)]
mod tests;

use crp_model::{DocumentId, DocumentName, Failure, JobId, ObjectKey, OrganizationId, Timestamp};
use crp_objects::Objects;
use crp_store::Store;
use futures_util::StreamExt as _;
use serde::Serialize;

use crate::{Step, Watch, listing};

/// Most findings that are told one by one; all of them are counted.
const MAX_TOLD: usize = 10_000;

/// What is checked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The database.
    pub store: &'a Store,
    /// The objects.
    pub objects: &'a Objects,
    /// Whether every byte is read and compared.
    pub hashes: bool,
    /// Whether what can be mended is mended.
    pub repair: bool,
    /// Objects without a row that were written before this are left over; younger ones may be about to get their row.
    pub older_than: Timestamp,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Objects that rows name.
    pub named: u64,
    /// Objects without a row that may be about to get one.
    pub young: u64,
    /// Objects beside ours, or of organizations that the database does not know. They are never touched.
    pub foreign: u64,
    /// One object without a row or a place in the database that was counted above.
    pub foreign_example: Option<ObjectKey>,
    /// All findings.
    pub found: u64,
    /// Findings that are mended, or that a newer job has made up for.
    pub mended: u64,
    /// The first ten thousand findings.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The object.
    pub key: ObjectKey,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The documents that it belongs to.
    pub documents: Vec<Named>,
    /// The job that it belongs to.
    pub job: Option<JobId>,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What to do about it, or what was done.
    pub remedy: String,
    /// Whether nothing is left to be done.
    pub is_mended: bool,
}

/// A document that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id.
    pub id: DocumentId,
    /// Its name.
    pub name: DocumentName,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A document has no bytes.
    MissingOriginal,
    /// A document's bytes are not those that were uploaded.
    DamagedOriginal,
    /// Something that a job made is not there.
    MissingPart,
    /// Something that a job made is not what was made.
    DamagedPart,
    /// Nothing names the object.
    Orphan,
}

impl Kind {
    /// The kind as programs see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::MissingOriginal => "missing_original",
            Kind::DamagedOriginal => "damaged_original",
            Kind::MissingPart => "missing_part",
            Kind::DamagedPart => "damaged_part",
            Kind::Orphan => "orphan",
        }
    }
}

impl Report {
    /// Findings that wait for somebody.
    pub fn open(&self) -> u64 {
        self.found - self.mended
    }

    fn add(&mut self, finding: Finding) {
        self.found += 1;
        self.mended += u64::from(finding.is_mended);
        if self.findings.len() < MAX_TOLD {
            self.findings.push(finding);
        }
    }
}

/// Looks at every object that rows name and at every object that there is.
///
/// # Errors
/// What keeps database or storage from answering.
pub async fn check(subject: &Subject<'_>, watch: Watch<'_>) -> Result<Report, Failure> {
    let mut report = Report::default();
    let organizations = listing::organizations(subject.store).await?;
    for organization in &organizations {
        originals::check(subject, *organization, &mut report, watch).await?;
        jobs::check(subject, *organization, &mut report, watch).await?;
    }
    foreign(subject, &organizations, &mut report, watch).await?;
    Ok(report)
}

/// Counts what is not ours to judge.
async fn foreign(subject: &Subject<'_>, known: &[OrganizationId], report: &mut Report, watch: Watch<'_>) -> Result<(), Failure> {
    let mut listed = listing::everything(subject.objects);
    let mut seen = 0;
    while let Some(object) = listed.next().await {
        let object = object?;
        seen += 1;
        if !is_ours(&object.key, known) {
            report.foreign += 1;
            report.foreign_example.get_or_insert(object.key);
        }
        if seen % 1000 == 0 {
            watch(Step { what: "objects in the storage", done: seen, total: None });
        }
    }
    Ok(())
}

fn is_ours(key: &ObjectKey, known: &[OrganizationId]) -> bool {
    if *key == ObjectKey::probe() {
        return true;
    }
    let mut parts = key.as_str().split('/');
    let (Some("organizations"), Some(organization), Some(kind), Some(id)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_known = organization.parse().is_ok_and(|id| known.contains(&id));
    is_known && id.parse::<uuid::Uuid>().is_ok() && (kind == "jobs" || (kind == "originals" && parts.next().is_none()))
}
