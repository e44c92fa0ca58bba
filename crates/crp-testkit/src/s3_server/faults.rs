//! What goes wrong between a client and the server.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use s3s::{Body, service::S3Service};
use tokio::net::TcpStream;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers this status with S3's error document, and does nothing.
    Status(u16),
    /// Answers this status with this code in S3's error document, and does nothing.
    Error(u16, &'static str),
    /// Resets the connection (RST) before anything is done.
    Reset,
    /// Takes the beginning of the request's body, then resets the connection.
    ResetWhile,
    /// Does what was asked, then resets the connection instead of answering.
    LoseAnswer,
    /// Sends half of the answer's body, then drops the connection. An answer without a body passes.
    TruncateBody,
    /// Changes one bit of the answer's body. An answer without a body passes.
    FlipByte,
    /// Changes one bit of the request's body on its way to the server. A request without a body passes.
    FlipUpload,
    /// Sends the answer's body byte for byte, 20 in a second. An answer without a body passes.
    Trickle,
    /// Never answers.
    Hang,
}

type Chosen = Box<dyn Fn(&Method, &Uri) -> bool + Send + Sync>;

struct Rule {
    left: Option<u32>,
    fault: Fault,
    chosen: Chosen,
}

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Its path, the bucket included, and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was done to it.
    pub fault: Option<Fault>,
    /// The status of the answer; `None` if there was none, or none yet.
    pub status: Option<u16>,
}

/// Fails a share of all requests, each by its address and by how often it has come: the same however requests interleave.
struct Storm {
    seed: u64,
    percent: u64,
    faults: Vec<Fault>,
    times: HashMap<String, u64>,
}

impl Storm {
    fn fault(&mut self, method: &Method, uri: &Uri) -> Option<Fault> {
        // Ids of uploads are made by chance.
        let query = uri.query().unwrap_or("").split('&').filter(|part| !part.starts_with("uploadId="));
        let name = format!("{method} {}?{}", uri.path(), query.collect::<Vec<_>>().join("&"));
        let time = self.times.entry(name.clone()).or_default();
        *time += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, name, *time).hash(&mut hasher);
        let drawn = hasher.finish();
        let fault = self.faults[usize::try_from(drawn / 100).unwrap_or(0) % self.faults.len()];
        let passes = match fault {
            // A changed byte of a listing is another listing, which nobody could notice.
            Fault::FlipByte => uri.query().is_some(),
            // What says which parts an object has is as telling when it is changed.
            Fault::FlipUpload => *method == Method::POST,
            _ => false,
        };
        (drawn % 100 < self.percent && !passes).then_some(fault)
    }
}

/// The faults that are ordered, in order.
#[derive(Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<Rule>>,
    storm: Mutex<Option<Storm>>,
    injected: AtomicU64,
    record: Mutex<Vec<Recorded>>,
}

impl Faults {
    pub(super) fn add(&self, left: Option<u32>, fault: Fault, chosen: impl Fn(&Method, &Uri) -> bool + Send + Sync + 'static) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push(Rule { left, fault, chosen: Box::new(chosen) });
    }

    pub(super) fn storm(&self, seed: u64, percent: u64, faults: &[Fault]) {
        let storm = Storm { seed, percent, faults: faults.to_vec(), times: HashMap::new() };
        *self.storm.lock().unwrap_or_else(PoisonError::into_inner) = Some(storm);
    }

    pub(super) fn record(&self) -> Vec<Recorded> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn recorded(&self) -> usize {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn begin(&self, request: &Request<Incoming>, fault: Option<Fault>) -> usize {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push(Recorded { method, uri, headers, fault, status: None });
        record.len() - 1
    }

    pub(super) fn clear(&self) {
        *self.storm.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn injected(&self) -> u64 {
        self.injected.load(Ordering::SeqCst)
    }

    /// The fault for this request, used up by being taken.
    fn take(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        let fault = self.ordered(method, uri).or_else(|| {
            let mut storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
            storm.as_mut()?.fault(method, uri)
        })?;
        self.injected.fetch_add(1, Ordering::SeqCst);
        Some(fault)
    }

    fn ordered(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules.iter().position(|rule| rule.left != Some(0) && (rule.chosen)(method, uri))?;
        let rule = &mut rules[at];
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.fault)
    }

    /// Answers one request, or fails it. An error makes the HTTP server drop the connection.
    pub(super) async fn answer(
        self: Arc<Self>,
        service: S3Service,
        socket: Socket,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let fault = self.take(request.method(), request.uri());
        let at = self.begin(&request, fault);
        let answer = answer_with(fault, &service, socket, request).await?;
        self.record.lock().unwrap_or_else(PoisonError::into_inner)[at].status = Some(answer.status().as_u16());
        Ok(answer)
    }
}

async fn answer_with(fault: Option<Fault>, service: &S3Service, socket: Socket, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let is_head = request.method() == Method::HEAD;
    match fault {
        None => forward(service, request.map(Body::from)).await,
        Some(Fault::Status(status)) => refuse(request, status, code_of(status), is_head).await,
        Some(Fault::Error(status, code)) => refuse(request, status, code, is_head).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Reset) => Err(socket.reset()),
        Some(Fault::ResetWhile) => {
            let _beginning = request.into_body().frame().await;
            Err(socket.reset())
        }
        Some(Fault::LoseAnswer) => {
            let answer = forward(service, request.map(Body::from)).await?;
            let _ = answer.into_body().collect().await;
            Err(socket.reset())
        }
        Some(Fault::TruncateBody) => truncate(forward(service, request.map(Body::from)).await?).await,
        Some(Fault::FlipByte) => changed(forward(service, request.map(Body::from)).await?, flip).await,
        Some(Fault::Trickle) => changed(forward(service, request.map(Body::from)).await?, trickle).await,
        Some(Fault::FlipUpload) => {
            let (parts, body) = request.into_parts();
            let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
            forward(service, Request::from_parts(parts, flip(bytes))).await
        }
    }
}

