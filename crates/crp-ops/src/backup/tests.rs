//! A backup holds everything, also while documents come and go; one that is damaged or unfinished is refused, and so is a target
//! that holds something.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure};
use crp_objects::Objects;
use crp_store::{
    Database, Store,
    documents::{self, DocumentFilter, DocumentSort},
    search::SearchQuery,
    tasks,
};
use crp_testkit::s3_server::S3Server;

use super::{Installation, Manifest, Restored, Target, create, restore, verify};
use crate::{
    Step, check,
    fixtures::{Installed, NOW, everything, flip, in_bucket, unwatched},
};

async fn back_up(installed: &Installed, target: &Path) -> Result<Manifest, Failure> {
    create(&Installation { store: &installed.store, objects: &installed.objects, crpipeline: "1.2.3" }, target, &unwatched).await
}

/// A place to restore into.
struct Place {
    folder: tempfile::TempDir,
    objects: Objects,
    _s3: Option<S3Server>,
}

impl Place {
    fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open_folder(&folder.path().join("objects"), Metrics::for_tests()).unwrap();
        Self { folder, objects, _s3: None }
    }

    async fn s3() -> Self {
        let s3 = S3Server::start().await;
        Self { folder: tempfile::tempdir().unwrap(), objects: in_bucket(&s3), _s3: Some(s3) }
    }

    fn database(&self) -> Database {
        Database::Sqlite(self.folder.path().join("restored.db"))
    }

    async fn restore(&self, backup: &Path) -> Result<Restored, Failure> {
        let verified = verify(backup, false, &unwatched)?;
        let database = self.database();
        let ambient = Ambient::manual(NOW, 9).0;
        let target = Target { database: &database, objects: &self.objects, ambient, metrics: Metrics::for_tests() };
        restore(&verified, &target, &unwatched).await
    }

    async fn store(&self) -> Store {
        Store::open(&self.database(), Ambient::manual(NOW, 10).0, Metrics::for_tests()).await.unwrap()
    }

    /// Nothing is wrong with what was restored; how many documents a search finds.
    async fn is_sound(&self, installed: &Installed) -> usize {
        let store = self.store().await;
        let subject = check::Subject { store: &store, objects: &self.objects, hashes: true, repair: false, older_than: NOW };
        let report = check::check(&subject, &unwatched).await.unwrap();
        assert_eq!((report.found, report.foreign), (0, 0), "{:?}", report.findings);
        let filter = DocumentFilter { words: SearchQuery::parse("harbour").unwrap(), ..DocumentFilter::default() };
        let found = documents::list(&store, &installed.scope, &filter, DocumentSort::Newest, None, 100).await.unwrap().items.len();
        store.close().await;
        found
    }
}

#[tokio::test]
async fn a_backup_comes_back_whole_from_a_folder_into_a_bucket_and_from_a_bucket_into_a_folder() {
    for (installed, place) in [(Installed::on_folder().await, Place::s3().await), (Installed::on_s3().await, Place::folder())] {
        let backup = installed.folder.path().join("backup");
        for name in ["one", "two", "three"] {
            installed.read(name).await;
        }
        installed.upload("half").await;
        installed.work(2).await;
        let manifest = back_up(&installed, &backup).await.unwrap();
        assert_eq!((manifest.rows_of("documents"), manifest.objects.count), (4, 4 + 3 * 5 + 2));
        verify(&backup, true, &unwatched).unwrap();
        let restored = place.restore(&backup).await.unwrap();
        assert_eq!((restored.objects, restored.rows), (manifest.objects.count, manifest.rows()));
        let keys = |listed: Vec<crp_objects::Listed>| listed.into_iter().map(|one| (one.key, one.size_bytes)).collect::<Vec<_>>();
        assert_eq!(keys(everything(&place.objects).await), keys(installed.all().await));
        assert_eq!(place.is_sound(&installed).await, 3);
        let store = place.store().await;
        let worker = crp_model::WorkerId::new(store.ambient());
        let task = tasks::claim(&store, worker, std::time::Duration::from_secs(60)).await.unwrap().expect("what ran goes on");
        assert_eq!(task.kind, crp_model::TaskKind::Pages);
        store.close().await;
    }
}

