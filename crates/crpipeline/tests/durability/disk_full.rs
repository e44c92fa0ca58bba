//! A disk is full while work goes on and uploads come, and is freed again: at each place that is written to, on file systems of their own.
//!
//! It runs in namespaces of its own, where the file systems are mounted.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crp_testkit::{
    Api, CommandLine, Server, ServerPlan, Upload,
    namespace::{self, Place},
    poll::{PATIENCE, until, within},
    programs::output_of,
};
use futures_util::future::join_all;
use http::Method;

use super::{
    checker::{self, Counted},
    installation::{BINARY, Installation, SetUp},
    load::{self, Accepted, Known},
    run::Run,
    sabotage,
    storm::{look_at_all, open_jobs},
};

const PAGE_MILLISECONDS: u32 = 150;
/// How long a disk stays full after the first refusal: some tries of the worker long.
const FULL: Duration = Duration::from_secs(5);

/// A disk that becomes full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    /// The data directory with everything in it.
    Everything,
    /// The objects, and with them uploads under way.
    Objects,
    /// The database.
    Database,
    /// Working copies of documents, and what is made before it is stored.
    Work,
}

impl Disk {
    const ALL: [Disk; 4] = [Disk::Everything, Disk::Objects, Disk::Database, Disk::Work];

    /// Whether uploads are refused while it is full.
    fn refuses_uploads(self) -> bool {
        self != Disk::Work
    }
}

/// Small file systems, gone with the value.
struct Mounted(Vec<PathBuf>);

impl Mounted {
    fn small(folders: Vec<PathBuf>, mebibytes: u32) -> Self {
        for folder in &folders {
            fs::create_dir_all(folder).expect("the folder can be made");
            let size = format!("size={mebibytes}m,mode=700");
            output_of(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder));
        }
        Self(folders)
    }

    /// Fills them to the last byte.
    fn fill(&self) {
        for folder in &self.0 {
            let mut ballast = File::options().append(true).create(true).open(ballast(folder)).expect("a file without bytes has room");
            for piece in [vec![0; 1 << 20], vec![0; 4096], vec![0; 1]] {
                while ballast.write_all(&piece).is_ok() {}
            }
        }
    }

    fn free(&self) {
        self.0.iter().for_each(|folder| fs::remove_file(ballast(folder)).expect("the ballast is there"));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = Command::new("umount").arg("-l").arg(folder).status();
        }
    }
}

fn ballast(folder: &Path) -> PathBuf {
    folder.join("ballast")
}

/// Runs it; `name` is that of its test.
pub(crate) async fn run(module: &str, name: &str) {
    if namespace::enter(module, name) == Place::Outside {
        return;
    }
    let mut run = Run::named(name);
    for round in 0..run.size(1, 5) {
        for disk in Disk::ALL {
            full(&mut run, disk, round).await;
        }
    }
    backup(&mut run).await;
    export(&mut run).await;
    watched_folder(&mut run).await;
    run.end();
}

