//! Watched folders: one watcher at a time, and a file is taken with its note or not at all.

use std::time::Duration;

use uuid::Uuid;

use super::{both_engines, fixtures::plan};
use crate::{
    StoreError, overview,
    watched::{self, WatchedFile},
};

const LEASE: Duration = Duration::from_secs(30);

fn file(folder: Uuid, watcher: Uuid) -> WatchedFile<'static> {
    WatchedFile { folder, watcher, path: "one/scan.pdf" }
}

both_engines! {
    async fn a_folder_has_one_watcher_until_that_leaves_or_falls_silent(db: TestDb) {
        let [folder, first, second] = [(); 3].map(|()| db.store.ambient().new_uuid());
        assert!(watched::watch(&db.store, folder, first, LEASE).await.unwrap());
        assert!(!watched::watch(&db.store, folder, second, LEASE).await.unwrap());
        db.clock.advance(LEASE / 2);
        assert!(watched::watch(&db.store, folder, first, LEASE).await.unwrap(), "it goes on");
        db.clock.advance(LEASE / 2);
        assert!(!watched::watch(&db.store, folder, second, LEASE).await.unwrap());
        watched::leave(&db.store, folder, second).await.unwrap();
        assert!(!watched::watch(&db.store, folder, second, LEASE).await.unwrap(), "it could not end the watch of another");
        db.clock.advance(LEASE / 2);
        assert!(watched::watch(&db.store, folder, second, LEASE).await.unwrap(), "the first fell silent");
        watched::leave(&db.store, folder, second).await.unwrap();
        assert!(watched::watch(&db.store, folder, first, LEASE).await.unwrap(), "the second left");
    }

    async fn a_watcher_that_was_replaced_takes_nothing(db: TestDb) {
        let scope = db.organization("one").await;
        let [folder, first, second] = [(); 3].map(|()| db.store.ambient().new_uuid());
        assert!(watched::watch(&db.store, folder, first, LEASE).await.unwrap());
        db.clock.advance(LEASE);
        assert!(watched::watch(&db.store, folder, second, LEASE).await.unwrap());
        let new = db.new_document(&scope, "bytes", plan());
        assert_eq!(watched::take(&db.store, &scope, new, file(folder, first)).await, Err(StoreError::Fenced));
        assert_eq!(overview::organization_figures(&db.store, &scope).await.unwrap().documents, 0);
        assert!(db.try_claim().await.is_none() && watched::taken(&db.store, &scope, folder).await.unwrap().is_empty());
    }

    async fn a_taken_file_is_noted_until_it_is_forgotten(db: TestDb) {
        let (scope, other) = (db.organization("one").await, db.organization("two").await);
        let [folder, watcher] = [(); 2].map(|()| db.store.ambient().new_uuid());
        assert!(watched::watch(&db.store, folder, watcher, LEASE).await.unwrap());
        let new = db.new_document(&scope, "bytes", plan());
        let sha256 = new.sha256;
        let added = watched::take(&db.store, &scope, new, file(folder, watcher)).await.unwrap();
        assert!(db.try_claim().await.is_some(), "its job waits");
        let noted = watched::taken(&db.store, &scope, folder).await.unwrap();
        assert_eq!(noted.iter().map(|file| (file.path.as_str(), file.sha256, file.document)).collect::<Vec<_>>(), [("one/scan.pdf", sha256, added.document)]);
        assert!(watched::taken(&db.store, &other, folder).await.unwrap().is_empty());
        watched::forget(&db.store, &other, folder, &noted[0]).await.unwrap();
        assert_eq!(watched::taken(&db.store, &scope, folder).await.unwrap(), noted, "another organization forgets nothing here");
        watched::forget(&db.store, &scope, folder, &noted[0]).await.unwrap();
        assert!(watched::taken(&db.store, &scope, folder).await.unwrap().is_empty());
    }
}
