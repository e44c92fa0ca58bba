//! A real S3 server in this process, over HTTP with signatures checked, that fails where a test tells it to.

mod faults;
mod files;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Method, Uri};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    S3Result,
    auth::SimpleAuth,
    host::{S3Host, VirtualHost},
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub use self::faults::{Fault, Recorded};
use self::{faults::Faults, files::Files};

const ACCESS_KEY: &str = "CRPIPELINETESTKEY";
const SECRET_KEY: &str = "secret-of-the-test-server-0123456789";
const BUCKET: &str = "documents";

/// A running server with one empty bucket in a temporary folder. Dropped, it stops and its bytes are gone.
pub struct S3Server {
    address: SocketAddr,
    root: tempfile::TempDir,
    files: Files,
    faults: Arc<Faults>,
    requests: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl S3Server {
    /// Starts on a free port of 127.0.0.1, on the runtime of the caller.
    ///
    /// # Panics
    /// If the port or the folder cannot be had: a test cannot go on without its server.
    pub async fn start() -> S3Server {
        let root = tempfile::tempdir().expect("a temporary folder for the S3 server");
        std::fs::create_dir(root.path().join(BUCKET)).expect("a folder for the bucket");
        let files = Files::new(root.path());
        let mut builder = S3ServiceBuilder::new(files.clone());
        builder.set_host(Hosts);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port for the S3 server");
        let address = listener.local_addr().expect("the port of the S3 server");
        let (faults, requests) = (Arc::new(Faults::default()), Arc::new(AtomicU64::new(0)));
        let accepting = tokio::spawn(accept(listener, builder.build(), faults.clone(), requests.clone()));
        Self { address, root, files, faults, requests, accepting }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The access key id that it knows.
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret of that key.
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The bucket that exists.
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// A region to sign for; any is accepted.
    pub fn region(&self) -> &'static str {
        "us-east-1"
    }

    /// The file in which the server keeps the object `key`, for damaging it.
    pub fn object_file(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }

    /// Keys whose uploads in parts are open, in order.
    pub fn open_uploads(&self) -> Vec<String> {
        self.files.open_uploads()
    }

    /// How many files with the parts of uploads lie on the server's disk.
    pub fn parts_on_disk(&self) -> usize {
        let entries = std::fs::read_dir(self.root.path()).expect("the server's folder can be read");
        entries.flatten().filter(|e| e.file_name().to_string_lossy().contains(".part-")).count()
    }

    /// Requests received so far, also those that were made to fail.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Requests made to fail so far.
    pub fn injected(&self) -> u64 {
        self.faults.injected()
    }

    /// Fails the next `n` requests.
    pub fn fail_next(&self, n: u32, fault: Fault) {
        self.faults.add(Some(n), fault, |_, _| true);
    }

    /// Fails the next `n` requests of `method`.
    pub fn fail_next_of(&self, method: Method, n: u32, fault: Fault) {
        self.faults.add(Some(n), fault, move |m, _| *m == method);
    }

    /// Fails the next `n` requests (for ever with `None`) that `chosen` picks by method and address.
    pub fn fail_where(&self, n: Option<u32>, fault: Fault, chosen: impl Fn(&Method, &Uri) -> bool + Send + Sync + 'static) {
        self.faults.add(n, fault, chosen);
    }

    /// Fails so many of a hundred requests, which ones and how is drawn from `seed`.
    pub fn storm(&self, seed: u64, percent: u64, faults: &[Fault]) {
        self.faults.storm(seed, percent, faults);
    }

    /// Every request so far, in the order in which they came.
    pub fn record(&self) -> Vec<Recorded> {
        self.faults.record()
    }

    /// How many requests there are in [`S3Server::record`].
    pub fn recorded(&self) -> usize {
        self.faults.recorded()
    }

    /// Removes the bucket with all that is in it, or makes it again and ends all faults.
    pub fn set_bucket(&self, exists: bool) {
        let folder = self.root.path().join(BUCKET);
        let done = if exists { std::fs::create_dir(folder) } else { std::fs::remove_dir_all(folder) };
        done.expect("the folder of the bucket is there or not");
        // The server's storage makes missing folders where it writes.
        self.fail_all((!exists).then_some(Fault::Error(404, "NoSuchBucket")));
    }

    /// Fails every request from now on; with `None` none any more, whatever was ordered before.
    pub fn fail_all(&self, fault: Option<Fault>) {
        self.faults.clear();
        if let Some(fault) = fault {
            self.faults.add(None, fault, |_, _| true);
        }
    }
}

/// The bucket may stand in the host under this name, for a client that asks through a proxy; then this server is that proxy.
const NAME: &str = "s3.test";

struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let bucket = host.strip_suffix(NAME).and_then(|rest| rest.strip_suffix('.'));
        Ok(match bucket {
            Some(bucket) => VirtualHost::new(NAME).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service, faults: Arc<Faults>, requests: Arc<AtomicU64>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, service.clone(), faults.clone(), requests.clone()));
            }
        }
    }
}

async fn serve(stream: TcpStream, service: S3Service, faults: Arc<Faults>, requests: Arc<AtomicU64>) {
    let _ = stream.set_nodelay(true);
    let Some(socket) = faults::Socket::of(&stream) else { return };
    let answer = service_fn(move |request| {
        requests.fetch_add(1, Ordering::SeqCst);
        faults.clone().answer(service.clone(), socket.clone(), request)
    });
    // An error here is an injected fault or a client that left; both are what tests are about.
    let _ = Builder::new(TokioExecutor::new()).http1_only().serve_connection(TokioIo::new(stream), answer).await;
}
