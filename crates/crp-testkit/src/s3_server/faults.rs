//! What goes wrong between a client and the server.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use s3s::{Body, service::S3Service};
use tokio::net::TcpStream;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers this status with S3's error document, and does nothing.
    Status(u16),
    /// Resets the connection (RST) before anything is done.
    Reset,
    /// Does what was asked, then resets the connection instead of answering.
    LoseAnswer,
    /// Sends half of the answer's body, then drops the connection. An answer without a body passes.
    TruncateBody,
    /// Never answers.
    Hang,
}

type Chosen = Box<dyn Fn(&Method, &Uri) -> bool + Send + Sync>;

struct Rule {
    left: Option<u32>,
    fault: Fault,
    chosen: Chosen,
}

/// The faults that are ordered, in order.
#[derive(Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<Rule>>,
    injected: AtomicU64,
}

impl Faults {
    pub(super) fn add(&self, left: Option<u32>, fault: Fault, chosen: impl Fn(&Method, &Uri) -> bool + Send + Sync + 'static) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push(Rule { left, fault, chosen: Box::new(chosen) });
    }

    pub(super) fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn injected(&self) -> u64 {
        self.injected.load(Ordering::SeqCst)
    }

    /// The fault for this request, used up by being taken.
    fn take(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules.iter().position(|rule| rule.left != Some(0) && (rule.chosen)(method, uri))?;
        let rule = &mut rules[at];
        rule.left = rule.left.map(|left| left - 1);
        self.injected.fetch_add(1, Ordering::SeqCst);
        Some(rule.fault)
    }

    /// Answers one request, or fails it. An error makes the HTTP server drop the connection.
    pub(super) async fn answer(
        self: Arc<Self>,
        service: S3Service,
        socket: Socket,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let is_head = request.method() == Method::HEAD;
        match self.take(request.method(), request.uri()) {
            None => forward(&service, request).await,
            Some(Fault::Status(status)) => {
                // Reads the body first: answering over a body that still comes would look like a reset.
                let _ = request.into_body().collect().await;
                Ok(refusal(status, is_head))
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Reset) => Err(socket.reset()),
            Some(Fault::LoseAnswer) => {
                let answer = forward(&service, request).await?;
                let _ = answer.into_body().collect().await;
                Err(socket.reset())
            }
            Some(Fault::TruncateBody) => truncate(forward(&service, request).await?).await,
        }
    }
}

async fn forward(service: &S3Service, request: Request<Incoming>) -> io::Result<Response<Body>> {
    service.call(request.map(Body::from)).await.map_err(|e| io::Error::other(format!("{e:?}")))
}

fn refusal(status: u16, is_head: bool) -> Response<Body> {
    let code = match status {
        500 => "InternalError",
        503 => "SlowDown",
        507 => "XMinioStorageFull",
        _ => "InjectedFault",
    };
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