/// One disk, full and freed, under a server that works.
async fn full(run: &mut Run, disk: Disk, round: u64) {
    let Some(mut installation) = Installation::new(SetUp::OneProcess, PAGE_MILLISECONDS).await else { return };
    let data_dir = installation.database_file().parent().expect("a folder").to_owned();
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let mounted = match disk {
        Disk::Everything => Mounted::small(vec![data_dir.clone()], 160),
        Disk::Objects => Mounted::small(vec![data_dir.join("objects")], 100),
        Disk::Database => Mounted::small(vec![elsewhere.path().to_owned()], 100),
        Disk::Work => Mounted::small(vec![data_dir.join("cache"), data_dir.join("scratch")], 20),
    };
    if disk == Disk::Database {
        installation.set("DATABASE_URL", format!("sqlite://{}", elsewhere.path().join("x.db").display()));
    }
    let server = installation.start(installation.server_plan()).await;
    let api = installation.admin().await;
    let known = load::without_faults(&api, load::documents(1)).await;
    let mut chance = run.chance(round);
    let key = |number: u64| format!("full-{disk:?}-{round}-{number}");
    let mut accepted = Vec::new();
    for number in 0..6 {
        let at = load::pick(&known, &mut chance);
        accepted.push(Accepted { known: at, ids: load::upload(&api, &known[at].document, &key(number)).await });
    }
    let last = accepted.last().expect("an upload").ids.job.clone();
    api.job_when(&accepted[0].ids.job, "work", |job| job["status"] != "queued").await;
    mounted.fill();
    let (refused, complaints) = while_full(disk, &api, &server, &known, &mut accepted).await;
    run.complain(complaints);
    mounted.free();
    let freed = Instant::now();
    until("the server to be ready", PATIENCE, async || is_ready(&server).await.then_some(())).await;
    accepted.push(Accepted { known: 0, ids: load::upload(&api, &known[0].document, &key(99)).await });
    run.spread(&format!("{disk:?}: from free space to the next upload"), vec![freed.elapsed()], Some(15.0));
    let ended = within(PATIENCE, async || open_jobs(&api).await.filter(|(open, _)| *open == 0)).await;
    if ended.is_none() {
        run.complain(vec![format!("{disk:?}: jobs that never end, the last is {}", api.job(&last).await)]);
    }
    let seen = look_at_all(&api, &accepted).await;
    let wrong = checker::complaints(&known, &accepted, &seen, Counted::default());
    run.complain(wrong.into_iter().map(|wrong| format!("{disk:?}: {wrong}")).collect());
    println!("{disk:?}: {} accepted, {refused} refused while full", accepted.len());
    if disk == Disk::Everything {
        sabotage::without_a_document(run, &api, &known, &accepted[0]).await;
    }
    if server.log().contains("A defect in crPipeline") {
        run.complain(vec![format!("{disk:?}: a panic")]);
    }
    server.terminate().await;
    run.complain(check(&data_dir, disk, elsewhere.path()).await);
}

/// Uploads until one is refused, then a while longer; how many were refused, and what was answered or told wrongly.
async fn while_full(disk: Disk, api: &Api, server: &Server, known: &[Known], accepted: &mut Vec<Accepted>) -> (u64, Vec<String>) {
    let (mut refused, mut complaints, began) = (0, Vec::new(), Instant::now());
    while began.elapsed() < FULL {
        let uploads = [0, 1, 6].map(|at| async move {
            let document = &known[at].document;
            let request = api.upload_request(&Upload::of(&document.name, &document.bytes).through(document.pipeline));
            (at, api.try_send(request).await.expect("the server answers"))
        });
        for (at, answer) in join_all(uploads).await {
            match answer.status {
                202 => accepted.push(Accepted { known: at, ids: answer.ids() }),
                507 => refused += 1,
                status => complaints.push(format!("{disk:?}: an upload was answered with {status}: {}", answer.text())),
            }
        }
        let _ = within(Duration::from_millis(500), async || None::<()>).await;
    }
    if disk.refuses_uploads() {
        if refused == 0 {
            complaints.push(format!("{disk:?}: no upload was refused"));
        }
        if is_ready(server).await {
            complaints.push(format!("{disk:?}: it says that it is ready"));
        }
    }
    (refused, complaints)
}

async fn is_ready(server: &Server) -> bool {
    let api = server.anonymous();
    api.try_send(api.request(Method::GET, "/readyz")).await.is_ok_and(|answer| answer.status == 200)
}

/// What `crpipeline check` has to say.
async fn check(data_dir: &Path, disk: Disk, elsewhere: &Path) -> Vec<String> {
    let line = CommandLine::new(BINARY, data_dir).env("CRPIPELINE_DATA_DIR", data_dir.display().to_string());
    let line = match disk {
        Disk::Database => line.env("DATABASE_URL", format!("sqlite://{}", elsewhere.join("x.db").display())),
        _ => line,
    };
    let ran = line.run(&["check", "--hashes", "--json"]).await;
    if ran.code == Some(0) { Vec::new() } else { vec![format!("{disk:?}: check: {:?} {} {}", ran.code, ran.stdout, ran.stderr)] }
}

