//! Files of a watched folder become documents once, whatever lies beside them and whenever the process ends.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crp_metrics::Metrics;
use crp_model::{Code, labels::IntakeResult};
use crp_objects::Reserve;
use crp_store::overview;
use crp_testkit::s3_server::Fault;

use super::{Intake, IntakeSettings, memory::Memory, round::Left};
use crate::fixtures::Installed;

const PDF: &[u8] = b"%PDF-1.4\nbody";

struct Watch {
    installed: Installed,
    intake: Intake,
    memory: Memory,
}

impl Watch {
    async fn new() -> Self {
        Self::of(Installed::on_folder().await)
    }

    fn of(installed: Installed) -> Self {
        let folder = installed.folder.path().join("watched");
        fs::create_dir_all(folder.join("one")).unwrap();
        let reserve = Reserve { disks: vec![folder.clone()], min_free_bytes: 0 };
        let settings = IntakeSettings { folder, interval: Duration::from_secs(5), max_bytes: 1000, reserve };
        let intake = Intake::new(settings, installed.store.clone(), installed.objects.clone(), Metrics::for_tests());
        Self { installed, intake, memory: Memory::default() }
    }

    /// The same watch with other settings.
    fn set(&mut self, change: impl FnOnce(&mut IntakeSettings)) {
        change(Arc::make_mut(&mut self.intake.settings));
    }

    /// The same folder after the process was killed: nothing is remembered but what is durable.
    fn started_again(self) -> Self {
        self.installed.clock.advance(Duration::from_secs(60));
        Self::of(self.installed)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.intake.settings.folder.join(path)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
    }

    async fn looks(&mut self, times: u32) {
        for _ in 0..times {
            self.intake.look(&mut self.memory).await.unwrap();
        }
    }

    async fn documents(&self) -> u64 {
        overview::organization_figures(&self.installed.store, &self.installed.scope).await.unwrap().documents
    }

    fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn counted(&self, result: IntakeResult) -> u64 {
        self.intake.metrics.intake_files_total.get(result)
    }
}

#[tokio::test]
async fn a_file_is_taken_when_two_looks_saw_the_same_and_lies_in_done_then() {
    let mut watch = Watch::new().await;
    watch.put("one/scan.pdf", PDF);
    watch.looks(1).await;
    assert_eq!((watch.documents().await, watch.intake.metrics.intake_files_waiting.get()), (0, 1.0));
    watch.put("one/scan.pdf", &[PDF, b" more"].concat());
    watch.looks(1).await;
    assert_eq!(watch.documents().await, 0, "it grew");
    watch.looks(1).await;
    assert_eq!((watch.documents().await, watch.counted(IntakeResult::Taken), watch.intake.metrics.intake_files_waiting.get()), (1, 1, 0.0));
    assert_eq!((watch.names("one"), watch.names("one/done")), (vec!["done".to_owned()], vec!["scan.pdf".to_owned()]));
    assert_eq!(fs::read(watch.path("one/done/scan.pdf")).unwrap(), [PDF, b" more"].concat());
    // The same name and bytes later are another wish.
    watch.put("one/scan.pdf", &[PDF, b" more"].concat());
    watch.looks(3).await;
    assert_eq!((watch.documents().await, watch.names("one/done").len()), (2, 2));
}

