//! Events: numbered in the order of the commits, and heard of.

use crp_model::{ArtifactKind, Code, Failure, TaskKind};
use serde_json::json;

use super::{
    both_engines,
    fixtures::{artifact, good_page, plan},
};
use crate::{
    events::{self, EventKind},
    tasks,
};

both_engines! {
    async fn a_job_tells_its_whole_story_in_order(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        let task = db.claim(TaskKind::Inspect).await;
        tasks::fail(&db.store, &task, &Failure::new(Code::EngineCrashed, "died"), Some(std::time::Duration::ZERO)).await.unwrap();
        let task = db.up_to_assembly(2).await;
        tasks::finish_stage(&db.store, &task, &[artifact(&task, ArtifactKind::Text)], &[]).await.unwrap();
        let all = events::list_after(&db.store, &scope, job, 0, 100).await.unwrap();
        let kinds: Vec<&str> = all.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["queued", "started", "stage_started", "retrying", "stage_started", "progress", "progress", "progress", "stage_finished",
             "succeeded"]
        );
        assert_eq!(all.iter().map(|event| event.id).collect::<Vec<_>>(), (1..=10).collect::<Vec<i64>>());
        assert_eq!(all[3].payload["failure"]["code"], json!("engine_crashed"));
        assert_eq!(all[7].payload, json!({ "page": 2, "pages_done": 2, "pages_total": 2 }));
        let after = events::list_after(&db.store, &scope, job, 8, 1).await.unwrap();
        assert_eq!((after.len(), after[0].kind), (1, EventKind::StageFinished));
        assert_eq!(db.job(&scope, job).await.last_event_id, 10);
        assert!(all[9].kind.is_final());
    }

    async fn a_reader_that_follows_the_numbers_misses_nothing_while_eight_write(db: TestDb) {
        let scope = db.organization("one").await;
        let job = db.upload(&scope, "bytes", plan()).await.job;
        db.inspect(40, 5).await;
        let mut changes = db.store.job_changes(job);
        let mut writers = Vec::new();
        for _ in 0..8 {
            let (store, task) = (db.store.clone(), db.claim(TaskKind::Pages).await);
            writers.push(tokio::spawn(async move {
                for page in task.range.unwrap().pages() {
                    tasks::save_page(&store, &task, &good_page(&task, page), "The words of a page.").await.unwrap();
                }
            }));
        }
        let mut seen = Vec::new();
        while seen.iter().filter(|event: &&events::Event| event.payload.get("page").is_some()).count() < 40 {
            let last = seen.last().map_or(0, |event: &events::Event| event.id);
            let new = events::list_after(&db.store, &scope, job, last, 7).await.unwrap();
            if new.is_empty() {
                assert!(changes.changed().await);
            }
            seen.extend(new);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let ids: Vec<i64> = seen.iter().map(|event| event.id).collect();
        assert_eq!(ids, (1..=i64::try_from(ids.len()).unwrap()).collect::<Vec<_>>());
    }
}
