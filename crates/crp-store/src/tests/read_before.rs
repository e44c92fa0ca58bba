//! Pages that an earlier job has read: found by bytes, organization and what read them, and by nothing less.

use crp_model::{Code, Failure, Scope, Sha256Hash, TaskKind};

use super::{
    both_engines,
    fixtures::{good_page, page, plan},
    harness::TestDb,
};
use crate::{
    jobs,
    tasks::{self, ClaimedTask, SavedPage},
};

fn identity(name: &str) -> Sha256Hash {
    Sha256Hash::of(name.as_bytes())
}

/// A job of two pages in one range, up to the task that reads them.
async fn reading(db: &TestDb, scope: &Scope, bytes: &str) -> ClaimedTask {
    db.upload(scope, bytes, plan()).await;
    db.inspect(2, 2).await;
    db.claim(TaskKind::Pages).await
}

async fn save(db: &TestDb, task: &ClaimedTask, saved: SavedPage) {
    tasks::save_page(&db.store, task, &saved, "The words of a page.").await.unwrap();
}

async fn found(db: &TestDb, task: &ClaimedTask, name: &str) -> Vec<SavedPage> {
    tasks::pages_read_before(&db.store, task, identity(name)).await.unwrap()
}

both_engines! {
    async fn a_page_is_found_by_the_same_bytes_of_the_same_organization_read_in_the_same_way(db: TestDb) {
        let (one, two) = (db.organization("one").await, db.organization("two").await);
        let first = reading(&db, &one, "bytes").await;
        let read = |number| SavedPage { identity: Some(identity("engine 1")), ..good_page(&first, page(number)) };
        save(&db, &first, read(1)).await;
        save(&db, &first, SavedPage { failure: Some(Failure::new(Code::PageFailed, "unreadable")), ..read(2) }).await;
        assert_eq!(found(&db, &first, "engine 1").await, [], "a job does not find its own pages");

        let again = reading(&db, &one, "bytes").await;
        let expected = SavedPage { reused_from: Some(first.job), ..read(1) };
        assert_eq!(found(&db, &again, "engine 1").await, std::slice::from_ref(&expected), "a page that failed is read again");
        assert_eq!(found(&db, &again, "engine 2").await, [], "another engine reads otherwise");
        let others = reading(&db, &two, "bytes").await;
        assert_eq!(found(&db, &others, "engine 1").await, [], "nobody finds what another organization has");
        let other_bytes = reading(&db, &one, "other bytes").await;
        assert_eq!(found(&db, &other_bytes, "engine 1").await, []);

        save(&db, &again, expected).await;
        assert_eq!(jobs::get(&db.store, &one, again.job).await.unwrap().pages_reused, 1);
        assert_eq!(jobs::get(&db.store, &one, first.job).await.unwrap().pages_reused, 0);
        let third = reading(&db, &one, "bytes").await;
        let pages = found(&db, &third, "engine 1").await;
        assert_eq!(pages.len(), 1, "each page once, of whichever job");
    }
}
