//! The two set-ups under test: one process on SQLite and a folder, and a server with workers on PostgreSQL and S3.

use std::{net::TcpListener, path::PathBuf, sync::Arc};

use crp_testkit::{
    Api, Server, ServerPlan, faulty_engine,
    poll::{PATIENCE, until, within},
    postgres::{FreshDatabase, OwnPostgres},
    s3_server::S3Server,
    server::{ADMIN_EMAIL, ADMIN_PASSWORD, is_running},
};
use tempfile::TempDir;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
/// Where a process dies by itself.
pub(crate) const KILL_AT: &str = "CRPIPELINE_TEST_KILL_AT";
/// Where a process stops by itself, until it is told to go on.
pub(crate) const STOP_AT: &str = "CRPIPELINE_TEST_STOP_AT";

/// How crPipeline is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetUp {
    /// `serve` on SQLite and a folder.
    OneProcess,
    /// `serve --no-worker` and workers on PostgreSQL and S3.
    Distributed,
}

/// The database of a distributed installation.
pub(crate) enum Database {
    /// A file in the data directory.
    File,
    /// A database of the server that all tests share.
    Shared(FreshDatabase),
    /// A server of its own, durable, which can be crashed.
    Own(OwnPostgres),
}

/// What stays while processes come and go.
pub(crate) struct Installation {
    pub(crate) set_up: SetUp,
    pub(crate) database: Database,
    pub(crate) s3: Option<S3Server>,
    /// Where API and web app listen, whichever process serves them.
    pub(crate) url: String,
    data_dir: Arc<TempDir>,
    settings: Vec<(String, String)>,
    _engine: TempDir,
}

impl Installation {
    /// A set-up whose engine reads each page in so many milliseconds; `None` where something is missing, which is said.
    pub(crate) async fn new(set_up: SetUp, page_milliseconds: u32) -> Option<Self> {
        let database = match set_up {
            SetUp::OneProcess => Database::File,
            SetUp::Distributed => Database::Shared(FreshDatabase::make()?),
        };
        Self::on(set_up, database, page_milliseconds).await
    }

    /// The distributed set-up on a PostgreSQL of its own.
    pub(crate) async fn on_own_postgres(page_milliseconds: u32) -> Option<Self> {
        let database = Database::Own(OwnPostgres::start().await?);
        Self::on(SetUp::Distributed, database, page_milliseconds).await
    }

    /// One process with its rows in SQLite and its objects in a bucket.
    pub(crate) async fn one_process_on_s3(page_milliseconds: u32) -> Option<Self> {
        let installation = Self::on(SetUp::OneProcess, Database::File, page_milliseconds).await?;
        Some(Self { s3: Some(S3Server::start().await), ..installation })
    }

    async fn on(set_up: SetUp, database: Database, page_milliseconds: u32) -> Option<Self> {
        let engine = tempfile::tempdir().expect("a temporary folder");
        let library = faulty_engine::build(engine.path())?;
        let settings = faulty_engine::honest(&library, page_milliseconds).map(|(name, value)| (name.to_owned(), value));
        Some(Self {
            set_up,
            database,
            s3: if set_up == SetUp::Distributed { Some(S3Server::start().await) } else { None },
            url: format!("http://127.0.0.1:{}", lasting_port()),
            data_dir: Arc::new(tempfile::Builder::new().prefix("crp-durability-").tempdir().expect("a temporary folder")),
            settings: settings.to_vec(),
            _engine: engine,
        })
    }

    /// Sets a variable of the environment of every process that is started from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.push((name.to_owned(), value.into()));
    }

    fn plan(&self) -> ServerPlan {
        let plan = self.settings.iter().fold(ServerPlan::new(BINARY), |plan, (name, value)| plan.env(name, value));
        let plan = self.s3.iter().fold(plan, |plan, s3| plan.on_s3(s3));
        match &self.database {
            Database::File => plan,
            Database::Shared(database) => plan.on_postgres(&database.url()),
            Database::Own(postgres) => plan.on_postgres(&postgres.url()),
        }
    }

    /// What serves the API: the only process, or the one without a worker.
    pub(crate) fn server_plan(&self) -> ServerPlan {
        let plan = self.plan().env("CRPIPELINE_LISTEN", self.url.trim_start_matches("http://"));
        if self.set_up == SetUp::Distributed { plan.without_worker() } else { plan }
    }

    /// What works: the only process, or a worker.
    pub(crate) fn worker_plan(&self) -> ServerPlan {
        if self.set_up == SetUp::Distributed { self.plan().worker() } else { self.server_plan() }
    }

    /// Starts a process of it.
    pub(crate) async fn start(&self, plan: ServerPlan) -> Server {
        plan.start_on(self.data_dir.clone()).await
    }

    /// Starts a process of it that may die before it is ready; then its log is given.
    pub(crate) async fn start_or_end(&self, plan: ServerPlan) -> Result<Server, String> {
        plan.start_or_end_on(self.data_dir.clone()).await
    }

    /// The API, signed in; it stays signed in when the process that serves it is another.
    pub(crate) async fn admin(&self) -> Api {
        Api::signed_in(&self.url, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The database of the set-up with one process.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.data_dir.path().join("crpipeline.db")
    }

    /// The file in which an artifact of a job lies.
    pub(crate) fn artifact_file(&self, organization: &str, job: &str, file: &str) -> PathBuf {
        let key = format!("organizations/{organization}/jobs/{job}/{file}");
        self.s3.as_ref().map_or_else(|| self.data_dir.path().join("objects").join(&key), |s3| s3.object_file(&key))
    }

    /// What work has left behind that should be gone once all is done: files in scratch folders, and processes that read documents
    /// although the process that started them (`pids`) has ended.
    pub(crate) async fn leftovers(&self, pids: &[u32]) -> Vec<String> {
        let look = || {
            let mut left = Vec::new();
            collect(self.data_dir.path(), &mut left);
            left.retain(|path| path.components().any(|part| part.as_os_str() == "scratch"));
            let mut left: Vec<String> = left.iter().map(|path| format!("left in scratch: {}", path.display())).collect();
            left.extend(orphans_of(pids).iter().map(|pid| format!("the process {pid} outlived the one that started it")));
            left
        };
        let _ = within(std::time::Duration::from_secs(20), async || look().is_empty().then_some(())).await;
        look()
    }
}

/// Waits until the API answers.
pub(crate) async fn answers(api: &Api) {
    let asked = async || {
        let answer = api.try_send(api.request(http::Method::GET, "/api/v1/me")).await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    };
    until("the API to answer", PATIENCE, asked).await;
}

/// A port that stays free while no process of ours listens on it: below those that systems give to whoever asks for any.
fn lasting_port() -> u16 {
    let first = std::process::id() % 10_000;
    let ports = (0..10_000).map(|next| 20_000 + ((first + next) % 10_000) as u16);
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

fn collect(folder: &std::path::Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Processes that one of `pids` has started to read documents, and that run although it has ended.
fn orphans_of(pids: &[u32]) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let named = environment.split(|byte| *byte == 0).find_map(|line| line.strip_prefix(b"CRPIPELINE_PARENT_PROCESS="));
            let parent = named.and_then(|number| std::str::from_utf8(number).ok()?.parse::<u32>().ok());
            parent.is_some_and(|parent| pids.contains(&parent) && !is_running(parent)) && is_running(*pid)
        })
        .collect()
}
