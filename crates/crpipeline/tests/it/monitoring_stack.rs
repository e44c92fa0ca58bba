//! What the stories about monitoring stand on: the folder that the binary exports, the programs that watch with it, and those
//! who are told.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crp_monitoring::ALERTS;
use crp_testkit::{
    CommandLine, Server,
    alertmanager::Alertmanager,
    prometheus::{Prometheus, free_port},
    smtp_sink::{Mail, SmtpSink},
    webhook_sink::{Post, WebhookSink},
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// How long a story waits for a scrape, an alert, a mail; slow machines that do much at once need minutes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// The folder that `crpipeline monitoring export` writes with these options.
pub(crate) async fn exported(options: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [["monitoring", "export", "monitoring"].as_slice(), options].concat();
    let ran = CommandLine::new(BINARY, folder.path()).run(&arguments).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder
}

/// `host:port` of a server's metrics.
pub(crate) fn target(server: &Server) -> String {
    server.metrics_url().trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
}

/// Replaces a text that must be there.
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    text.replace(from, to)
}

/// Changes a file of an export.
pub(crate) fn change(file: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    std::fs::write(file, change(text)).unwrap();
}

/// Prometheus and Alertmanager as an operator runs them from an export, a mailbox and a chat.
pub(crate) struct Watched {
    pub(crate) prometheus: Prometheus,
    _alertmanager: Alertmanager,
    pub(crate) mail: SmtpSink,
    chat: WebhookSink,
    folder: tempfile::TempDir,
}

impl Watched {
    /// Watches servers (`host:port` of their metrics) with what the binary exports for programs on the same machine: each second,
    /// which is an option of the export. `None`, said loudly, where Prometheus or Alertmanager is not installed.
    pub(crate) async fn over(targets: &[&str]) -> Option<Self> {
        let port = free_port();
        let (interval, port_text) = ("--scrape-interval-seconds=1", format!("--alertmanager-port={port}"));
        let mut options = vec![interval, &port_text];
        targets.iter().for_each(|target| options.extend(["--target", target]));
        let folder = exported(&options).await;
        let monitoring = folder.path().join("monitoring");
        let (mail, chat) = (SmtpSink::start(0).await, WebhookSink::start().await);
        let receivers = monitoring.join("alertmanager.host.yml");
        send_to(&receivers, &mail, &chat);
        at_once(&receivers);
        let alertmanager = Alertmanager::start_on(&receivers, port).await?;
        let prometheus = Prometheus::start_with(&monitoring.join("prometheus.host.yml")).await?;
        prometheus.targets_up(PATIENCE).await;
        Some(Self { prometheus, _alertmanager: alertmanager, mail, chat, folder })
    }

    /// A file of the export.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join("monitoring").join(path)
    }

    /// The first mail that tells that an alert fires, or is over.
    async fn mail_of(&self, alert: &str, fires: bool) -> Mail {
        let subject = subject(alert, fires);
        self.mail.mail_when(&format!("about {subject}"), PATIENCE, |mail| mail.subject.starts_with(&subject)).await
    }

    /// The text of the first message to the chat that tells that an alert fires, or is over.
    async fn message_of(&self, alert: &str, fires: bool) -> String {
        let subject = subject(alert, fires);
        let is_so = |post: &Post| post.json["attachments"][0]["title"].as_str() == subject.strip_suffix(':');
        let post = self.chat.post_when(&format!("about {subject}"), PATIENCE, is_so).await;
        post.json["attachments"][0]["text"].as_str().unwrap_or_default().to_owned()
    }
}

/// Waits until the mail and the message about a firing alert have come, and checks that both carry a number or a name from its
/// summary, what to do first, and where its runbook is. Gives the mail.
pub(crate) async fn told_of(watched: &Watched, alert: &str, wanted: &[&str]) -> Mail {
    let mail = watched.mail_of(alert, true).await;
    let message = watched.message_of(alert, true).await;
    let runbook = format!("runbooks/{alert}.md");
    let known = ALERTS.iter().find(|known| known.name == alert).unwrap_or_else(|| panic!("there is no alert {alert}"));
    for wanted in wanted.iter().copied().chain([known.first_step, &runbook]) {
        let both = mail.text.contains(wanted) && message.contains(wanted);
        assert!(both, "{wanted:?} is missing in the mail or the message:\n{}\n\n{message}", mail.text);
    }
    mail
}

/// Waits until mail and chat have heard that an alert is over.
pub(crate) async fn told_of_end(watched: &Watched, alert: &str) {
    watched.mail_of(alert, false).await;
    watched.message_of(alert, false).await;
}

/// How the subject of a mail about an alert begins.
fn subject(alert: &str, fires: bool) -> String {
    format!("[{}] {alert}:", if fires { "FIRING" } else { "RESOLVED" })
}

/// Puts the sinks into the exported file: the mail server, and the file with the secret address of the chat.
fn send_to(receivers: &Path, mail: &SmtpSink, chat: &WebhookSink) {
    let secret = receivers.with_file_name("slack_webhook_url");
    std::fs::write(&secret, format!("{}/services/T0/B0/secret", chat.url())).unwrap();
    change(receivers, |text| {
        let text = replaced(&text, "localhost:25", &mail.address());
        replaced(&text, "/etc/alertmanager/secrets/slack_webhook_url", &secret.display().to_string())
    });
}

/// Nobody waits for more alerts of a group: these waits are for people.
fn at_once(receivers: &Path) {
    change(receivers, |text| {
        let text = replaced(&text, "group_wait: 30s", "group_wait: 1s");
        let text = replaced(&text, "group_wait: 10s", "group_wait: 1s");
        replaced(&text, "group_interval: 5m", "group_interval: 1s")
    });
}
