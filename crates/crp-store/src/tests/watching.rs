//! What people watch: groups of jobs, what changed, what happened inside of a job.

use crp_model::{ArtifactKind, Code, Failure, JobId, JobStatus, Scope, StageType, TaskKind, Timestamp, Warning, labels::WarningKind};

use super::{
    both_engines,
    fixtures::{artifact, good_page, page, plan, two_stages},
    harness::TestDb,
};
use crate::{
    StoreError, audit, events,
    jobs::{self, JobFilter, JobGroup, JobSummary, TaskState},
    overview, tasks,
};

impl TestDb {
    async fn failed_job(&self, scope: &Scope) -> (crp_model::DocumentId, JobId) {
        let added = self.upload(scope, "damaged", plan()).await;
        let task = self.claim(TaskKind::Inspect).await;
        tasks::fail(&self.store, &task, &Failure::new(Code::EncryptedPdf, "a password"), None).await.unwrap();
        self.advance(1.0);
        (added.document, added.job)
    }

    async fn listed(&self, scope: &Scope, filter: JobFilter) -> Vec<JobSummary> {
        jobs::list(&self.store, scope, &filter, None, 50).await.unwrap().items
    }

    async fn group(&self, scope: &Scope, group: JobGroup) -> Vec<JobId> {
        let filter = JobFilter { group: Some(group), ..JobFilter::default() };
        self.listed(scope, filter).await.into_iter().map(|job| job.id).collect()
    }

    async fn needs_attention(&self, scope: &Scope) -> u64 {
        overview::organization_figures(&self.store, scope).await.unwrap().needs_attention
    }
}

const EVER: (Timestamp, JobId) = (Timestamp(0), JobId(uuid::Uuid::nil()));

