//! `crpipeline run` within limits: flags for memory, pixels, pages, time and sandbox; what it leaves on the disk, also when it is stopped.

use std::{fs, path::Path};

use crp_testkit::{CommandLine, command::Ran, poll, programs, samples};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const WORDS: &str = "This page carries its words already, so that no engine is needed.";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with(".crpipeline-")
}

/// A document of so many pages with text.
fn long(pages: usize) -> Vec<u8> {
    samples::born_digital(&vec![WORDS; pages])
}

async fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let arguments: Vec<&str> = ["run", "--json"].iter().chain(arguments).copied().collect();
    CommandLine::new(BINARY, folder).run(&arguments).await
}

#[tokio::test]
async fn each_flag_wins_over_the_environment_and_has_the_bounds_of_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("three.pdf"), long(3)).unwrap();
    let line = CommandLine::new(BINARY, folder.path()).env("CRPIPELINE_MAX_PAGES", "2");
    let ran = line.run(&["run", "--json", "three.pdf"]).await;
    assert_eq!(ran.json_lines()[0]["failure"]["code"], "too_many_pages", "{}", ran.stderr);
    assert_eq!(line.run(&["run", "--max-pages", "3", "--max-memory", "256", "--jobs", "200", "three.pdf"]).await.code, Some(0));
    for (flag, value, setting) in [
        ("--max-pages", "0", "limits.max_pages = 0 (from flag --max-pages)"),
        ("--max-pixels", "1001", "limits.max_page_megapixels = 1001 (from flag --max-pixels)"),
        ("--page-timeout", "never", "limits.page_timeout_seconds = \"never\" (from flag --page-timeout)"),
        ("--max-memory", "12", "reading.max_memory_mebibytes = 12 (from flag --max-memory)"),
        ("--sandbox", "please", "reading.sandbox = \"please\" (from flag --sandbox)"),
    ] {
        let ran = run(folder.path(), &[flag, value, "three.pdf"]).await;
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(setting), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_page_over_max_pixels_is_scaled_down_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scan.png"), samples::letter_png()).unwrap();
    let ran = run(folder.path(), &["--max-pixels", "1", "scan.png"]).await;
    let line = &ran.json_lines()[0];
    if line["failure"]["code"] == "tesseract_missing" {
        return eprintln!("SKIPPED: Tesseract is not installed");
    }
    assert_eq!(line["warnings"][0]["code"], "page_scaled", "{line}");
}

#[tokio::test]
async fn a_page_that_does_not_fit_into_max_memory_is_scaled_down_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    // 17.3 megapixels at 300 dots per inch; the least memory that can be set has room for 16.8.
    let (paper, larger) = (b"[0 0 595 842]", b"[0 0 999 999]");
    let mut large = samples::born_digital(&["Some words on a large page"]);
    let at = large.windows(paper.len()).position(|bytes| bytes == paper).expect("the sample is of A4 paper");
    large[at..at + larger.len()].copy_from_slice(larger);
    fs::write(folder.path().join("large.pdf"), large).unwrap();
    fs::write(folder.path().join("force.yaml"), "name: force\nstages:\n  - type: ocr\n    mode: force\n").unwrap();
    for (memory, warnings) in [("256", vec!["page_scaled"]), ("2048", vec![])] {
        let ran = run(folder.path(), &["-p", "force.yaml", "--jobs", "1", "--max-memory", memory, "-o", "out", "large.pdf"]).await;
        let line = &ran.json_lines()[0];
        if line["failure"]["code"] == "tesseract_missing" {
            return eprintln!("SKIPPED: Tesseract is not installed");
        }
        let told: Vec<&str> = line["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect();
        assert_eq!((ran.code, told), (Some(0), warnings), "{memory}: {line}");
        let text = fs::read_to_string(folder.path().join("out/large.txt")).unwrap();
        assert!(text.contains("Some words on a large page"), "{memory}: {text}");
    }
}

/// How much more memory the later pages of a long document may take than the first ones.
const MAX_GROWTH_BYTES: u64 = 20_000_000;

