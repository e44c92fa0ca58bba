//! What the jobs of an organization made: each row has its object, and all objects have a row.

use std::collections::HashMap;

use crp_model::{Failure, JobId, ObjectKey, OrganizationId};
use crp_store::inventory::{self, JobObject, JobObjects};

use super::{
    Finding, Kind, Named, Report, Subject,
    part::{State, of_job},
    repair,
};
use crate::{
    Step, Watch,
    listing::{self, Piece, given_up, scope},
};

/// Jobs that are asked for at a time.
const JOBS: u32 = 1000;

/// Walks jobs and listed objects side by side: both come in the order of the jobs' ids.
pub(super) async fn check(
    subject: &Subject<'_>,
    organization: OrganizationId,
    report: &mut Report,
    watch: Watch<'_>,
) -> Result<(), Failure> {
    let mut pieces = listing::jobs(subject.objects, organization);
    let mut piece = pieces.next().await?;
    let mut after = None;
    loop {
        let jobs = inventory::jobs_after(subject.store, &scope(organization), after, JOBS).await.map_err(|e| e.failure())?;
        for job in &jobs {
            let mut listed = HashMap::new();
            // Objects of jobs that have no row come before, those of this job now.
            while let Some(found) = piece.take_if(|piece| piece.of <= *job) {
                if found.of == *job {
                    listed.extend(found.objects.into_iter().map(|object| (object.key.clone(), object)));
                } else {
                    of_no_job(subject, organization, found, report).await?;
                }
                piece = pieces.next().await?;
            }
            of_one(subject, organization, *job, &listed, report).await?;
            watch(Step { what: "what jobs made", done: report.named, total: None });
        }
        match jobs.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    while let Some(found) = piece {
        of_no_job(subject, organization, found, report).await?;
        piece = pieces.next().await?;
    }
    Ok(())
}

async fn of_one(
    subject: &Subject<'_>,
    organization: OrganizationId,
    id: JobId,
    listed: &HashMap<ObjectKey, crp_objects::Listed>,
    report: &mut Report,
) -> Result<(), Failure> {
    let job = inventory::of_job(subject.store, &scope(organization), id).await.map_err(|e| e.failure())?;
    let Some(job) = job else { return Ok(()) };
    let mut bad = Vec::new();
    for object in &job.objects {
        report.named += 1;
        let size = listed.get(&object.key).map(|object| object.size_bytes);
        let state = of_job(subject.objects, &object.key, object.part, size, subject.hashes).await?;
        if state != State::Fine {
            bad.push((object.clone(), state));
        }
    }
    if !bad.is_empty() {
        damage(subject, organization, id, &job, bad, report).await?;
    }
    for object in given_up(Some(&job), listed.values()) {
        repair::orphan(subject, organization, Some(id), object, report).await?;
    }
    Ok(())
}

/// Objects of a job that was not there when jobs were asked for; it may have come since.
async fn of_no_job(subject: &Subject<'_>, organization: OrganizationId, piece: Piece<JobId>, report: &mut Report) -> Result<(), Failure> {
    let job = inventory::of_job(subject.store, &scope(organization), piece.of).await.map_err(|e| e.failure())?;
    for object in given_up(job.as_ref(), piece.objects.iter()) {
        repair::orphan(subject, organization, Some(piece.of), object, report).await?;
    }
    Ok(())
}

async fn damage(
    subject: &Subject<'_>,
    organization: OrganizationId,
    id: JobId,
    job: &JobObjects,
    bad: Vec<(JobObject, State)>,
    report: &mut Report,
) -> Result<(), Failure> {
    // Deleted meanwhile: no damage.
    if inventory::of_job(subject.store, &scope(organization), id).await.map_err(|e| e.failure())?.is_none() {
        return Ok(());
    }
    let (remedy, is_mended) = repair::job(subject, organization, id, job).await?;
    for (object, state) in bad {
        let (kind, what) = match state {
            State::Damaged(what) => (Kind::DamagedPart, what),
            _ => (Kind::MissingPart, "It is not in the storage".to_owned()),
        };
        report.add(Finding {
            kind,
            key: object.key,
            organization,
            documents: vec![Named { id: job.document, name: job.document_name.clone() }],
            job: Some(id),
            what,
            remedy: remedy.clone(),
            is_mended,
        });
    }
    Ok(())
}
