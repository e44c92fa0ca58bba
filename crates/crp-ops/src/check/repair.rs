//! What can be mended: left-over objects go, and what a job made is made again by a new job.

use crp_model::{Failure, JobId, JobStatus, OrganizationId};
use crp_objects::Listed;
use crp_store::{StoreError, inventory::JobObjects, jobs};

use super::{Finding, Kind, Report, Subject};
use crate::listing::scope;

/// Tells an object that no row names; removes it where that was asked for.
pub(super) async fn orphan(
    subject: &Subject<'_>,
    organization: OrganizationId,
    job: Option<JobId>,
    object: &Listed,
    report: &mut Report,
) -> Result<(), Failure> {
    if object.last_modified >= subject.older_than {
        report.young += 1;
        return Ok(());
    }
    if subject.repair {
        subject.objects.delete(&object.key).await?;
    }
    let done = "It was removed.";
    let to_do = "A running server removes it within two hours; `crpipeline check --repair` does so now.";
    report.add(Finding {
        kind: Kind::Orphan,
        key: object.key.clone(),
        organization,
        documents: Vec::new(),
        job,
        what: format!("No row names it; it has {} bytes", object.size_bytes),
        remedy: if subject.repair { done } else { to_do }.to_owned(),
        is_mended: subject.repair,
    });
    Ok(())
}

/// What to do about a job whose objects are missing or damaged, and whether nothing is left to do.
pub(super) async fn job(
    subject: &Subject<'_>,
    organization: OrganizationId,
    id: JobId,
    job: &JobObjects,
) -> Result<(String, bool), Failure> {
    if job.has_newer {
        return Ok(("A newer job of the document has made it again, or is about to.".to_owned(), true));
    }
    if subject.objects.head(&job.original).await?.is_none() {
        return Ok(("It cannot be made again: the document's bytes are missing, too.".to_owned(), false));
    }
    let again = format!("Run the document again: POST /api/v1/documents/{}/jobs", job.document);
    match job.status {
        JobStatus::Succeeded if job.is_trashed => Ok((format!("The document lies in the trash. {again} once it is restored."), false)),
        JobStatus::Succeeded if subject.repair => match jobs::retry(subject.store, &scope(organization), id).await {
            Ok(new) => Ok((format!("The job {new} makes it again."), true)),
            // Trashed or deleted in this moment.
            Err(StoreError::Conflict(_) | StoreError::NotFound) => Ok((again, false)),
            Err(error) => Err(error.failure()),
        },
        JobStatus::Succeeded => Ok((format!("{again}, or `crpipeline check --repair`."), false)),
        JobStatus::Queued | JobStatus::Running => Ok(("The job will notice; try it again when it has failed.".to_owned(), false)),
        JobStatus::Failed | JobStatus::Cancelled => Ok((again, false)),
    }
}
