//! Starts the real binary as a server on free ports, kills it as an operator or a power failure would, and starts it again.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    api::Api,
    command,
    poll::{PATIENCE, until, within},
    s3_server::S3Server,
    scrape::Scrape,
};

/// E-mail address of the administrator whom the first start makes.
pub const ADMIN_EMAIL: &str = "admin@example.org";
/// Password of that administrator.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    program: PathBuf,
    /// What stands before the role.
    arguments: Vec<String>,
    /// `serve`, `serve --no-worker` or `worker`.
    role: &'static [&'static str],
    environment: Vec<(String, String)>,
}

impl ServerPlan {
    /// A server on free ports with an administrator and two slots.
    pub fn new(program: &str) -> Self {
        let environment = [
            ("CRPIPELINE_LISTEN", "127.0.0.1:0"),
            ("CRPIPELINE_METRICS_LISTEN", "127.0.0.1:0"),
            ("CRPIPELINE_ADMIN_EMAIL", ADMIN_EMAIL),
            ("CRPIPELINE_ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("CRPIPELINE_WORKER_SLOTS", "2"),
            ("CRPIPELINE_LOG_FORMAT", "json"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { program: program.into(), arguments: Vec::new(), role: &["serve"], environment }
    }

    /// Sets a variable of the environment; an empty one is as good as none.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Nobody can sign in before the set-up page was used.
    #[must_use]
    pub fn without_admin(self) -> Self {
        self.env("CRPIPELINE_ADMIN_EMAIL", "").env("CRPIPELINE_ADMIN_PASSWORD", "")
    }

    /// Keeps the objects in the bucket of `s3`.
    #[must_use]
    pub fn on_s3(self, s3: &S3Server) -> Self {
        self.env("S3_BUCKET", s3.bucket())
            .env("AWS_ENDPOINT_URL", s3.endpoint())
            .env("AWS_REGION", s3.region())
            .env("AWS_ACCESS_KEY_ID", s3.access_key())
            .env("AWS_SECRET_ACCESS_KEY", s3.secret_key())
    }

    /// Keeps the rows in PostgreSQL.
    #[must_use]
    pub fn on_postgres(self, url: &str) -> Self {
        self.env("DATABASE_URL", url)
    }

    /// Web and API alone.
    #[must_use]
    pub fn without_worker(self) -> Self {
        Self { role: &["serve", "--no-worker"], ..self.env("CRPIPELINE_WORKER_SLOTS", "") }
    }

    /// A worker alone.
    #[must_use]
    pub fn worker(self) -> Self {
        Self { role: &["worker"], ..self.without_admin() }
    }

    /// Puts the data directory onto a file system of its own of so many mebibytes, which is gone with the process.
    #[must_use]
    pub fn on_small_disk(mut self, unshare: &Path, mebibytes: u32) -> Self {
        let script = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$CRPIPELINE_DATA_DIR\" && exec \"$0\" \"$@\"");
        let program = std::mem::replace(&mut self.program, unshare.to_owned());
        self.arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", &script].map(str::to_owned).to_vec();
        self.arguments.push(program.display().to_string());
        self
    }

    /// Starts it on a data directory of its own and waits until it is ready.
    pub async fn start(self) -> Server {
        let data_dir = tempfile::Builder::new().prefix("crp-e2e-").tempdir().expect("a temporary folder");
        self.start_on(Arc::new(data_dir)).await
    }

    /// Starts it on a data directory and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready, with its log.
    pub async fn start_on(self, data_dir: Arc<tempfile::TempDir>) -> Server {
        self.start_or_end_on(data_dir).await.unwrap_or_else(|log| panic!("the server ended before it was ready:\n{log}"))
    }

    /// Starts it on a data directory and waits until it is ready, or until it has ended: then its log is given.
    ///
    /// # Errors
    /// Its log, if it ended before it was ready.
    ///
    /// # Panics
    /// If it neither gets ready nor ends.
    pub async fn start_or_end_on(self, data_dir: Arc<tempfile::TempDir>) -> Result<Server, String> {
        let process = Process::start(&self, data_dir.path());
        let addresses = until("the server's ready line", PATIENCE, async || match process.ready() {
            None if process.has_ended() && process.log_is_complete() => Some(None),
            addresses => addresses.map(Some),
        });
        match addresses.await {
            Some((url, metrics_url)) => Ok(Server { plan: self, data_dir, process, url, metrics_url }),
            None => Err(process.log()),
        }
    }

    /// Starts it on a data directory where it is expected to end by itself, and gives its exit code and its log.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn start_in_vain(&self, data_dir: &Path) -> (Option<i32>, String) {
        let process = Process::start(self, data_dir);
        let status = until("the server to end by itself", PATIENCE, async || process.ended()).await;
        // Its streams end with it; their readers need a moment to see it.
        until("the end of the server's log", PATIENCE, async || process.log_is_complete().then_some(())).await;
        (status.code(), process.log())
    }
}

/// A running server. Dropped, it is killed; its data directory goes with the last server on it.
pub struct Server {
    plan: ServerPlan,
    data_dir: Arc<tempfile::TempDir>,
    process: Process,
    url: String,
    metrics_url: String,
}

impl Server {
    /// Starts the binary with defaults and waits until it is ready.
    pub async fn start(program: &str) -> Server {
        ServerPlan::new(program).start().await
    }