#[tokio::test]
async fn the_outputs_of_a_thousand_pages_are_on_the_disk_once_and_their_memory_is_that_of_the_first_pages() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.pdf"), long(1000)).unwrap();
    let temporary = folder.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let line = CommandLine::new(BINARY, folder.path()).env("TMPDIR", temporary.display().to_string());
    let mut running = line.command(&["run", "-o", "out", "long.pdf"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = running.id().unwrap();
    let (mut most_temporary, mut most_unnamed, mut memory) = (0, 0, Vec::new());
    let ended = async || {
        memory.push(tree_bytes(pid));
        most_temporary = most_temporary.max(bytes_below(&temporary));
        most_unnamed = most_unnamed.max(unnamed_bytes(pid));
        running.try_wait().unwrap()
    };
    let status = poll::until("the run to end", poll::PATIENCE, ended).await;
    assert!(status.success());
    let json = fs::metadata(folder.path().join("out/long.json")).unwrap().len();
    assert!(most_temporary < 100_000, "{most_temporary} bytes in the folder for temporary files");
    // Pages of so few words pack badly; those of a scan take a quarter.
    assert!(most_unnamed * 2 < json, "{most_unnamed} bytes of layouts wait for {json} of JSON");
    assert_eq!(names(&folder.path().join("out")), ["long.json", "long.pdf", "long.txt"]);
    let (first_pages, later) = memory.split_at(memory.len() / 5);
    let [first_pages, later] = [first_pages, later].map(|part| part.iter().copied().max().unwrap_or(0));
    assert!(first_pages > MAX_GROWTH_BYTES, "the run was seen too seldom: {} times", memory.len());
    assert!(later < first_pages + MAX_GROWTH_BYTES, "{first_pages} bytes of memory in the first fifth, {later} later");
}

/// Memory of the process and its children, without what they share with each other on the disk.
fn tree_bytes(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children.flat_map(|line| line.split_whitespace().flat_map(str::parse).collect::<Vec<_>>()).collect();
    let own = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kibibytes = |key| status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        (kibibytes("RssAnon:").unwrap_or(0) + kibibytes("RssShmem:").unwrap_or(0)) * 1024
    };
    own(&pid) + children.iter().map(own).sum::<u64>()
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.metadata().map_or(0, |m| if m.is_dir() { bytes_below(&entry.path()) } else { m.len() })).sum()
}

/// Bytes of files without a name that the process holds open.
fn unnamed_bytes(pid: u32) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let files = open.filter_map(|entry| fs::metadata(entry.path()).ok()).filter(|m| m.is_file() && m.nlink() == 0);
    files.map(|m| m.len()).max().unwrap_or(0)
}

#[tokio::test]
async fn a_run_that_is_interrupted_leaves_nothing_and_one_that_is_killed_leaves_what_the_next_removes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.pdf"), long(2000)).unwrap();
    fs::write(folder.path().join("short.pdf"), long(1)).unwrap();
    let out = folder.path().join("out");
    for (signal, leaves_something) in [(rustix::process::Signal::INT, false), (rustix::process::Signal::KILL, true)] {
        let line = CommandLine::new(BINARY, folder.path());
        let mut running = line.command(&["run", "-o", "out", "long.pdf"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        let begun = async || (out.is_dir() && names(&out).iter().any(|name| is_unfinished(name))).then_some(());
        poll::until("outputs to be begun", poll::PATIENCE, begun).await;
        let pid = rustix::process::Pid::from_raw(running.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let status = running.wait().await.unwrap();
        assert!(!status.success(), "it was stopped in the middle");
        assert_eq!(names(&out).iter().any(|name| is_unfinished(name)), leaves_something, "{signal:?}: {:?}", names(&out));
        assert!(names(&out).iter().all(|name| is_unfinished(name)), "{:?}", names(&out));
    }
    assert_eq!(run(folder.path(), &["-o", "out", "short.pdf"]).await.code, Some(0));
    assert_eq!(names(&out), ["short.json", "short.pdf", "short.txt"]);
}

/// Runs its arguments where the kernel has no Landlock.
const WITHOUT_LANDLOCK: &str = "
import ctypes, os, struct, sys
ENOSYS, CREATE_RULESET = 38, 444
step = lambda code, jt, jf, k: struct.pack('HBBI', code, jt, jf, k)
program = step(0x20, 0, 0, 0) + step(0x15, 0, 1, CREATE_RULESET) + step(0x06, 0, 0, 0x00050000 | ENOSYS) + step(0x06, 0, 0, 0x7fff0000)
steps = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('steps', ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(steps)))) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
";

#[tokio::test]
async fn where_the_sandbox_is_required_and_missing_nothing_starts_and_the_remedy_is_told() {
    let Some(python) = programs::program("python3") else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scan.pdf"), long(1)).unwrap();
    let line = CommandLine::new(python.to_str().unwrap(), folder.path())
        .env("CRPIPELINE_DATA_DIR", folder.path().join("data").display().to_string())
        .env("CRPIPELINE_LISTEN", "127.0.0.1:0")
        .env("CRPIPELINE_METRICS_LISTEN", "127.0.0.1:0")
        .env("CRPIPELINE_LOG_FORMAT", "human");
    let without =
        |arguments: &[&str]| [&["-c", WITHOUT_LANDLOCK, BINARY], arguments].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let required = line.clone().env("CRPIPELINE_SANDBOX", "require");
    let ran = required.run(&without(&["serve"])).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("sandbox_missing") && ran.stderr.contains("Landlock is not in force"), "{}", ran.stderr);
    assert!(ran.stderr.contains("kernel of 5.13") && !folder.path().join("data").exists(), "{}", ran.stderr);
    let ran = required.run(&without(&["doctor"])).await;
    assert!(ran.code == Some(4) && ran.stdout.contains("Landlock is not in force"), "{}", ran.stdout);
    let ran = line.run(&without(&["run", "--json", "--sandbox", "require", "scan.pdf"])).await;
    assert_eq!((ran.code, ran.json_lines()[0]["failure"]["code"].as_str()), (Some(4), Some("sandbox_missing")), "{}", ran.stderr);
    // The same without the requirement, as a control.
    assert_eq!(line.run(&without(&["run", "scan.pdf"])).await.code, Some(0));
}
