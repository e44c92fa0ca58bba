//! Jobs that failed and wait for somebody, of one organization or of all: listed, and tried again as the API does it.

use crp_model::{Code, Failure, JobId, Scope};
use crp_store::{
    Cursor, Store, StoreError,
    jobs::{self, JobFilter, JobGroup, JobSummary},
};
use serde::Serialize;

/// Jobs that are read at once.
const PAGE: u32 = 200;

/// An organization with its name.
pub type Named = (Scope, String);

/// A job, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The job.
    pub id: JobId,
    /// Name of its organization.
    pub organization: String,
    /// Its document.
    pub document: crp_model::DocumentId,
    /// The document's name.
    pub name: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its state.
    pub status: &'static str,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: String,
    /// When it became final.
    pub finished_at: Option<String>,
}

/// What became of a job that was to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// The job that failed.
    #[serde(flatten)]
    pub job: Listed,
    /// The new job; `None` when nothing was to be changed, or when it was refused.
    pub new_job: Option<JobId>,
    /// Why it was refused.
    pub refused: Option<Failure>,
}

/// Tells jobs of these organizations, the newest of each first, up to `limit` in all. With `only_failed` those that failed, that nobody has
/// dismissed or run again, and whose document is not in the trash.
///
/// # Errors
/// The database's.
pub async fn list(
    store: &Store,
    organizations: &[Named],
    only_failed: bool,
    limit: usize,
    mut tell: impl FnMut(Listed),
) -> Result<u64, Failure> {
    let mut told = 0_u64;
    for (scope, name) in organizations {
        let mut cursor = None;
        loop {
            let page = page(store, scope, only_failed, cursor).await?;
            for job in page.items {
                if told >= limit as u64 {
                    return Ok(told);
                }
                tell(listed(job, name));
                told += 1;
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(told)
}

/// Tries all failed jobs of these organizations again, those that [`list`] tells; with `dry_run` it only tells them. One that is refused
/// does not stop the others.
///
/// # Errors
/// The database's.
pub async fn retry_all(store: &Store, organizations: &[Named], dry_run: bool, mut tell: impl FnMut(&Retried)) -> Result<(), Failure> {
    for (scope, name) in organizations {
        // New jobs are newer than the place after which the list goes on: none is tried twice.
        let mut cursor = None;
        loop {
            let page = page(store, scope, true, cursor).await?;
            for job in page.items {
                tell(&retry(store, scope, listed(job, name), dry_run).await?);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// Tries one job again, whichever of these organizations it is of; with `dry_run` it only tells it. `None` when none of them has it.
///
/// # Errors
/// The database's.
pub async fn retry_one(store: &Store, organizations: &[Named], job: JobId, dry_run: bool) -> Result<Option<Retried>, Failure> {
    for (scope, name) in organizations {
        match jobs::get(store, scope, job).await {
            Ok(row) => {
                let listed = Listed {
                    id: job,
                    organization: name.clone(),
                    document: row.document_id,
                    name: row.document_name.as_str().to_owned(),
                    pipeline: row.plan.pipeline,
                    status: row.status.as_str(),
                    failure: row.failure,
                    created_at: row.created_at.rfc3339(),
                    finished_at: row.finished_at.map(|at| at.rfc3339()),
                };
                return retry(store, scope, listed, dry_run).await.map(Some);
            }
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.failure()),
        }
    }
    Ok(None)
}

async fn retry(store: &Store, scope: &Scope, job: Listed, dry_run: bool) -> Result<Retried, Failure> {
    let retried = match dry_run {
        true => jobs::may_retry(store, scope, job.id).await.map(|()| None),
        false => jobs::retry(store, scope, job.id).await.map(Some),
    };
    match retried {
        Ok(new_job) => Ok(Retried { job, new_job, refused: None }),
        Err(StoreError::Conflict(why)) => Ok(Retried { job, new_job: None, refused: Some(refusal(&why)) }),
        Err(StoreError::NotFound) => Ok(Retried { job, new_job: None, refused: Some(refusal("Somebody has deleted it meanwhile")) }),
        Err(error) => Err(error.failure()),
    }
}

fn refusal(why: &str) -> Failure {
    Failure::new(Code::InvalidConfiguration, why).with_remedy("Leave it out, or do first what the sentence says.")
}

async fn page(store: &Store, scope: &Scope, only_failed: bool, cursor: Option<Cursor>) -> Result<crp_store::Page<JobSummary>, Failure> {
    let filter = JobFilter { group: only_failed.then_some(JobGroup::Attention), ..JobFilter::default() };
    jobs::list(store, scope, &filter, cursor, PAGE).await.map_err(|error| error.failure())
}

fn listed(job: JobSummary, organization: &str) -> Listed {
    Listed {
        id: job.id,
        organization: organization.to_owned(),
        document: job.document_id,
        name: job.document_name.as_str().to_owned(),
        pipeline: job.pipeline,
        status: job.status.as_str(),
        failure: job.failure,
        created_at: job.created_at.rfc3339(),
        finished_at: job.finished_at.map(|at| at.rfc3339()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crp_model::{JobStatus, WorkerId};
    use crp_store::{documents, tasks};

    use super::*;
    use crate::fixtures::Installed;

    /// A job that failed for good.
    async fn failed(installed: &Installed, bytes: &str) -> documents::Added {
        let added = installed.upload(bytes).await;
        let worker = WorkerId::new(installed.store.ambient());
        let task = tasks::claim(&installed.store, worker, Duration::from_secs(60)).await.unwrap().unwrap();
        tasks::fail(&installed.store, &task, &Failure::new(Code::DamagedFile, "It is damaged"), None).await.unwrap();
        added
    }

    #[tokio::test]
    async fn failed_jobs_are_told_then_tried_again_once() {
        let installed = Installed::on_folder().await;
        let store = &installed.store;
        let (one, two) = (failed(&installed, "one").await, failed(&installed, "two").await);
        installed.read("good").await;
        let organizations = [(Scope::system(installed.scope.organization), "one".to_owned())];
        let mut told = Vec::new();
        assert_eq!(list(store, &organizations, true, 10, |job| told.push(job)).await.unwrap(), 2);
        assert!(told.iter().all(|job| job.failure.as_ref().is_some_and(|failure| failure.code == Code::DamagedFile)), "{told:?}");
        assert_eq!(list(store, &organizations, false, 10, |_| {}).await.unwrap(), 3);
        assert_eq!(list(store, &organizations, false, 1, |_| {}).await.unwrap(), 1);

        let mut would = 0;
        retry_all(store, &organizations, true, |retried| would += u32::from(retried.refused.is_none())).await.unwrap();
        assert_eq!((would, list(store, &organizations, true, 10, |_| {}).await.unwrap()), (2, 2), "nothing was changed");

        installed.clock.advance(Duration::from_secs(1));
        let retried = retry_one(store, &organizations, one.job, false).await.unwrap().unwrap();
        let new = jobs::get(store, &installed.scope, retried.new_job.unwrap()).await.unwrap();
        assert_eq!((new.retry_of, new.status), (Some(one.job), JobStatus::Queued));
        for dry_run in [true, false] {
            let again = retry_one(store, &organizations, new.id, dry_run).await.unwrap().unwrap();
            assert!(again.new_job.is_none() && again.refused.unwrap().message.contains("queued"), "it has not ended");
        }
        let mut tried = Vec::new();
        retry_all(store, &organizations, false, |retried| tried.push(retried.job.id)).await.unwrap();
        assert_eq!(tried, [two.job], "what was run again needs nobody any more");
        assert_eq!(list(store, &organizations, true, 10, |_| {}).await.unwrap(), 0);
        let nobody = JobId::new(store.ambient());
        assert_eq!(retry_one(store, &organizations, nobody, false).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_lies_in_the_trash_is_refused_and_a_dry_run_says_so() {
        let installed = Installed::on_folder().await;
        let organizations = [(Scope::system(installed.scope.organization), "one".to_owned())];
        let thrown_away = failed(&installed, "one").await;
        documents::trash(&installed.store, &installed.scope, thrown_away.document).await.unwrap();
        for dry_run in [true, false] {
            let retried = retry_one(&installed.store, &organizations, thrown_away.job, dry_run).await.unwrap().unwrap();
            assert!(retried.new_job.is_none() && retried.refused.unwrap().message.contains("trash"));
        }
    }
}