#[tokio::test]
async fn a_later_backup_copies_only_what_is_new_and_forgets_what_is_gone() {
    let installed = Installed::on_s3().await;
    let backup = installed.folder.path().join("backup");
    let [one, _, _] = [installed.read("one").await, installed.read("two").await, installed.read("three").await];
    back_up(&installed, &backup).await.unwrap();
    let requests = installed.s3.as_ref().unwrap().requests();
    back_up(&installed, &backup).await.unwrap();
    assert_eq!(installed.s3.as_ref().unwrap().requests(), requests, "every object is there already");
    installed.read("four").await;
    let deleted = documents::delete(&installed.store, &installed.scope, one.document).await.unwrap();
    for key in deleted.object_to_delete.iter().chain(&deleted.derived_objects) {
        installed.objects.delete(key).await.unwrap();
    }
    let manifest = back_up(&installed, &backup).await.unwrap();
    assert_eq!(
        installed.s3.as_ref().unwrap().requests() - requests,
        6 + deleted.derived_objects.len() as u64 + 1 + 6,
        "put six, deleted, read six"
    );
    assert_eq!(files(&backup.join("objects")).len() as u64, manifest.objects.count, "nothing of the first document is left");
    assert_eq!(fs::read_dir(backup.join("rows")).unwrap().count(), 1);
    let place = Place::folder();
    place.restore(&backup).await.unwrap();
    assert_eq!(place.is_sound(&installed).await, 3);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_deleted_while_the_backup_is_made_is_left_out_and_damage_is_told() {
    let installed = Installed::on_folder().await;
    let backup = installed.folder.path().join("backup");
    let [deleted, damaged, _] = [installed.read("deleted").await, installed.read("damaged").await, installed.read("kept").await];
    let missing = installed.thumbnail_key(damaged.job, 1);
    fs::remove_file(installed.file(&missing)).unwrap();
    // The first object that is told of has been copied; the rest of the document goes before its turn.
    let is_deleted = AtomicBool::new(false);
    let (store, scope) = (installed.store.clone(), installed.scope);
    let (root, handle) = (installed.folder.path().join("objects"), tokio::runtime::Handle::current());
    let watch = |step: Step<'_>| {
        if step.what == "rows" && step.total.is_some() && !is_deleted.swap(true, Ordering::SeqCst) {
            let (store, root, handle) = (store.clone(), root.clone(), handle.clone());
            let gone =
                std::thread::spawn(move || handle.block_on(documents::delete(&store, &scope, deleted.document))).join().unwrap().unwrap();
            gone.object_to_delete.iter().chain(&gone.derived_objects).for_each(|key| fs::remove_file(root.join(key.as_str())).unwrap());
        }
    };
    let source = Installation { store: &installed.store, objects: &installed.objects, crpipeline: "1.2.3" };
    let manifest = create(&source, &backup, &watch).await.unwrap();
    assert_eq!(manifest.rows_of("documents"), 3, "its rows were read before");
    assert!(!manifest.deleted_meanwhile.is_empty());
    assert_eq!(manifest.missing.iter().map(|one| &one.key).collect::<Vec<_>>(), [&missing]);
    verify(&backup, true, &unwatched).unwrap();
    let place = Place::folder();
    place.restore(&backup).await.unwrap();
    let store = place.store().await;
    let subject = check::Subject { store: &store, objects: &place.objects, hashes: true, repair: false, older_than: NOW };
    let report = check::check(&subject, &unwatched).await.unwrap();
    assert_eq!(report.findings.iter().map(|finding| &finding.key).collect::<Vec<_>>(), [&missing], "what was damaged is, and nothing else");
    let all = documents::list(&store, &installed.scope, &DocumentFilter::default(), DocumentSort::Newest, None, 10).await.unwrap().items;
    assert!(all.len() == 2 && all.iter().all(|row| row.id != deleted.document));
    store.close().await;
}

