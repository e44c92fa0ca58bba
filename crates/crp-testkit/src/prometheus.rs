//! A real Prometheus that scrapes the server under test, evaluates rules, and answers questions in PromQL.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    api::Api,
    poll::{PATIENCE, until, within},
    programs,
};

/// How a Prometheus is to be started.
#[derive(Clone, Debug)]
pub struct PrometheusPlan {
    configuration: PathBuf,
    listen: String,
    url: String,
    /// What stands before the program, to start it somewhere else.
    before: Vec<OsString>,
}

impl PrometheusPlan {
    /// One with a configuration file, which names rule files relative to its own folder, on a free port.
    pub fn new(configuration: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        Self { configuration: configuration.to_owned(), url: format!("http://{address}"), listen: address, before: Vec::new() }
    }

    /// Listens on `listen` (`host:port`), and is reached under `url`.
    #[must_use]
    pub fn on(mut self, listen: &str, url: &str) -> Self {
        (self.listen, self.url) = (listen.to_owned(), url.to_owned());
        self
    }

    /// Started by a program that becomes it, such as `unshare --net`.
    #[must_use]
    pub fn through<S: Into<OsString>>(mut self, before: impl IntoIterator<Item = S>) -> Self {
        self.before = before.into_iter().map(Into::into).collect();
        self
    }

    /// Starts it; `None`, said loudly, where it is not installed. It may not be ready yet.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(self) -> Option<Prometheus> {
        let program = programs::program("prometheus")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut line = self.before.clone();
        line.push(program.into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        command.arg(format!("--config.file={}", self.configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={}", self.listen));
        let log = std::fs::File::create(folder.path().join("log")).expect("the folder can be written");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("Prometheus can be started");
        Some(Prometheus { child, api: Api::anonymous(&self.url), url: self.url, folder })
    }

    /// Starts it and waits until it is ready; `None`, said loudly, where it is not installed.
    ///
    /// # Panics
    /// If it does not get ready, with its log.
    pub async fn start(self) -> Option<Prometheus> {
        let mut started = self.spawn()?;
        started.ready().await;
        Some(started)
    }
}

/// A running Prometheus. Dropped, it ends and its data are gone.
pub struct Prometheus {
    child: Child,
    url: String,
    api: Api,
    folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`) each second; `None`, said loudly, where it is not installed.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start(targets: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nscrape_configs:\n  - job_name: crpipeline\n    static_configs:\n      - targets: [{}]\n",
            targets.join(", ")
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).expect("the folder can be written");
        // Read once, at the start: the folder may go when that is over.
        PrometheusPlan::new(&file).start().await
    }

    /// Starts one with a configuration file on a free port; `None`, said loudly, where it is not installed.
    pub async fn start_with(configuration: &Path) -> Option<Self> {
        PrometheusPlan::new(configuration).start().await
    }

    /// Waits until it answers queries.
    ///
    /// # Panics
    /// If it does not get ready, with its log.
    pub async fn ready(&mut self) {
        until("Prometheus to be ready", PATIENCE, async || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("Prometheus ended with {status}:\n{}", self.log());
            }
            let request = self.api.request(http::Method::GET, "/-/ready");
            self.api.try_send(request).await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }

    /// `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Reads its configuration and rules again; what is firing stays so until its rule says otherwise.
    pub fn reload(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("the number of a process");
        kill_process(pid, Signal::HUP).expect("Prometheus runs");
    }

    /// The result of an instant query: labels and value of each series.
    ///
    /// # Panics
    /// If the query is not accepted.
    pub async fn query(&self, promql: &str) -> Vec<(Value, f64)> {
        let data = self.data(&format!("query?query={}", percent_encoded(promql)), promql).await;
        let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        data["result"].as_array().into_iter().flatten().map(|one| (one["metric"].clone(), value(one))).collect()
    }

    /// Waits until a query has a result, and gives it.
    pub async fn result_of(&self, promql: &str, patience: Duration) -> Vec<(Value, f64)> {
        let what = format!("a result of {promql}");
        until(&what, patience, async || Some(self.query(promql).await).filter(|result| !result.is_empty())).await
    }

    /// Its active targets: `labels`, `scrapeUrl`, `health`, `lastError` and more.
    pub async fn targets(&self) -> Vec<Value> {
        list(&self.data("targets?state=active", "targets").await["activeTargets"])
    }

    /// Waits until every active target was scraped well, and gives them.
    ///
    /// # Panics
    /// After `patience`, with the targets and what is wrong with them.
    pub async fn targets_up(&self, patience: Duration) -> Vec<Value> {
        let up = async || {
            let targets = self.targets().await;
            (!targets.is_empty() && targets.iter().all(|target| target["health"] == "up")).then_some(targets)
        };
        match within(patience, up).await {
            Some(targets) => targets,
            None => panic!("not every target is up: {:#?}", self.targets().await),
        }
    }

    /// The alerts that are pending or firing: `labels`, `annotations`, `state`, `value`.
    pub async fn alerts(&self) -> Vec<Value> {
        list(&self.data("alerts", "alerts").await["alerts"])
    }

    /// Every rule of every group: `name`, `query`, `health`, `lastError`, `state` and more.
    pub async fn rules(&self) -> Vec<Value> {
        let groups = list(&self.data("rules", "rules").await["groups"]);
        groups.iter().flat_map(|group| list(&group["rules"])).collect()
    }

    async fn data(&self, path: &str, what: &str) -> Value {
        let answer = self.api.get(&format!("/api/v1/{path}")).await;
        let json = answer.json();
        assert!(answer.status == 200 && json["status"] == "success", "{what}: {json}");
        json["data"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let told = log.lines().filter(|line| !line.contains("level=info")).collect::<Vec<_>>();
            eprintln!("---- what Prometheus complained of ----\n{}", told.join("\n"));
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
