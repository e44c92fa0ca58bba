//! A real Prometheus that scrapes the server under test, and answers questions in PromQL.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{
    api::Api,
    poll::{PATIENCE, until},
    programs,
};

/// A running Prometheus. Dropped, it ends and its data are gone.
pub struct Prometheus {
    child: Child,
    url: String,
    api: Api,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`) each second; `None`, said loudly, where it is not installed.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start(targets: &[&str]) -> Option<Self> {
        let program = programs::program("prometheus")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nscrape_configs:\n  - job_name: crpipeline\n    static_configs:\n      - targets: [{}]\n",
            targets.join(", ")
        );
        std::fs::write(folder.path().join("prometheus.yml"), configuration).expect("the folder can be written");
        let port = free_port();
        let child = spawn(&program, folder.path(), port);
        let url = format!("http://127.0.0.1:{port}");
        let started = Self { child, api: Api::anonymous(&url), url, _folder: folder };
        until("Prometheus to be ready", PATIENCE, async || {
            let request = started.api.request(http::Method::GET, &format!("{}/-/ready", started.url));
            started.api.try_send(request).await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        Some(started)
    }

    /// The result of an instant query: labels and value of each series.
    ///
    /// # Panics
    /// If the query is not accepted.
    pub async fn query(&self, promql: &str) -> Vec<(Value, f64)> {
        let address = format!("{}/api/v1/query?query={}", self.url, percent_encoded(promql));
        let answer = self.api.get(&address).await.expect(200).json();
        assert_eq!(answer["status"], "success", "{promql}: {answer}");
        let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        answer["data"]["result"].as_array().into_iter().flatten().map(|one| (one["metric"].clone(), value(one))).collect()
    }

    /// Waits until a query has a result, and gives it.
    pub async fn result_of(&self, promql: &str, patience: Duration) -> Vec<(Value, f64)> {
        let what = format!("a result of {promql}");
        until(&what, patience, async || Some(self.query(promql).await).filter(|result| !result.is_empty())).await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, folder: &Path, port: u16) -> Child {
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("Prometheus can be started")
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
