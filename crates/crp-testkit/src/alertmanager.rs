//! A real Alertmanager that groups what Prometheus fires and notifies the sinks of a test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    api::Api,
    poll::{PATIENCE, until},
    programs,
    prometheus::free_port,
};

/// A running Alertmanager. Dropped, it ends and what it remembers is gone.
pub struct Alertmanager {
    child: Child,
    api: Api,
    address: String,
    folder: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one on a free port with a configuration file, which names other files relative to its own folder;
    /// `None`, said loudly, where it is not installed.
    pub async fn start(configuration: &Path) -> Option<Self> {
        Self::start_on(configuration, free_port()).await
    }

    /// Starts one on a port of 127.0.0.1; `None`, said loudly, where it is not installed.
    ///
    /// # Panics
    /// If it does not get ready, with its log.
    pub async fn start_on(configuration: &Path, port: u16) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(folder.path().join("log")).expect("the folder can be written");
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        // Alone: it neither listens for others nor waits for them.
        command.arg("--cluster.listen-address=");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("Alertmanager can be started");
        let mut started = Self { child, api: Api::anonymous(&format!("http://{address}")), address, folder };
        until("Alertmanager to be ready", PATIENCE, async || started.is_ready().await.then_some(())).await;
        Some(started)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The alerts that it knows, as its API tells them.
    pub async fn alerts(&self) -> Vec<Value> {
        self.api.get("/api/v2/alerts").await.expect(200).json().as_array().cloned().unwrap_or_default()
    }

    async fn is_ready(&mut self) -> bool {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("Alertmanager ended with {status}:\n{}", self.log());
        }
        let request = self.api.request(http::Method::GET, "/-/ready");
        self.api.try_send(request).await.is_ok_and(|answer| answer.status == 200)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- log of Alertmanager ----\n{}", self.log());
        }
    }
}

/// Alertmanager, which Debian calls otherwise than the project does.
fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::env::split_paths(&folders).map(|folder| folder.join("prometheus-alertmanager")).find(|path| path.is_file());
    let named = std::env::var_os("CRP_ALERTMANAGER").map(PathBuf::from).filter(|path| path.is_file());
    named.or(debian).or_else(|| programs::program("alertmanager"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{smtp_sink::SmtpSink, webhook_sink::WebhookSink};

    #[tokio::test]
    async fn an_alert_reaches_a_mailbox_and_a_webhook() {
        let (mail, hook) = (SmtpSink::start(0).await, WebhookSink::start().await);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = format!(
            "route: {{ receiver: all, group_wait: 0s }}\nreceivers:\n  - name: all\n    email_configs:\n      - {{ to: ops@example.org, from: \
             am@example.org, smarthost: '{}', require_tls: false }}\n    webhook_configs:\n      - url: '{}/hook'\n",
            mail.address(),
            hook.url()
        );
        std::fs::write(&file, text).unwrap();
        let Some(alertmanager) = Alertmanager::start(&file).await else { return };
        let alert = json!([{ "labels": { "alertname": "Try" }, "annotations": { "summary": "äöü 7" } }]);
        alertmanager.api.post("/api/v2/alerts", &alert).await.expect(200);
        let patience = Duration::from_secs(60);
        let got = mail.mail_when("about Try", patience, |mail| mail.subject.contains("Try")).await;
        assert!(got.text.contains("äöü 7") && got.to == ["ops@example.org"], "{got:?}");
        let post = hook.post_when("about Try", patience, |post| post.json["status"] == "firing").await;
        assert_eq!(post.json["alerts"][0]["labels"]["alertname"], "Try");
        assert_eq!(alertmanager.alerts().await.len(), 1);
    }
}
