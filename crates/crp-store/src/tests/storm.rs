//! Everything at once: workers of two processes, failures, lost workers, cancels, deletions. Every job ends exactly once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crp_model::{Code, Failure, JobId, PageRange, Scope, TaskKind};

use super::{
    both_engines,
    fixtures::{LEASE, good_page, plan, two_stages},
    harness::TestDb,
};
use crate::{
    Store, StoreError, documents,
    jobs::{self, CancelOutcome},
    tasks::{self, ClaimedTask, Committed},
};

const JOBS: usize = 24;
const PAGES: u32 = 4;

#[derive(Default)]
struct Tally {
    ended: AtomicUsize,
    over: AtomicBool,
}

impl Tally {
    fn note(&self, committed: &Committed) {
        if committed.job_ended.is_some() {
            self.ended.fetch_add(1, Ordering::SeqCst);
        }
    }
}

both_engines! {
    async fn every_job_ends_exactly_once_in_a_storm(db: TestDb) {
        let scopes = [db.organization("one").await, db.organization("two").await];
        let other_process = db.another_process().await;
        let tally = Arc::new(Tally::default());
        let mut all: Vec<(Scope, JobId, crp_model::DocumentId)> = Vec::new();
        for n in 0..JOBS {
            let scope = scopes[n % 2];
            let added = db.upload(&scope, &format!("bytes {n}"), if n % 3 == 0 { two_stages() } else { plan() }).await;
            all.push((scope, added.job, added.document));
        }
        let mut running = Vec::new();
        for n in 0..6u32 {
            let store = if n % 2 == 0 { db.store.clone() } else { other_process.clone() };
            running.push(tokio::spawn(work(store, db.worker(), n, tally.clone())));
        }
        running.push(tokio::spawn(disturb(db.clone(), all.clone(), tally.clone())));
        for task in running {
            task.await.unwrap();
        }
        for (scope, job, _) in &all {
            match jobs::get(&db.store, scope, *job).await {
                Ok(row) => assert!(row.status.is_final(), "{row:?}"),
                Err(error) => assert_eq!(error, StoreError::NotFound, "it was deleted"),
            }
        }
        assert_eq!(tally.ended.load(Ordering::SeqCst), JOBS, "every end was told once");
        let (_, text) = db.store.metrics().render(crp_metrics::Exposition::Text);
        let errors = text.lines().filter(|line| line.starts_with("crpipeline_db_errors_total{") && !line.ends_with(" 0"));
        assert_eq!(errors.collect::<Vec<_>>(), Vec::<&str>::new(), "no deadlock, nothing busy");
        other_process.close().await;
    }
}

/// Takes tasks until the storm is over; what it does with them depends on a count of its own.
async fn work(store: Store, worker: crp_model::WorkerId, n: u32, tally: Arc<Tally>) {
    let mut count = n;
    while tally.ended.load(Ordering::SeqCst) < JOBS {
        let Some(task) = tasks::claim(&store, worker, LEASE).await.unwrap() else {
            tokio::task::yield_now().await;
            continue;
        };
        count += 1;
        let failure = Failure::new(Code::EngineCrashed, "died");
        let done = match count % 11 {
            3 => tasks::hand_back(&store, &task, Duration::ZERO).await,
            5 => tasks::fail(&store, &task, &failure, Some(Duration::ZERO)).await,
            // Lost: nothing is done, and the lease runs out.
            8 => continue,
            _ => finish(&store, &task).await,
        };
        match done {
            Ok(committed) => tally.note(&committed),
            Err(StoreError::Fenced) => {}
            Err(other) => panic!("{other}"),
        }
    }
    tally.over.store(true, Ordering::SeqCst);
}

async fn finish(store: &Store, task: &ClaimedTask) -> Result<Committed, StoreError> {
    match task.kind {
        TaskKind::Inspect => tasks::finish_inspect(store, task, PAGES, &PageRange::split(PAGES, 1), &[]).await,
        TaskKind::Pages => {
            let page = task.range.expect("a range").first;
            tasks::save_page(store, task, &good_page(task, page), "The words of a page.").await?;
            tasks::renew(store, task.worker, &[(task.id, task.fence)], LEASE).await?;
            tasks::finish_pages(store, task).await
        }
        TaskKind::Assemble | TaskKind::Stage => tasks::finish_stage(store, task, &[], &[]).await,
    }
}

/// Lets leases run out, cancels every fourth job, deletes documents.
async fn disturb(db: TestDb, all: Vec<(Scope, JobId, crp_model::DocumentId)>, tally: Arc<Tally>) {
    let mut round = 0;
    while !tally.over.load(Ordering::SeqCst) && tally.ended.load(Ordering::SeqCst) < JOBS {
        let (scope, job, document) = all[round % all.len()];
        if round % 4 == 0 && round < all.len() {
            match jobs::cancel(&db.store, &scope, job).await {
                Ok(CancelOutcome::Cancelled(committed)) => tally.note(&committed),
                Ok(_) | Err(StoreError::NotFound) => {}
                Err(other) => panic!("{other}"),
            }
        }
        if round % 5 == 0 {
            let deleted = documents::delete(&db.store, &scope, document).await;
            assert!(matches!(deleted, Ok(_) | Err(StoreError::Conflict(_) | StoreError::NotFound)), "{deleted:?}");
        }
        if round % 7 == 0 {
            db.advance(LEASE.as_secs_f64() + 1.0);
            for rescued in tasks::rescue_expired(&db.store).await.unwrap() {
                tally.note(&rescued.committed);
            }
        }
        round += 1;
        tokio::task::yield_now().await;
    }
}
