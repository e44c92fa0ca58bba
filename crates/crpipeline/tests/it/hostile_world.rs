//! A small world for hostile files: every folder that the product could write to, someone who listens, and a look at the processes.

use std::{
    collections::BTreeMap,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crp_model::Code;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// A process that is still at it after so long has lost its own limits.
const LOST: Duration = Duration::from_secs(280);

/// Someone who listens on the loopback interface, by TCP and by UDP on one port, and hears whether anybody calls.
pub(crate) struct Canary {
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Canary {
    pub(crate) fn listening() -> Self {
        loop {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            // The same port may be taken by UDP.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                tcp.set_nonblocking(true).unwrap();
                udp.set_nonblocking(true).unwrap();
                return Self { tcp, udp };
            }
        }
    }

    pub(crate) fn address(&self) -> String {
        self.tcp.local_addr().unwrap().to_string()
    }

    pub(crate) fn heard_nothing(&self) -> bool {
        self.tcp.accept().is_err() && self.udp.recv_from(&mut [0; 16]).is_err()
    }
}

/// What became of one file.
#[derive(Clone, Debug)]
pub(crate) struct Became {
    pub(crate) file: String,
    /// `None` if it was read.
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) seconds: f64,
    /// Of all processes together while it was read.
    pub(crate) peak_mebibytes: u64,
}

impl Became {
    pub(crate) fn name(&self) -> &'static str {
        self.code.map_or("read", Code::as_str)
    }
}

/// Folders to write to, and what stands in them.
pub(crate) struct World {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl World {
    /// With these limits in the environment.
    pub(crate) fn new(limits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in", "home", "temp", "work", "out"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let environment = limits.iter().map(|(name, value)| (format!("CRPIPELINE_{name}"), (*value).to_owned())).collect();
        Self { folder, environment }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the binary once over all `files` and says what became of each; whatever it must never do fails the test with the `wrong` list.
    pub(crate) async fn run(&self, files: &[(String, Vec<u8>)], wrong: &mut Vec<String>) -> Vec<Became> {
        for (name, bytes) in files {
            std::fs::write(self.path("in").join(name), bytes).unwrap();
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let (became, exit_code, errors) = self.run_process(&names).await;
        let first = became.iter().find_map(|file| file.code).map_or(0, |code| i32::from(code.exit_code()));
        if exit_code != Some(first) || became.len() != files.len() {
            wrong.push(format!(
                "{names:?}: exit code {exit_code:?}, {first} was wanted; {} of {} told; {errors}",
                became.len(),
                files.len()
            ));
        }
        for file in &became {
            let specific = !matches!(file.code, Some(Code::Internal | Code::EngineAnswerInvalid | Code::WorkerLost));
            wrong.extend((!specific).then(|| format!("{}: {} says nothing about the document: {}", file.file, file.name(), file.message)));
        }
        self.expect_order(files, &became, wrong);
        became
    }

    async fn run_process(&self, names: &[&str]) -> (Vec<Became>, Option<i32>, String) {
        let mut command = tokio::process::Command::new(BINARY);
        command.args(["run", "--json", "-j", "1", "-o"]).arg(self.path("out")).args(names.iter().map(|name| self.path("in").join(name)));
        command.current_dir(self.path("work")).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("temp"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let watch = Watch::over(process.id().unwrap());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut errors = process.stderr.take().unwrap();
        let read_errors = tokio::spawn(async move {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text).await;
            text
        });
        let (mut became, mut began) = (Vec::new(), Instant::now());
        let telling = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let line: Value = serde_json::from_str(&line).unwrap_or_default();
                became.push(of_line(&line, began.elapsed().as_secs_f64(), watch.take_peak()));
                began = Instant::now();
            }
            process.wait().await.ok().and_then(|status| status.code())
        };
        let code = tokio::time::timeout(LOST, telling).await.ok().flatten();
        drop(process);
        let errors = read_errors.await.unwrap_or_default();
        (became, code, errors)
    }

