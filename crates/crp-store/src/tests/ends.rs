//! How stages and jobs end: fan-in, progress, artifacts, and final states that stay.

use crp_model::{
    ArtifactKind, Code, Failure, JobStatus, StageType, TaskKind, Warning,
    labels::{FinalStatus, StageOutcome, WarningKind},
};

use super::{
    both_engines,
    fixtures::{LEASE, artifact, good_page, page, plan, plan_of, range, two_stages},
};
use crate::{StoreError, artifacts, jobs, tasks};

both_engines! {
    async fn a_job_of_two_stages_goes_from_upload_to_success(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", two_stages()).await.job;
        db.advance(1.0);
        db.inspect(5, 2).await;
        for _ in 0..3 {
            let task = db.claim(TaskKind::Pages).await;
            db.advance(2.0);
            db.read_pages(&task).await;
        }
        let task = db.claim(TaskKind::Assemble).await;
        assert_eq!(tasks::saved_pages(&db.store, &scope, job, 0).await.unwrap().len(), 5);
        let made = [artifact(&task, ArtifactKind::SearchablePdf), artifact(&task, ArtifactKind::Text)];
        let committed = tasks::finish_stage(&db.store, &task, &made, &[]).await.unwrap();
        let stage = committed.stage_ended.unwrap();
        assert_eq!((stage.stage, stage.outcome, stage.attempt, stage.pages_total), (StageType::Ocr, StageOutcome::Ok, 1, Some(5)));
        assert!((stage.seconds - 6.0).abs() < 1e-9, "from the first claim to the commit: {}", stage.seconds);
        assert_eq!(committed.job_ended, None);

        db.advance(3.0);
        let task = db.claim(TaskKind::Stage).await;
        assert_eq!((task.stage, task.stage_index, task.pages_total), (StageType::Parse, 1, Some(5)));
        db.advance(0.5);
        let made = [artifact(&task, ArtifactKind::Fields)];
        let ended = tasks::finish_stage(&db.store, &task, &made, &[]).await.unwrap();
        assert!((ended.stage_ended.unwrap().seconds - 0.5).abs() < 1e-9);
        let ended = ended.job_ended.unwrap();
        assert_eq!(ended.status, FinalStatus::Succeeded);
        assert!((ended.seconds_since_start.unwrap() - 9.5).abs() < 1e-9);
        assert!((ended.seconds_since_created - 10.5).abs() < 1e-9);

        let row = db.job(&scope, job).await;
        assert_eq!(row.status, JobStatus::Succeeded);
        assert_eq!((row.progress.pages_done, row.progress.pages_total), (5, Some(5)));
        let kinds: Vec<ArtifactKind> = row.artifacts.iter().map(|a| a.kind).collect();
        assert_eq!(kinds, [ArtifactKind::SearchablePdf, ArtifactKind::Text, ArtifactKind::Fields]);
        let figures: Vec<_> = row.stages.iter().map(|s| (s.status, s.tasks_done, s.tasks_total)).collect();
        assert_eq!(figures, [(JobStatus::Succeeded, 5, 5), (JobStatus::Succeeded, 1, 1)]);
        assert!(db.try_claim().await.is_none(), "nothing is left");
        let text = artifacts::get(&db.store, &scope, job, ArtifactKind::Text).await.unwrap();
        assert_eq!(text.size_bytes, 1234);
    }

    async fn the_fan_in_fires_once_when_the_last_ranges_end_together(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        db.inspect(8, 1).await;
        let mut enders = Vec::new();
        for _ in 0..8 {
            let task = db.claim(TaskKind::Pages).await;
            tasks::save_page(&db.store, &task, &good_page(&task, task.range.unwrap().first), "The words of a page.").await.unwrap();
            let store = db.store.clone();
            enders.push(tokio::spawn(async move { tasks::finish_pages(&store, &task).await.unwrap() }));
        }
        for ender in enders {
            ender.await.unwrap();
        }
        db.claim(TaskKind::Assemble).await;
        assert!(db.try_claim().await.is_none(), "exactly one task assembles");
    }

    async fn a_page_saved_twice_counts_once(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(2, 2).await;
        let task = db.claim(TaskKind::Pages).await;
        let mut first = good_page(&task, page(1));
        assert!(tasks::save_page(&db.store, &task, &first, "The words of a page.").await.unwrap());
        first.mean_confidence = Some(0.5);
        assert!(!tasks::save_page(&db.store, &task, &first, "The words of a page.").await.unwrap());
        assert_eq!(db.job(&scope, job).await.progress.pages_done, 1);
        assert_eq!(tasks::saved_pages(&db.store, &scope, job, 0).await.unwrap(), [first]);
    }

    async fn a_range_with_a_missing_page_cannot_end(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        db.inspect(2, 2).await;
        let task = db.claim(TaskKind::Pages).await;
        tasks::save_page(&db.store, &task, &good_page(&task, page(2)), "The words of a page.").await.unwrap();
        assert!(matches!(tasks::finish_pages(&db.store, &task).await, Err(StoreError::Failure(f)) if f.code == Code::Internal));
        let outside = tasks::save_page(&db.store, &task, &good_page(&task, page(3)), "The words of a page.").await;
        assert!(matches!(outside, Err(StoreError::Failure(_))));
        db.read_pages(&task).await;
        db.claim(TaskKind::Assemble).await;
    }

    async fn a_document_with_pages_missing_never_succeeds(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.claim(TaskKind::Inspect).await;
        tasks::finish_inspect(&db.store, &task, 2, &[range(1, 1)], &[]).await.unwrap();
        let task = db.claim(TaskKind::Pages).await;
        db.read_pages(&task).await;
        let task = db.claim(TaskKind::Assemble).await;
        assert!(tasks::finish_stage(&db.store, &task, &[], &[]).await.is_err());
        assert_eq!(db.job(&scope, job).await.status, JobStatus::Running);
    }

    async fn a_failed_page_fails_the_job_and_keeps_the_artifacts(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let committed = assemble_with_failed_pages(&db, 2, 1).await;
        assert_eq!(committed.stage_ended.unwrap().outcome, StageOutcome::Error);
        let ended = committed.job_ended.unwrap();
        assert_eq!((ended.status, ended.failure_stage), (FinalStatus::Failed, Some(StageType::Ocr)));
        let row = db.job(&scope, job).await;
        assert_eq!(row.status, JobStatus::Failed);
        assert_eq!(row.failure.unwrap().code, Code::PageFailed);
        assert_eq!(row.artifacts.len(), 1, "what is finished stays downloadable");
        assert_eq!(row.stages[0].status, JobStatus::Failed);
    }

    async fn a_failed_page_is_a_warning_where_the_stage_continues_unless_every_page_failed(db: TestDb) {
        let scope = db.organization("one").await;
        let yaml = "name: x\nstages:\n  - type: ocr\n    on_page_error: continue\n";
        let job = db.upload(&scope, "some", plan_of(yaml)).await.job;
        let ended = assemble_with_failed_pages(&db, 3, 1).await.job_ended.unwrap();
        assert_eq!(ended.status, FinalStatus::Succeeded);
        assert_eq!(ended.warnings.len(), 1);
        assert_eq!(ended.warnings[0].code.0, WarningKind::PageFailed);
        assert_eq!(db.job(&scope, job).await.warnings[0].page, Some(page(1)));
        db.upload(&scope, "all", plan_of(yaml)).await;
        assert_eq!(assemble_with_failed_pages(&db, 2, 2).await.job_ended.unwrap().status, FinalStatus::Failed);
    }

    async fn warnings_are_counted_for_jobs_that_succeeded_only_and_told_once(db: TestDb) {
        let counted = || {
            let (_, text) = db.store.metrics().render(crp_metrics::Exposition::Text);
            text.lines().any(|line| line == "crpipeline_job_warnings_total{kind=\"language_missing\"} 1")
        };
        let scope = db.organization("one").await;
        let missing = Warning::new(WarningKind::LanguageMissing, None, "there is no data for this language");
        let twice = [missing.clone(), missing];
        for fails in [true, false] {
            let job = db.upload(&scope, &format!("{fails}"), plan()).await.job;
            let task = db.claim(TaskKind::Inspect).await;
            tasks::finish_inspect(&db.store, &task, 0, &[], &twice).await.unwrap();
            let task = db.claim(TaskKind::Assemble).await;
            let committed = if fails {
                tasks::fail(&db.store, &task, &Failure::new(Code::Internal, "no"), None).await.unwrap()
            } else {
                tasks::finish_stage(&db.store, &task, &[], &twice).await.unwrap()
            };
            assert_eq!(committed.job_ended.as_ref().unwrap().warnings, twice[..1]);
            committed.count(db.store.metrics());
            assert_eq!(counted(), !fails);
            let events = crate::events::list_after(&db.store, &scope, job, 0, 100).await.unwrap();
            assert_eq!(events.iter().filter(|event| event.kind == crate::events::EventKind::Warning).count(), 1);
        }
    }

    async fn warnings_of_inspection_pages_and_stage_are_gathered_once_each(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let (missing, unsure) = (
            Warning::new(WarningKind::LanguageMissing, None, "deu is not installed"),
            Warning::new(WarningKind::LowConfidence, Some(page(1)), "words are unsure"),
        );
        let task = db.claim(TaskKind::Inspect).await;
        tasks::finish_inspect(&db.store, &task, 1, &[range(1, 1)], std::slice::from_ref(&missing)).await.unwrap();
        let task = db.claim(TaskKind::Pages).await;
        let saved = tasks::SavedPage { warnings: vec![unsure.clone()], ..good_page(&task, page(1)) };
        tasks::save_page(&db.store, &task, &saved, "The words of a page.").await.unwrap();
        tasks::finish_pages(&db.store, &task).await.unwrap();
        let task = db.claim(TaskKind::Assemble).await;
        let again = [unsure.clone(), missing.clone()];
        let ended = tasks::finish_stage(&db.store, &task, &[], &again).await.unwrap().job_ended.unwrap();
        assert_eq!(ended.warnings, [missing, unsure]);
        assert_eq!(db.job(&scope, job).await.warnings, ended.warnings);
    }

    async fn a_final_state_never_reverts(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.up_to_assembly(1).await;
        tasks::finish_stage(&db.store, &task, &[], &[]).await.unwrap();
        let before = db.job(&scope, job).await;
        assert_eq!(before.status, JobStatus::Succeeded);
        let failure = Failure::new(Code::Internal, "too late");
        assert_eq!(tasks::finish_stage(&db.store, &task, &[], &[]).await, Err(StoreError::Fenced));
        assert_eq!(tasks::fail(&db.store, &task, &failure, None).await, Err(StoreError::Fenced));
        assert_eq!(tasks::finish_cancelled(&db.store, &task).await, Err(StoreError::Fenced));
        let cancelled = jobs::cancel(&db.store, &scope, job).await.unwrap();
        assert_eq!(cancelled, jobs::CancelOutcome::AlreadyFinal(JobStatus::Succeeded));
        db.advance(LEASE.as_secs_f64() * 10.0);
        assert!(tasks::rescue_expired(&db.store).await.unwrap().is_empty());
        assert!(tasks::release_all_of_previous_process(&db.store).await.unwrap().is_empty());
        assert_eq!(db.job(&scope, job).await, before);
    }

    async fn a_document_whose_pages_are_saved_already_is_assembled_at_once(db: TestDb) {
        let scope = db.organization("one").await;
        db.upload(&scope, "bytes", plan()).await;
        let task = db.claim(TaskKind::Inspect).await;
        tasks::finish_inspect(&db.store, &task, 0, &[], &[]).await.unwrap();
        let task = db.claim(TaskKind::Assemble).await;
        assert!(tasks::finish_stage(&db.store, &task, &[], &[]).await.unwrap().job_ended.is_some());
    }
}

/// Inspects, saves so many pages of which the first ones failed, and assembles.
async fn assemble_with_failed_pages(db: &super::harness::TestDb, pages: u32, failed: u32) -> tasks::Committed {
    db.inspect(pages, pages).await;
    let task = db.claim(TaskKind::Pages).await;
    for number in task.range.unwrap().pages() {
        let mut saved = good_page(&task, number);
        if number.get() <= failed {
            saved.failure = Some(Failure::new(Code::PageFailed, format!("page {number} could not be read")));
            saved.object_key = None;
        }
        tasks::save_page(&db.store, &task, &saved, "The words of a page.").await.unwrap();
    }
    tasks::finish_pages(&db.store, &task).await.unwrap();
    let task = db.claim(TaskKind::Assemble).await;
    tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap()
}