both_engines! {
    async fn every_job_is_in_exactly_one_group(db: TestDb) {
        let scope = db.organization("one").await;
        let (_, failed) = db.failed_job(&scope).await;
        let (again, superseded) = db.failed_job(&scope).await;
        let (_, dismissed) = db.failed_job(&scope).await;
        jobs::dismiss(&db.store, &scope, dismissed).await.unwrap();
        let newer = jobs::add_job(&db.store, &scope, again, &plan(), crp_model::Priority::Normal).await.unwrap();
        assert_eq!(db.group(&scope, JobGroup::Attention).await, [failed]);
        assert_eq!(db.group(&scope, JobGroup::Active).await, [newer]);
        assert_eq!(db.group(&scope, JobGroup::Done).await, [dismissed, superseded]);
        assert_eq!(db.needs_attention(&scope).await, 1);
        db.advance(1.0);
        jobs::cancel(&db.store, &scope, newer).await.unwrap();
        assert_eq!(db.group(&scope, JobGroup::Active).await, []);
        assert_eq!(db.group(&scope, JobGroup::Done).await, [newer, dismissed, superseded], "what was cancelled later still came later");
    }

    async fn only_a_failed_job_is_dismissed_and_once_is_enough(db: TestDb) {
        let scope = db.organization("one").await;
        let (_, failed) = db.failed_job(&scope).await;
        let mut watcher = db.store.organization_changes(scope.organization);
        jobs::dismiss(&db.store, &scope, failed).await.unwrap();
        assert!(watcher.changed().await, "whoever watches is woken");
        let first = db.job(&scope, failed).await.dismissed_at.unwrap();
        db.advance(5.0);
        jobs::dismiss(&db.store, &scope, failed).await.unwrap();
        assert_eq!(db.job(&scope, failed).await.dismissed_at, Some(first));
        let log = audit::list(&db.store, &scope, None, 100).await.unwrap();
        assert_eq!(log.items.iter().filter(|line| line.action == "job.dismissed").count(), 1);
        let waiting = db.upload(&scope, "other", plan()).await.job;
        assert!(matches!(jobs::dismiss(&db.store, &scope, waiting).await, Err(StoreError::Conflict(_))));
    }

    async fn a_list_tells_stage_place_warnings_and_the_rest_of_the_time(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", two_stages()).await.job;
        db.inspect(4, 4).await;
        let task = db.claim(TaskKind::Pages).await;
        let second = db.upload(&scope, "more", plan()).await.job;
        let third = jobs::add_job(&db.store, &scope, db.job(&scope, second).await.document_id, &plan(), crp_model::Priority::Normal).await.unwrap();
        let listed = db.listed(&scope, JobFilter::default()).await;
        let of = |id: JobId| listed.iter().find(|row| row.id == id).unwrap();
        let places = [of(job).queue_position, of(second).queue_position, of(third).queue_position];
        assert!(places == [None, Some(0), Some(1)] || places == [None, Some(1), Some(0)], "{places:?}");
        assert_eq!((of(job).stage, of(job).eta_seconds, of(second).stage), (Some(StageType::Ocr), None, None));

        db.advance(20.0);
        let mut warned = good_page(&task, page(1));
        warned.warnings = vec![Warning::new(WarningKind::PageFailed, Some(page(1)), "dark")];
        tasks::save_page(&db.store, &task, &warned, "").await.unwrap();
        let row = db.listed(&scope, JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() }).await.remove(0);
        assert_eq!((row.id, row.warnings, row.eta_seconds), (job, 1, Some(60)));
        assert_eq!(db.job(&scope, job).await.eta_seconds, Some(60));
        assert_eq!(row.last_event_id, db.job(&scope, job).await.last_event_id);
    }

    async fn jobs_are_found_by_a_part_of_their_documents_name(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let named = |text: &str| JobFilter { name_contains: Some(text.to_owned()), ..JobFilter::default() };
        assert_eq!(db.listed(&scope, named("CAN.p")).await.first().map(|row| row.id), Some(job));
        assert!(db.listed(&scope, named("s_an")).await.is_empty(), "no letter stands for another");
    }

    async fn what_changed_comes_in_the_order_in_which_it_changed(db: TestDb) {
        let scope = db.organization("one").await;
        let first = db.upload(&scope, "a", plan()).await.job;
        db.advance(1.0);
        let second = db.upload(&scope, "b", plan()).await.job;
        db.advance(1.0);
        jobs::cancel(&db.store, &scope, first).await.unwrap();
        let ids = |changed: &[jobs::ChangedJob]| changed.iter().map(|one| one.job.id).collect::<Vec<_>>();
        let all = jobs::changed(&db.store, &scope, EVER, 10).await.unwrap();
        assert_eq!(ids(&all), [second, first]);
        assert_eq!(all[1].changed_at, db.store.ambient().now());
        let after = jobs::changed(&db.store, &scope, (all[0].changed_at, second), 10).await.unwrap();
        assert_eq!(ids(&after), [first]);
        assert_eq!(jobs::changed(&db.store, &scope, EVER, 1).await.unwrap().len(), 1);
    }

    async fn pages_tasks_and_story_of_a_job_come_in_parts(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.up_to_assembly(3).await;
        tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap();

        let first = jobs::pages(&db.store, &scope, job, 0, 2).await.unwrap();
        assert_eq!((first.items.len(), first.next), (2, Some(2)));
        assert!(first.items[0].has_thumbnail && (first.items[0].seconds - 1.5).abs() < 1e-9);
        let rest = jobs::pages(&db.store, &scope, job, 2, 2).await.unwrap();
        assert_eq!((rest.items[0].page, rest.next), (page(3), None));

        let first = jobs::tasks(&db.store, &scope, job, 0, 4).await.unwrap();
        let rest = jobs::tasks(&db.store, &scope, job, 4, 4).await.unwrap();
        let all: Vec<_> = first.items.iter().chain(&rest.items).collect();
        let told: Vec<_> = all.iter().map(|task| (task.kind, task.first_page.map(|page| page.get()), task.state)).collect();
        assert_eq!((first.next, rest.next), (Some(4), None));
        assert_eq!(told[0], (TaskKind::Inspect, None, TaskState::Done));
        assert_eq!(told.iter().filter(|(kind, ..)| *kind == TaskKind::Pages).count(), 3);
        assert!(all.iter().all(|task| task.worker.is_some() && task.finished_at.is_some()), "who did what stays visible");

        let story = events::history(&db.store, &scope, job, 0, 3).await.unwrap();
        assert_eq!((story.items.len(), story.next), (3, Some(3)));
        let rest = events::history(&db.store, &scope, job, 3, 200).await.unwrap();
        assert!(rest.items.last().unwrap().kind.is_final() && rest.next.is_none());
    }

    async fn a_job_keeps_the_file_of_a_pipeline_that_is_not_saved_and_so_does_its_retry(db: TestDb) {
        let scope = db.organization("one").await;
        let added = db.upload(&scope, "bytes", plan()).await;
        let tried = jobs::try_pipeline(&db.store, &scope, added.document, &two_stages(), crp_model::Priority::Normal, "name: two").await.unwrap();
        assert_eq!(db.job(&scope, tried).await.source.as_deref(), Some("name: two"));
        assert_eq!(db.job(&scope, added.job).await.source, None);
        jobs::cancel(&db.store, &scope, tried).await.unwrap();
        let again = jobs::retry(&db.store, &scope, tried).await.unwrap();
        assert_eq!(db.job(&scope, again).await.source.as_deref(), Some("name: two"));
    }
}
