//! Hostile files and the odd ones of the corpus through the real binary: each is read or gets a code of its own, and nothing else happens.

use std::path::Path;

use crp_testkit::{CommandLine, Server, ServerPlan, Upload, hostile, programs::corpus, samples};

use crate::hostile_world::{Became, Canary, World, resident_pages, summary};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// Set by `cargo xtask bench hostile`: a file to write the results to. The whole corpus is read then, each file by a process of its own.
const REPORT: &str = "CRP_HOSTILE_REPORT";
/// Files for one process in the short form.
const BATCH: usize = 12;
/// The short form reads every so-many-th file of the corpus.
const SAMPLE_EVERY: usize = 16;

/// Tight, so that what never ends ends soon.
const SHORT: [(&str, &str); 5] = [
    ("PAGE_TIMEOUT_SECONDS", "2"),
    ("DOCUMENT_TIMEOUT_SECONDS", "3"),
    ("MAX_CHILD_MEMORY_MEBIBYTES", "384"),
    ("MAX_PAGES", "20"),
    ("MAX_PAGE_MEGAPIXELS", "9"),
];
/// As an operator who reads strangers' documents may set them.
const LONG: [(&str, &str); 4] =
    [("PAGE_TIMEOUT_SECONDS", "20"), ("DOCUMENT_TIMEOUT_SECONDS", "20"), ("MAX_CHILD_MEMORY_MEBIBYTES", "960"), ("MAX_PAGES", "200")];
/// What one file may take of memory, all processes together.
const MOST_MEBIBYTES: u64 = 1024;

type Files = Vec<(String, Vec<u8>)>;

fn crafted(canary: &Canary) -> Files {
    hostile::all(&canary.address()).into_iter().map(|file| (file.name.clone(), file.bytes())).collect()
}

