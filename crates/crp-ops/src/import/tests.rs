//! A folder becomes documents: once, whatever is in it, and whenever the run breaks off.

use std::{fs, path::PathBuf};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, PipelineFile, Plan, Scope};
use crp_objects::Objects;
use crp_store::{Database, Store, organizations, overview};

use super::{Import, Report, run, survey};

const PDF: &[u8] = b"%PDF-1.4\nbody";

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    objects: Objects,
    scope: Scope,
    plan: Plan,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("inbox/deep")).unwrap();
        let database = Database::Sqlite(folder.path().join("x.db"));
        let store = Store::open(&database, Ambient::system(), Metrics::for_tests()).await.unwrap();
        let objects = Objects::open_folder(&folder.path().join("objects"), Metrics::for_tests()).unwrap();
        let scope = Scope::system(organizations::create(&store, "one", &["eng".to_owned()]).await.unwrap());
        let plan = PipelineFile::parse(PipelineFile::BUILT_IN[0]).unwrap().plan(0, &["eng".to_owned()]);
        Self { folder, store, objects, scope, plan }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("inbox").join(path), bytes).unwrap();
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("records/one.jsonl")
    }

    async fn import(&self) -> Report {
        let import = Import { store: &self.store, objects: &self.objects, scope: self.scope, plan: &self.plan, max_bytes: 1000 };
        run(&import, &self.folder.path().join("inbox"), &self.record(), &|_| {}).await.unwrap()
    }

    async fn documents(&self) -> u64 {
        overview::organization_figures(&self.store, &self.scope).await.unwrap().documents
    }
}

#[tokio::test]
async fn a_folder_is_taken_once_and_what_is_no_document_is_told() {
    let place = Place::new().await;
    place.put("a.pdf", PDF);
    place.put("deep/b.pdf", &[PDF, b" other"].concat());
    place.put("deep/same as a.pdf", PDF);
    place.put("notes.txt", b"hello");
    place.put("empty.pdf", b"");
    place.put("large.pdf", &[PDF, &[b'x'; 2000]].concat());
    place.put(".hidden.pdf", PDF);
    std::os::unix::fs::symlink("/etc/hostname", place.folder.path().join("inbox/link.pdf")).unwrap();

    let looked = survey(&place.folder.path().join("inbox"), &place.record(), 1000, &|_| {}).await.unwrap();
    assert_eq!((looked.files["application/pdf"], looked.refused.len(), looked.known), (3, 3, 0));
    assert_eq!((place.documents().await, place.record().exists()), (0, false), "looking changes nothing");

    let first = place.import().await;
    assert_eq!((first.taken, first.duplicates, first.known), (3, 1, 0), "{first:?}");
    let refused: Vec<_> = first.refused.iter().map(|one| (one.path.as_str(), one.failure.code)).collect();
    assert_eq!(refused, [("empty.pdf", Code::EmptyFile), ("large.pdf", Code::TooLarge), ("notes.txt", Code::UnsupportedType)]);
    let again = place.import().await;
    assert_eq!((again.taken, again.known, again.refused.len(), place.documents().await), (0, 3, 3, 3));

    place.put("a.pdf", &[PDF, b" a new version"].concat());
    place.put("c.pdf", &[PDF, b" new"].concat());
    let later = place.import().await;
    assert_eq!((later.taken, later.known, place.documents().await), (2, 2, 5));
}

#[tokio::test]
async fn a_run_that_died_before_its_record_was_written_takes_nothing_twice() {
    let place = Place::new().await;
    place.put("a.pdf", PDF);
    place.put("b.pdf", &[PDF, b" other"].concat());
    place.import().await;
    let record = fs::read_to_string(place.record()).unwrap();
    // Killed in the middle of the second line; then before the first.
    for left in [record.len() - 20, 0] {
        fs::write(place.record(), &record[..left]).unwrap();
        let again = place.import().await;
        assert_eq!(again.taken + again.known, 2, "{again:?}");
        assert_eq!(place.documents().await, 2, "documents that are there already are found again");
    }
    assert_eq!(place.import().await.known, 2);
}

#[tokio::test]
async fn the_same_folder_is_imported_through_another_pipeline_with_a_record_of_its_own() {
    let mut place = Place::new().await;
    place.put("a.pdf", PDF);
    place.import().await;
    place.plan = PipelineFile::parse(PipelineFile::BUILT_IN[1]).unwrap().plan(0, &["eng".to_owned()]);
    fs::remove_file(place.record()).unwrap();
    let again = place.import().await;
    assert_eq!((again.taken, again.duplicates, place.documents().await), (1, 1, 2), "{again:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_clear_failure() {
    let place = Place::new().await;
    let import = Import { store: &place.store, objects: &place.objects, scope: place.scope, plan: &place.plan, max_bytes: 1000 };
    let failure = run(&import, &place.folder.path().join("missing"), &place.record(), &|_| {}).await.unwrap_err();
    assert_eq!(failure.code, Code::FileAccess);
}