#[tokio::test]
async fn whatever_is_damaged_is_refused_by_name_and_changes_nothing() {
    let installed = Installed::on_folder().await;
    let backup = installed.folder.path().join("backup");
    installed.read("one").await;
    let manifest = back_up(&installed, &backup).await.unwrap();
    let whole = files(&backup);
    for path in whole.iter().filter(|path| !path.ends_with("crpipeline-backup")) {
        let bytes = fs::read(path).unwrap();
        let shown = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_object = path.starts_with(backup.join("objects"));
        for damage in ["flipped", "shorter", "missing"] {
            match damage {
                "flipped" if bytes.is_empty() => continue,
                "flipped" => flip(path),
                "shorter" if bytes.is_empty() => continue,
                "shorter" => fs::write(path, &bytes[..bytes.len() - 1 - bytes.len() / 3]).unwrap(),
                _ => fs::remove_file(path).unwrap(),
            }
            let refused = verify(&backup, true, &unwatched).unwrap_err();
            assert!(refused.code == Code::BackupUnusable && refused.message.contains(&shown), "{damage} {shown}: {refused}");
            let place = Place::folder();
            let refused = place.restore(&backup).await.unwrap_err();
            assert!(refused.code == Code::BackupUnusable && refused.message.contains(&shown), "{damage} {shown}: {refused}");
            let is_found_on_the_way = is_object && damage == "flipped";
            assert!(is_found_on_the_way || !place.folder.path().join("restored.db").exists(), "{damage} {shown}");
            if is_found_on_the_way {
                fs::write(path, &bytes).unwrap();
                place.restore(&backup).await.unwrap();
                assert_eq!(place.is_sound(&installed).await, 1, "the next try goes on where the first stopped");
            }
            fs::write(path, &bytes).unwrap();
        }
    }
    verify(&backup, true, &unwatched).unwrap();
    assert_eq!(Manifest::read(&backup).unwrap(), manifest);
}

#[tokio::test]
async fn a_backup_that_was_broken_off_is_unfinished_and_an_earlier_one_stays_whole() {
    let mut installed = Installed::on_s3().await;
    let backup = installed.folder.path().join("backup");
    installed.read("one").await;
    installed.s3.as_ref().unwrap().fail_all(Some(crp_testkit::s3_server::Fault::Status(503)));
    assert_eq!(back_up(&installed, &backup).await.unwrap_err().code, Code::StorageUnavailable);
    let refused = verify(&backup, true, &unwatched).unwrap_err();
    assert!(refused.code == Code::BackupUnusable && refused.message.contains("never finished"), "{refused}");
    installed.storage_is_back();
    back_up(&installed, &backup).await.unwrap();

    installed.read("two").await;
    installed.s3.as_ref().unwrap().fail_all(Some(crp_testkit::s3_server::Fault::Status(503)));
    assert_eq!(back_up(&installed, &backup).await.unwrap_err().code, Code::StorageUnavailable);
    assert_eq!(verify(&backup, true, &unwatched).unwrap().manifest.rows_of("documents"), 1);
    installed.storage_is_back();
    assert_eq!(back_up(&installed, &backup).await.unwrap().rows_of("documents"), 2);
    assert_eq!(fs::read_dir(backup.join("rows")).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_that_is_there_is_overwritten() {
    let (installed, other) = (Installed::on_folder().await, Installed::on_folder().await);
    other.clock.advance(std::time::Duration::from_secs(1));
    let backup = installed.folder.path().join("backup");
    installed.read("one").await;
    back_up(&installed, &backup).await.unwrap();
    let kept = files(&backup);

    let occupied = installed.folder.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("letter.txt"), "mine").unwrap();
    assert_eq!(back_up(&installed, &occupied).await.unwrap_err().code, Code::TargetNotEmpty);
    assert_eq!(fs::read_dir(&occupied).unwrap().count(), 1);
    assert!(verify(&occupied, true, &unwatched).unwrap_err().message.contains("is no backup"));

    let place = Place::folder();
    let foreign = other.key();
    place.objects.put_bytes(&foreign, bytes::Bytes::from_static(b"x")).await.unwrap();
    let refused = place.restore(&backup).await.unwrap_err();
    assert!(refused.code == Code::TargetNotEmpty && refused.message.contains(foreign.as_str()), "{refused}");
    place.objects.delete(&foreign).await.unwrap();
    place.restore(&backup).await.unwrap();
    assert_eq!(place.restore(&backup).await.unwrap_err().code, Code::TargetNotEmpty);
    assert_eq!(place.is_sound(&installed).await, 1);

    let database = Database::Sqlite(installed.folder.path().join("another.db"));
    let another = Store::open(&database, Ambient::manual(crp_model::Timestamp(5), 3).0, Metrics::for_tests()).await.unwrap();
    let new = crp_store::setup::NewInstallation {
        organization_name: "x".to_owned(),
        languages: vec!["eng".to_owned()],
        email: "x@example.org".to_owned(),
        display_name: "X".to_owned(),
        password_hash: "$argon2id$".to_owned(),
    };
    crp_store::setup::create_first(&another, new).await.unwrap();
    let refused =
        create(&Installation { store: &another, objects: &other.objects, crpipeline: "1.2.3" }, &backup, &unwatched).await.unwrap_err();
    assert!(refused.code == Code::TargetNotEmpty && refused.message.contains("another installation"), "{refused}");
    assert_eq!(files(&backup), kept);
    another.close().await;
}