async fn forward(service: &S3Service, request: Request<Body>) -> io::Result<Response<Body>> {
    service.call(request).await.map_err(|e| io::Error::other(format!("{e:?}")))
}

fn code_of(status: u16) -> &'static str {
    match status {
        500 => "InternalError",
        503 => "SlowDown",
        507 => "XMinioStorageFull",
        _ => "InjectedFault",
    }
}

async fn refuse(request: Request<Incoming>, status: u16, code: &str, is_head: bool) -> io::Result<Response<Body>> {
    // Reads the body first: answering over a body that still comes would look like a reset.
    let _ = request.into_body().collect().await;
    Ok(refusal(status, code, is_head))
}

fn flip(bytes: Bytes) -> Body {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    Body::from(Bytes::from(bytes))
}

fn trickle(bytes: Bytes) -> Body {
    let frames = futures_util::stream::unfold(bytes, |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let byte = rest.split_to(1);
        Some((Ok::<_, io::Error>(Frame::data(byte)), rest))
    });
    Body::http_body_unsync(StreamBody::new(frames))
}

/// The same answer with its body changed, of the same length.
async fn changed(answer: Response<Body>, change: fn(Bytes) -> Body) -> io::Result<Response<Body>> {
    let (parts, body) = answer.into_parts();
    if body.is_end_stream() {
        return Ok(Response::from_parts(parts, body));
    }
    let whole = body.collect().await.map_err(|e| io::Error::other(e.to_string()))?.to_bytes();
    let length = whole.len();
    let mut answer = Response::from_parts(parts, change(whole));
    answer.headers_mut().insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(length));
    Ok(answer)
}

fn refusal(status: u16, code: &str, is_head: bool) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>Injected by the test.</Message><RequestId>1</RequestId></Error>"
    );
    let mut answer = Response::new(if is_head { Body::empty() } else { Body::from(Bytes::from(text)) });
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    answer
}

async fn truncate(answer: Response<Body>) -> io::Result<Response<Body>> {
    let (parts, body) = answer.into_parts();
    if body.is_end_stream() {
        return Ok(Response::from_parts(parts, body));
    }
    let whole = body.collect().await.map_err(|e| io::Error::other(e.to_string()))?.to_bytes();
    let half = whole.slice(..whole.len() / 2);
    let frames = futures_util::stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(Frame::data(half)), None)),
            _ => {
                // Waiting once makes the HTTP server send the half before it meets the error.
                tokio::task::yield_now().await;
                Some((Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut off by the test")), None))
            }
        }
    });
    let mut answer = Response::from_parts(parts, Body::http_body_unsync(StreamBody::new(frames)));
    // The server may have sent in chunks; with its length known, a cut is seen by every client.
    answer.headers_mut().insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(whole.len()));
    Ok(answer)
}

/// A second handle on a connection, to break it harder than HTTP can.
#[derive(Clone)]
pub(super) struct Socket(Arc<OwnedFd>);

impl Socket {
    pub(super) fn of(stream: &TcpStream) -> Option<Self> {
        Some(Self(Arc::new(stream.as_fd().try_clone_to_owned().ok()?)))
    }

    /// Closing it from now on sends RST at once.
    fn reset(self) -> io::Error {
        let _ = rustix::net::sockopt::set_socket_linger(&*self.0, Some(Duration::ZERO));
        io::Error::new(io::ErrorKind::ConnectionReset, "reset by the test")
    }
}