/// A backup onto a disk that is full, then onto the same with room.
async fn backup(run: &mut Run) {
    let (target, server) = (tempfile::tempdir().expect("a temporary folder"), Server::start(BINARY).await);
    let api = server.admin().await;
    let letter = crp_testkit::samples::letter_pdf();
    api.succeeded_job(&api.accepted(&Upload::of("letter.pdf", letter)).await.job).await;
    let mounted = Mounted::small(vec![target.path().to_owned()], 20);
    mounted.fill();
    let line = CommandLine::new(BINARY, server.data_dir()).env("CRPIPELINE_DATA_DIR", server.data_dir().display().to_string());
    let folder = target.path().join("backup").display().to_string();
    let full = line.run(&["backup", &folder]).await;
    if full.code != Some(4) || !full.stderr.contains("disk_full") {
        run.complain(vec![format!("a backup onto a full disk ended with {:?}: {}", full.code, full.stderr)]);
    }
    let checked = line.run(&["restore", &folder, "--check"]).await;
    run.control("the backup was not finished", &if checked.code == Some(0) { Vec::new() } else { vec![checked.stderr] });
    mounted.free();
    for arguments in [vec!["backup", &folder], vec!["restore", &folder, "--check"]] {
        let ran = line.run(&arguments).await;
        if ran.code != Some(0) {
            run.complain(vec![format!("with room again {arguments:?} ended with {:?}: {}", ran.code, ran.stderr)]);
        }
    }
}

/// The files for the monitoring onto a disk that is full, then onto the same with room.
async fn export(run: &mut Run) {
    let target = tempfile::tempdir().expect("a temporary folder");
    let mounted = Mounted::small(vec![target.path().to_owned()], 4);
    mounted.fill();
    let (line, folder) = (CommandLine::new(BINARY, Path::new("/")), target.path().join("monitoring").display().to_string());
    let full = line.run(&["monitoring", "export", &folder]).await;
    if full.code != Some(4) || !full.stderr.contains("Free some space") {
        run.complain(vec![format!("an export onto a full disk ended with {:?}: {}", full.code, full.stderr)]);
    }
    mounted.free();
    let ran = line.run(&["monitoring", "export", &folder]).await;
    if ran.code != Some(0) {
        run.complain(vec![format!("with room again the export ended with {:?}: {}", ran.code, ran.stderr)]);
    }
}

/// The watched folder's disk has no room for `done` and for notes: files are taken once, stay, and are moved later.
async fn watched_folder(run: &mut Run) {
    let watched = tempfile::tempdir().expect("a temporary folder");
    let folder = watched.path().join("Default");
    let mounted = Mounted::small(vec![watched.path().to_owned()], 4);
    output_of(Command::new("mount").args(["-o", "remount,nr_inodes=16"]).arg(watched.path()));
    let plan = ServerPlan::new(BINARY).env("CRPIPELINE_INTAKE_INTERVAL_SECONDS", "1");
    let server = plan.env("CRPIPELINE_INTAKE_DIR", watched.path().display().to_string()).start().await;
    let api = server.admin().await;
    until("the organization's folder", PATIENCE, async || folder.is_dir().then_some(())).await;
    fs::write(folder.join("a.pdf"), b"%PDF-1.4\nsmall").expect("there is room");
    fs::write(folder.join("b.docx"), b"no document").expect("there is room");
    // No new name fits: neither a folder nor a note.
    let mut names = Vec::new();
    while File::create(watched.path().join(format!(".{}", names.len()))).is_ok() {
        names.push(watched.path().join(format!(".{}", names.len())));
    }
    let documents = async || {
        let items = api.get("/api/v1/documents").await.expect(200).json()["items"].clone();
        items.as_array().map_or(0, Vec::len)
    };
    until("the document", PATIENCE, async || (documents().await == 1).then_some(())).await;
    let stays = async || server.log().contains("stays where it is").then_some(());
    until("the log to tell that it stays", PATIENCE, stays).await;
    let _ = within(FULL, async || None::<()>).await;
    if !folder.join("a.pdf").exists() || !folder.join("b.docx").exists() || documents().await != 1 {
        run.complain(vec!["Watched: a file went, or was taken again".to_owned()]);
    }
    names.iter().for_each(|name| fs::remove_file(name).expect("it is there"));
    let moved = async || (folder.join("done/a.pdf").exists() && folder.join("failed/b.docx.txt").exists()).then_some(());
    until("both files to be moved", PATIENCE, moved).await;
    if documents().await != 1 {
        run.complain(vec!["Watched: the file was taken twice".to_owned()]);
    }
    run.did("places", Disk::ALL.len() as u64 + 3);
    drop(server);
    drop(mounted);
}