    /// Address of web and API, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address of the metrics, `http://…/metrics`.
    pub fn metrics_url(&self) -> &str {
        &self.metrics_url
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The data directory, to start another server on it.
    pub fn shared_data_dir(&self) -> Arc<tempfile::TempDir> {
        self.data_dir.clone()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Whether its process runs.
    pub fn is_alive(&self) -> bool {
        !self.process.has_ended()
    }

    /// The API, signed in as the administrator.
    pub async fn admin(&self) -> Api {
        Api::signed_in(&self.url, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The API, not signed in.
    pub fn anonymous(&self) -> Api {
        Api::anonymous(&self.url)
    }

    /// Its metrics now.
    ///
    /// # Panics
    /// If they cannot be had or read.
    pub async fn scrape(&self) -> Scrape {
        let answer = Api::anonymous("").get(&self.metrics_url).await;
        assert_eq!(answer.status, 200);
        Scrape::parse(&answer.text())
    }

    /// Its metrics once no task runs: what a job did is counted a moment after the job is seen to be final.
    pub async fn settled(&self) -> Scrape {
        until("tasks to end", PATIENCE, async || {
            Some(self.scrape().await).filter(|scrape| scrape.value("crpipeline_jobs_running", &[]) == 0.0)
        })
        .await
    }

    /// Ends it as a power failure would.
    pub async fn kill_9(&self) {
        self.signal(Signal::KILL);
        self.wait_for_end("the killed server").await;
    }

    /// Ends it as an operator does, and gives how it ended.
    pub async fn terminate(&self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_end("the server to stop").await
    }

    /// Sends a signal to its process.
    pub fn signal(&self, signal: Signal) {
        signal_process(self.process.pid, signal);
    }

    /// Waits until its process has ended by itself.
    pub async fn wait_for_end(&self, what: &str) -> ExitStatus {
        until(what, PATIENCE, async || self.process.ended()).await
    }

    /// Starts it again on the same data directory; the environment may be changed.
    pub async fn restart(self, change: impl FnOnce(ServerPlan) -> ServerPlan) -> Server {
        assert!(!self.is_alive(), "the server runs; end it first");
        change(self.plan.clone()).start_on(self.data_dir.clone()).await
    }

    /// Processes that it has started and that still run: those that read documents.
    pub fn children(&self) -> Vec<u32> {
        children_of(self.process.pid)
    }

    /// Files below a folder of the data directory, as paths relative to it.
    pub fn files_in(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.data_dir().join(folder), &mut files);
        files.sort();
        files
    }

    /// The processes below it that have a document, or any other file of the data directory; spares that wait for one have none.
    pub fn readers(&self) -> Vec<u32> {
        let mut children = self.children();
        children.retain(|pid| holds_file_below(*pid, self.data_dir()));
        children
    }

    /// Waits until no work has left files behind, or processes that have a document.
    ///
    /// # Panics
    /// If some stay.
    pub async fn expect_no_leftovers(&self) {
        let nothing = async || (self.files_in("scratch").is_empty() && self.readers().is_empty()).then_some(());
        let came = within(Duration::from_secs(20), nothing).await;
        assert!(came.is_some(), "what stays in scratch: {:?}; processes: {:?}", self.files_in("scratch"), self.readers());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// Whether a process has a file of this folder open or in its memory, also one that was removed since.
fn holds_file_below(pid: u32, folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let is_open = open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|file| file.to_string_lossy().starts_with(&*folder));
    is_open || std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains(&*folder))
}

/// Whether a process runs; one that has ended and was not waited for does not.
pub fn is_running(pid: u32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != "Z")
}

/// State and parent of a process.
fn state_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow it.
    let mut after_name = stat.rsplit(')').next()?.split_whitespace();
    Some((after_name.next()?.to_owned(), after_name.next()?.parse().ok()?))
}

/// Processes whose parent is `parent`.
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| state_and_parent(*pid).is_some_and(|(state, its_parent)| state != "Z" && its_parent == parent);
    numbers.filter(is_child).collect()
}

/// Whether a process is stopped, as SIGSTOP does it.
pub fn is_stopped(pid: u32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state == "T")
}

fn signal_process(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("the number of a process");
    // It may have ended in this very moment.
    let _ = kill_process(pid, signal);
}

/// The process and its log.
struct Process {
    pid: u32,
    child: Mutex<Child>,
    log: Arc<Mutex<String>>,
    log_ended: Arc<AtomicBool>,
}

impl Process {
    fn start(plan: &ServerPlan, data_dir: &Path) -> Self {
        let mut started = Command::new(&plan.program);
        command::clean(&mut started);
        started.args(&plan.arguments).args(plan.role).current_dir(data_dir).env("CRPIPELINE_DATA_DIR", data_dir).env("HOME", data_dir);
        started.envs(plan.environment.iter().map(|(name, value)| (name, value)));
        started.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = started.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", plan.program.display()));
        let (log, log_ended) = (Arc::<Mutex<String>>::default(), Arc::<AtomicBool>::default());
        let stream = child.stderr.take().expect("standard error is a pipe");
        let (sink, ended) = (log.clone(), log_ended.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                sink.push_str(&line);
                sink.push('\n');
            }
            ended.store(true, Ordering::SeqCst);
        });
        Self { pid: child.id(), child: Mutex::new(child), log, log_ended }
    }

    fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log_is_complete(&self) -> bool {
        self.log_ended.load(Ordering::SeqCst)
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten()
    }

    fn has_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// The addresses of API and metrics, once the ready line was logged.
    fn ready(&self) -> Option<(String, String)> {
        self.log().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|line| {
            let text = |key: &str| line.get(key)?.as_str().map(|url| url.trim_end_matches('/').to_owned());
            // A worker has no API.
            line.get("works")?;
            Some((text("api").unwrap_or_default(), text("metrics")?))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Killed by its number; its own children end when their pipes do.
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            eprintln!("---- log of the server {} ----\n{}", self.pid, self.log.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