    /// Nothing anywhere but the outputs of what was read; all is swept for the next.
    fn expect_order(&self, files: &[(String, Vec<u8>)], became: &[Became], wrong: &mut Vec<String>) {
        for folder in ["home", "temp", "work"] {
            let left = all_below(&self.path(folder));
            wrong.extend((!left.is_empty()).then(|| format!("{folder} has {left:?} after {}", files[0].0)));
        }
        for (name, bytes) in files {
            let path = self.path("in").join(name);
            let same = std::fs::read(&path).is_ok_and(|now| now == *bytes);
            wrong.extend((!same).then(|| format!("{name} was changed")));
            std::fs::remove_file(path).unwrap();
        }
        let strangers = all_below(&self.path("in"));
        wrong.extend((!strangers.is_empty()).then(|| format!("beside the inputs: {strangers:?}")));
        for output in all_below(&self.path("out")) {
            let stem = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let of = became.iter().find(|file| Path::new(&file.file).file_stem().is_some_and(|s| s.to_string_lossy() == stem));
            let expected = of.is_some_and(|file| file.code.is_none())
                && output.extension().is_some_and(|e| ["pdf", "txt", "json"].contains(&&*e.to_string_lossy()));
            wrong.extend((!expected).then(|| format!("{} was written", output.display())));
            let secret = std::fs::read(&output).is_ok_and(|bytes| bytes.windows(8).any(|window| window == b"root:x:0"));
            wrong.extend(secret.then(|| format!("{} tells what stands in /etc/passwd", output.display())));
            std::fs::remove_file(output).unwrap();
        }
    }
}

fn of_line(line: &Value, seconds: f64, peak_mebibytes: u64) -> Became {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failure = &line["failure"];
    let code = match line["status"].as_str() {
        Some("succeeded") => None,
        // A failure without a code that we know counts as ours.
        _ => Some(failure["code"].as_str().and_then(Code::parse).unwrap_or(Code::Internal)),
    };
    let file = Path::new(line["file"].as_str().unwrap_or_default()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Became { file, code, message: text(&failure["message"]), seconds, peak_mebibytes }
}

fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { files.extend(all_below(&entry.path())) } else { files.push(entry.path()) }
    }
    files
}

/// Looks again and again at the memory of a process and of all that descend from it.
struct Watch {
    peak_pages: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Watch {
    fn over(pid: u32) -> Self {
        let watch = Self { peak_pages: Arc::default(), ended: Arc::default() };
        let (peak, ended) = (watch.peak_pages.clone(), watch.ended.clone());
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) && resident_pages(pid) > 0 {
                peak.fetch_max(resident_pages_below(pid), Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        });
        watch
    }

    /// The most since the last question, in mebibytes.
    fn take_peak(&self) -> u64 {
        (self.peak_pages.swap(0, Ordering::Relaxed) * rustix::param::page_size() as u64) >> 20
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn resident_pages(pid: u32) -> u64 {
    let sizes = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    sizes.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

fn resident_pages_below(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pages: u64 = children
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .map(resident_pages_below)
        .sum();
    resident_pages(pid) + pages
}

/// How many files had each fate, with the slowest and the largest of them.
pub(crate) fn summary(all: &[Became]) -> String {
    let mut fates: BTreeMap<&str, Vec<&Became>> = BTreeMap::new();
    all.iter().for_each(|file| fates.entry(file.name()).or_default().push(file));
    let mut table = format!("{:<18}{:>6}{:>10}{:>10}  slowest\n", "what became", "files", "seconds", "MiB");
    for (fate, files) in fates {
        let slowest = files.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap();
        let largest = files.iter().map(|file| file.peak_mebibytes).max().unwrap_or(0);
        table += &format!("{fate:<18}{:>6}{:>10.1}{largest:>10}  {}\n", files.len(), slowest.seconds, slowest.file);
    }
    table
}
