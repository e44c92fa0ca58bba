//! Chromium without a window: this process serves a page to it, and hears the JSON that the page's script posts back.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    path::{Component, Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
    task::JoinSet,
};

/// Where the page's script posts its report.
const REPORT: &str = "/report";
/// Largest report that is accepted, in bytes.
const MAX_REPORT_BYTES: usize = 64 << 20;
/// Nothing but the page: no window, no first steps, no services of the browser's maker.
const SWITCHES: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--window-size=1200,1600",
];

/// Files for one page, each path with what stands there.
#[derive(Clone, Debug, Default)]
pub struct Site {
    folders: Vec<(String, PathBuf)>,
    files: Vec<(String, Bytes)>,
}

impl Site {
    /// A site without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves everything below `folder` under a path like `/name/`.
    #[must_use]
    pub fn folder(mut self, under: &str, folder: &Path) -> Self {
        self.folders.push((under.to_owned(), folder.to_owned()));
        self
    }

    /// Serves `bytes` at a path like `/name.html`.
    #[must_use]
    pub fn file(mut self, at: &str, bytes: impl Into<Bytes>) -> Self {
        self.files.push((at.to_owned(), bytes.into()));
        self
    }

    fn read(&self, path: &str) -> Option<Bytes> {
        if let Some((_, bytes)) = self.files.iter().find(|(at, _)| at == path) {
            return Some(bytes.clone());
        }
        let (folder, below) = self.folders.iter().find_map(|(under, folder)| Some((folder, path.strip_prefix(under.as_str())?)))?;
        let is_inside = Path::new(below).components().all(|part| matches!(part, Component::Normal(_)));
        std::fs::read(is_inside.then(|| folder.join(below))?).ok().map(Bytes::from)
    }
}

/// Shows `page` of the site to `chromium` and gives what its script posted to `/report`.
///
/// # Panics
/// If Chromium cannot be started, ends by itself, or the page reports nothing within `patience`; with what Chromium said.
pub async fn report_of(chromium: &Path, site: Site, page: &str, patience: Duration) -> Value {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port for the page");
    let address = listener.local_addr().expect("the port of the page");
    let (reports, mut reported) = mpsc::channel(1);
    let mut serving = JoinSet::new();
    serving.spawn(accept(listener, Arc::new(site), reports));

    let folder = tempfile::tempdir().expect("a folder for the browser");
    let mut browser = Browser::start(chromium, folder.path(), &format!("http://{address}{page}"));
    let report = tokio::select! {
        report = tokio::time::timeout(patience, reported.recv()) => report.ok().flatten(),
        _ = browser.process.wait() => None,
    };
    drop(browser);
    report.unwrap_or_else(|| {
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
        panic!("{page} reported nothing within {} s; Chromium said:\n{said}", patience.as_secs())
    })
}

/// A running Chromium; dropped, it ends with all its processes.
struct Browser {
    process: Child,
}

impl Browser {
    fn start(chromium: &Path, folder: &Path, url: &str) -> Self {
        let said = std::fs::File::create(folder.join("said")).expect("a file for what the browser says");
        let mut command = Command::new(chromium);
        command.args(SWITCHES).arg(format!("--user-data-dir={}", folder.join("profile").display())).arg(url);
        command.env("HOME", folder).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        Self { process: command.spawn().expect("Chromium can be started") }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Gone from here once it was waited for: then the number may be another's.
        if let Some(group) = self.process.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, reports: mpsc::Sender<Value>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                let (site, reports) = (site.clone(), reports.clone());
                let answer = service_fn(move |request| {
                    let (site, reports) = (site.clone(), reports.clone());
                    async move { Ok::<_, Infallible>(answer(request, &site, &reports).await) }
                });
                // A browser that leaves in the middle is no concern of ours.
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        }
    }
}

async fn answer(request: Request<Incoming>, site: &Site, reports: &mpsc::Sender<Value>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::POST && path == REPORT {
        let Ok(body) = Limited::new(request.into_body(), MAX_REPORT_BYTES).collect().await else {
            return response(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", Bytes::new());
        };
        let Ok(report) = serde_json::from_slice(&body.to_bytes()) else {
            return response(StatusCode::BAD_REQUEST, "text/plain", Bytes::new());
        };
        // Only the first one counts.
        let _ = reports.try_send(report);
        return response(StatusCode::OK, "text/plain", Bytes::new());
    }
    match site.read(&path) {
        Some(bytes) => response(StatusCode::OK, media_type(&path), bytes),
        None => response(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
    }
}

fn response(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_gives_its_own_files_and_nothing_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inside")).unwrap();
        std::fs::write(folder.path().join("inside/a.js"), "1").unwrap();
        std::fs::write(folder.path().join("secret"), "2").unwrap();
        let site = Site::new().folder("/f/", &folder.path().join("inside")).file("/page.html", "hello");
        assert_eq!(site.read("/page.html").unwrap(), "hello");
        assert_eq!(site.read("/f/a.js").unwrap(), "1");
        for path in ["/", "/page", "/f/", "/f/../secret", "/f//etc/passwd", "/f/b.js"] {
            assert!(site.read(path).is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn the_page_runs_its_script_and_its_report_comes_back() {
        let Some(chromium) = crate::programs::program("chromium") else { return };
        let page = "<script type=module>import { two } from '/two.mjs'; \
                    fetch('/report', { method: 'POST', body: JSON.stringify({ sum: two + two }) })</script>";
        let site = Site::new().file("/page.html", page).file("/two.mjs", "export const two = 2;");
        let report = report_of(&chromium, site, "/page.html", crate::poll::PATIENCE).await;
        assert_eq!(report["sum"], 4);
    }
}