/// Every `every`-th file of the corpus of odd documents, with its path as its name.
fn odd(corpus: &Path, every: usize) -> Files {
    let mut paths = Vec::new();
    for folder in ["ocrmypdf", "odd-pdfs"] {
        paths.extend(std::fs::read_dir(corpus.join(folder)).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
        .into_iter()
        .step_by(every)
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Runs the files in batches; a good document after each.
async fn run_all(files: &Files, batch: usize, limits: &[(&str, &str)], wrong: &mut Vec<String>) -> Vec<Became> {
    let world = World::new(limits);
    let mut all = Vec::new();
    for batch in files.chunks(batch) {
        all.extend(world.run(batch, wrong).await);
    }
    let large = all.iter().filter(|file| file.peak_mebibytes > MOST_MEBIBYTES);
    wrong.extend(large.map(|file| format!("{}: {} MiB", file.file, file.peak_mebibytes)));
    all
}

async fn good_document_works() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.pdf"), samples::slips(1)).unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "good.pdf"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// The two halves of the files at once: a machine of two cores has nothing else to do.
async fn run_by_two(files: Files, limits: &'static [(&'static str, &'static str)]) -> (Vec<Became>, Vec<String>) {
    // Every second one, so that neither half gets all of one kind.
    let (even, odd): (Vec<_>, Vec<_>) = files.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let half = |files: Vec<(usize, (String, Vec<u8>))>| async move {
        let files: Files = files.into_iter().map(|(_, file)| file).collect();
        let mut wrong = Vec::new();
        let became = run_all(&files, BATCH, limits, &mut wrong).await;
        (became, wrong)
    };
    let ((mut all, mut wrong), (more, more_wrong)) = tokio::join!(half(even), half(odd));
    all.extend(more);
    wrong.extend(more_wrong);
    (all, wrong)
}

#[tokio::test]
async fn every_crafted_file_is_read_or_gets_a_code_of_its_own_and_reaches_nothing() {
    let canary = Canary::listening();
    let files = crafted(&canary);
    let count = files.len();
    let (all, wrong) = run_by_two(files, &SHORT).await;
    eprintln!("{}", summary(&all));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(all.len(), count);
    assert!(canary.heard_nothing(), "a document called someone");
    for attached in ["/tmp/crp-attached", "/tmp/crp-attached.exe"] {
        assert!(!Path::new(attached).exists(), "an attachment became a file");
    }
    // A test in which all files had one fate would prove little.
    for fate in ["read", "damaged_file", "encrypted_pdf", "too_many_pages", "no_pages", "page_too_large", "page_timeout", "memory_limit"] {
        assert!(all.iter().any(|file| file.name() == fate), "no file became {fate}");
    }
    good_document_works().await;
}

#[tokio::test]
async fn odd_documents_of_the_corpus_are_read_or_get_a_code_of_their_own() {
    let Some(corpus) = corpus() else { return };
    let (all, wrong) = run_by_two(odd(&corpus, SAMPLE_EVERY), &SHORT).await;
    eprintln!("{}", summary(&all));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(all.iter().any(|file| file.code.is_none()));
    good_document_works().await;
}

#[tokio::test]
async fn a_server_survives_hostile_uploads_and_reads_the_next_good_one() {
    let canary = Canary::listening();
    let plan = SHORT.iter().fold(ServerPlan::new(BINARY), |plan, (name, value)| plan.env(&format!("CRPIPELINE_{name}"), *value));
    let server = plan.env("CRPIPELINE_MAX_ATTEMPTS", "1").env("CRPIPELINE_PAGE_TIMEOUT_SECONDS", "5").start().await;
    let api = server.admin().await;
    let before = resident_pages(server.pid());
    let (mut jobs, mut fates) = (Vec::new(), Vec::new());
    for file in hostile::all(&canary.address()).iter().step_by(4) {
        let (name, bytes) = (file.name.clone(), file.bytes());
        let answer = api.upload(&Upload::of(&name, &bytes)).await;
        match answer.status {
            202 => jobs.push((name, answer.json()["job"]["id"].as_str().unwrap().to_owned())),
            400..500 => fates.push((name, answer.problem_code())),
            status => panic!("{name}: {status} {}", answer.text()),
        }
    }
    for (name, job) in jobs {
        let job = api.final_job(&job).await;
        fates.push((name, job["failure"]["code"].as_str().unwrap_or("read").to_owned()));
    }
    eprintln!("{fates:?}");
    let vague: Vec<_> =
        fates.iter().filter(|(_, code)| ["internal", "worker_lost", "engine_answer_invalid"].contains(&code.as_str())).collect();
    assert!(vague.is_empty(), "{vague:?}");
    assert!(canary.heard_nothing(), "a document called someone");
    good_upload_works(&server).await;
    let grown = (resident_pages(server.pid()).saturating_sub(before) * rustix::param::page_size() as u64) >> 20;
    assert!(grown < 128, "the server has grown by {grown} MiB");
    assert!(server.files_in("scratch").is_empty(), "{:?}", server.files_in("scratch"));
}

async fn good_upload_works(server: &Server) {
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("good.pdf", &samples::slips(1))).await;
    api.succeeded_job(&ids.job).await;
    assert_eq!(server.settled().await.sum("crpipeline_panics_total"), 0.0);
}

/// The long form of `cargo xtask bench hostile`: all files, one process each, with time and memory of each.
#[tokio::test]
async fn the_whole_corpus_is_read_or_gets_codes_of_its_own() {
    let Some(report) = std::env::var_os(REPORT) else {
        return eprintln!("SKIPPED: the whole corpus is read by `cargo xtask bench hostile`");
    };
    let canary = Canary::listening();
    let mut files = crafted(&canary);
    files.extend(corpus().map(|corpus| odd(&corpus, 1)).unwrap_or_default());
    let (mut wrong, mut all) = (Vec::new(), Vec::new());
    for fifty in files.chunks(50) {
        all.extend(run_all(&fifty.to_vec(), 1, &LONG, &mut wrong).await);
        good_document_works().await;
        eprintln!("{} of {}", all.len(), files.len());
    }
    wrong.extend((!canary.heard_nothing()).then(|| "a document called someone".to_owned()));
    let slow = all.iter().filter(|file| file.seconds > 60.0);
    wrong.extend(slow.map(|file| format!("{}: {:.1} s", file.file, file.seconds)));
    let rows: Vec<_> = all
        .iter()
        .map(|f| serde_json::json!({ "file": f.file, "became": f.name(), "message": f.message, "seconds": f.seconds, "peak_mebibytes": f.peak_mebibytes }))
        .collect();
    let json = serde_json::json!({ "files": rows, "wrong": wrong });
    std::fs::write(report, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
    println!("{}", summary(&all));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