#[tokio::test]
async fn one_bad_file_stops_no_other_and_lies_in_failed_with_a_note() {
    let mut watch = Watch::new().await;
    let outside = watch.installed.folder.path().join("outside.pdf");
    fs::write(&outside, PDF).unwrap();
    symlink(&outside, watch.path("one/link.pdf")).unwrap();
    symlink("/", watch.path("one/root")).unwrap();
    watch.put("one/notes.docx", b"hello");
    watch.put("one/empty.pdf", b"");
    watch.put("one/large.pdf", &[PDF, &[b'x'; 2000]].concat());
    watch.put("one/ok\n\u{202e}\u{1b}[31m.pdf", PDF);
    watch.put(&format!("one/{}.pdf", "y".repeat(251)), &[PDF, b" long name"].concat());
    fs::write(watch.path("one").join(OsStr::from_bytes(b"\xff\xfe.pdf")), [PDF, b" no text"].concat()).unwrap();
    let made = rustix::fs::mknodat(rustix::fs::CWD, watch.path("one/pipe.pdf"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0);
    made.unwrap();
    fs::create_dir(watch.path("one/a folder")).unwrap();
    watch.put("one/.hidden.pdf", PDF);
    watch.put("one/scan.pdf.part", PDF);
    watch.put("one/done/z.pdf", b"an older one");
    watch.put("one/z.pdf", &[PDF, b" z"].concat());
    watch.put("nobody/a.pdf", PDF);
    watch.put("b.pdf", PDF);
    watch.looks(4).await;
    assert_eq!(watch.documents().await, 4, "{:?}", watch.names("one"));
    assert_eq!(
        watch.names("one/failed"),
        ["large.pdf", "large.pdf.txt", "link.pdf", "link.pdf.txt", "notes.docx", "notes.docx.txt", "root", "root.txt"]
    );
    let note = fs::read_to_string(watch.path("one/failed/notes.docx.txt")).unwrap();
    assert!(
        ["What happened:", "What to do: Send a PDF", "Not with the same file", "unsupported_type"].iter().all(|part| note.contains(part)),
        "{note}"
    );
    assert_eq!(fs::read(watch.path("one/done/z.pdf")).unwrap(), b"an older one", "what lies there stays");
    assert_eq!(watch.names("one/done").len(), 5, "{:?}", watch.names("one/done"));
    assert_eq!(watch.names("one"), [".hidden.pdf", "a folder", "done", "empty.pdf", "failed", "pipe.pdf", "scan.pdf.part"]);
    watch.looks(8).await;
    assert!(
        ["empty.pdf.txt", "pipe.pdf.txt"].iter().all(|note| watch.path("one/failed").join(note).exists()),
        "nothing came into it for twelve looks"
    );
    assert_eq!((watch.counted(IntakeResult::Failed), watch.intake.metrics.intake_files_waiting.get()), (6, 1.0));
    assert!(outside.exists() && watch.path("nobody/a.pdf").exists() && watch.path("b.pdf").exists());
}

#[tokio::test]
async fn a_file_that_was_taken_and_could_not_be_moved_is_recognised_and_only_moved() {
    let mut watch = Watch::new().await;
    // Nothing can be moved into a file.
    watch.put("one/done", b"");
    watch.put("one/a.pdf", PDF);
    watch.put("one/b.pdf", &[PDF, b" b"].concat());
    watch.looks(3).await;
    assert_eq!((watch.documents().await, watch.path("one/a.pdf").exists()), (2, true));
    let mut watch = watch.started_again();
    // While it was down somebody put another file in the place of one of them.
    watch.put("one/b.pdf", &[PDF, b" another"].concat());
    watch.looks(3).await;
    assert_eq!(watch.documents().await, 3);
    fs::remove_file(watch.path("one/done")).unwrap();
    let mut watch = watch.started_again();
    // A copy keeps the bytes, not the time.
    watch.put("one/a.pdf", PDF);
    watch.looks(3).await;
    assert_eq!((watch.documents().await, watch.names("one/done")), (3, vec!["a.pdf".to_owned(), "b.pdf".to_owned()]));
    watch.put("one/a.pdf", PDF);
    watch.looks(3).await;
    assert_eq!(watch.documents().await, 4, "once it was moved, the same file is another wish");
}

#[tokio::test]
async fn a_note_about_a_file_that_a_person_took_away_is_forgotten() {
    let mut watch = Watch::new().await;
    watch.put("one/done", b"");
    watch.put("one/a.pdf", PDF);
    watch.looks(2).await;
    fs::remove_file(watch.path("one/a.pdf")).unwrap();
    fs::remove_file(watch.path("one/done")).unwrap();
    watch.looks(1).await;
    watch.put("one/a.pdf", PDF);
    watch.looks(3).await;
    assert_eq!(watch.documents().await, 2);
}

#[tokio::test]
async fn the_folder_in_between_names_the_pipeline_and_an_unknown_one_leaves_its_files() {
    let mut watch = Watch::new().await;
    let name = crp_store::plans::built_in().nth(1).unwrap().0.name;
    watch.put(&format!("one/{name}/a.pdf"), PDF);
    watch.put("one/unknown/b.pdf", PDF);
    watch.looks(4).await;
    assert_eq!(
        (watch.documents().await, watch.names(&format!("one/{name}/done")), watch.names("one/unknown")),
        (1, vec!["a.pdf".to_owned()], vec!["b.pdf".to_owned()])
    );
    let task =
        crp_store::tasks::claim(&watch.installed.store, crp_model::WorkerId::new(watch.installed.store.ambient()), Duration::from_secs(60))
            .await;
    assert_eq!(task.unwrap().unwrap().plan.pipeline, name);
}

#[tokio::test]
async fn while_the_storage_is_away_files_stay_and_are_taken_when_it_is_back() {
    let mut watch = Watch::of(Installed::on_s3().await);
    watch.put("one/a.pdf", PDF);
    watch.looks(1).await;
    watch.installed.s3.as_ref().unwrap().fail_all(Some(Fault::Status(503)));
    assert_eq!(watch.intake.look(&mut watch.memory).await.unwrap_err().code, Code::StorageUnavailable);
    // It is left for later now, so a look may have nothing to do.
    for _ in 0..3 {
        watch.intake.look(&mut watch.memory).await.ok();
    }
    assert_eq!((watch.documents().await, watch.names("one")), (0, vec!["a.pdf".to_owned()]));
    watch.installed.storage_is_back();
    let mut watch = watch.started_again();
    watch.looks(2).await;
    assert_eq!((watch.documents().await, watch.names("one/done")), (1, vec!["a.pdf".to_owned()]));
}

#[tokio::test]
async fn what_would_not_leave_the_reserve_free_stays_and_nothing_of_it_is_stored() {
    let mut watch = Watch::new().await;
    watch.put("one/a.pdf", PDF);
    // No disk has so much.
    watch.set(|settings| settings.reserve.min_free_bytes = u64::MAX / 2);
    watch.looks(1).await;
    let failure = watch.intake.look(&mut watch.memory).await.unwrap_err();
    assert!(failure.code == Code::DiskFull && failure.message.contains("a reserve"), "{failure:?}");
    assert_eq!((watch.documents().await, watch.names("one"), watch.installed.all().await.len()), (0, vec!["a.pdf".to_owned()], 0));
    watch.set(|settings| settings.reserve.min_free_bytes = 0);
    watch.looks(2).await;
    assert_eq!((watch.documents().await, watch.names("one/done")), (1, vec!["a.pdf".to_owned()]));
}

#[tokio::test]
async fn a_file_that_does_not_fit_on_the_disk_holds_up_no_smaller_one() {
    let mut watch = Watch::new().await;
    watch.set(|settings| settings.max_bytes = u64::MAX);
    let two = crp_store::organizations::create(&watch.installed.store, "two", &["eng".to_owned()]).await.unwrap();
    watch.put("one/large.pdf", PDF);
    // Eight TiB of nothing.
    fs::File::options().write(true).open(watch.path("one/large.pdf")).unwrap().set_len(1 << 43).unwrap();
    watch.looks(1).await;
    watch.put("one/small.pdf", PDF);
    watch.put("two/small.pdf", PDF);
    assert_eq!(watch.intake.look(&mut watch.memory).await.unwrap_err().code, Code::DiskFull);
    // Whether it is left for later or tried again, the others come before it.
    for _ in 0..3 {
        watch.intake.look(&mut watch.memory).await.ok();
    }
    let of_two = overview::organization_figures(&watch.installed.store, &crp_model::Scope::system(two)).await.unwrap().documents;
    assert_eq!((watch.documents().await, of_two, watch.names("one")), (1, 1, vec!["done".to_owned(), "large.pdf".to_owned()]));
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_stops_no_other_and_what_is_noted_of_it_stays() {
    let mut watch = Watch::new().await;
    let pipelines: Vec<String> = crp_store::plans::built_in().take(2).map(|(file, _)| file.name).collect();
    let [first, second] = pipelines.as_slice() else { panic!("{pipelines:?}") };
    watch.put(&format!("one/{first}/done"), b"");
    watch.put(&format!("one/{first}/a.pdf"), PDF);
    watch.looks(2).await;
    assert_eq!(watch.documents().await, 1, "taken, and not moved");
    // It is the older one, so it comes first.
    let (own, away) = (watch.path(&format!("one/{first}")), watch.installed.folder.path().join("away"));
    fs::rename(&own, &away).unwrap();
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&own).is_ok() {
        println!("SKIPPED: who runs this reads every folder");
        return;
    }
    watch.put(&format!("one/{second}/b.pdf"), &[PDF, b" b"].concat());
    watch.looks(3).await;
    assert_eq!((watch.documents().await, watch.names(&format!("one/{second}/done"))), (2, vec!["b.pdf".to_owned()]));
    fs::remove_dir(&own).unwrap();
    fs::rename(&away, &own).unwrap();
    fs::remove_file(own.join("done")).unwrap();
    let mut watch = watch.started_again();
    watch.looks(2).await;
    assert_eq!((watch.documents().await, watch.names(&format!("one/{first}/done"))), (2, vec!["a.pdf".to_owned()]));
}

#[tokio::test]
async fn organizations_take_turns_and_a_long_folder_is_taken_in_part_by_part() {
    let mut watch = Watch::new().await;
    crp_store::organizations::create(&watch.installed.store, "two", &["eng".to_owned()]).await.unwrap();
    for number in 0..120 {
        watch.put(&format!("one/{number}.pdf"), PDF);
    }
    watch.put("two/a.pdf", PDF);
    watch.looks(1).await;
    // A look that has no time left ends after one round.
    watch.set(|settings| settings.interval = Duration::ZERO);
    let mut looks = Vec::new();
    for _ in 0..3 {
        let left = watch.intake.look(&mut watch.memory).await.unwrap();
        looks.push((left, watch.names("one/done").len(), watch.names("two/done").len()));
    }
    assert_eq!(looks, [(Left::Ready, 50, 1), (Left::Ready, 100, 1), (Left::Nothing, 120, 1)]);
}

#[tokio::test]
async fn of_two_processes_one_watches_and_the_other_takes_over_when_it_falls_silent() {
    let mut first = Watch::new().await;
    let second =
        Intake::new((*first.intake.settings).clone(), first.installed.store.clone(), first.installed.objects.clone(), Metrics::for_tests());
    let mut memory = Memory::default();
    first.looks(1).await;
    first.put("one/a.pdf", PDF);
    for _ in 0..4 {
        second.look(&mut memory).await.unwrap();
    }
    assert_eq!(first.documents().await, 0, "the second one leaves it alone");
    first.looks(2).await;
    assert_eq!(first.documents().await, 1);
    first.put("one/b.pdf", &[PDF, b" b"].concat());
    first.installed.clock.advance(Duration::from_secs(60));
    for _ in 0..2 {
        second.look(&mut memory).await.unwrap();
    }
    first.looks(3).await;
    assert_eq!((first.documents().await, second.metrics.intake_files_total.get(IntakeResult::Taken)), (2, 1));
    second.leave().await;
    first.put("one/c.pdf", &[PDF, b" c"].concat());
    first.looks(2).await;
    assert_eq!(first.documents().await, 3, "whoever leaves makes room at once");
}
