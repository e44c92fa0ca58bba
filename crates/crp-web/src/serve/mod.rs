//! The accept loop: like axum's own, plus what the open internet needs — a time limit for headers, one for clients that
//! do not read, a limit on connections, and a shutdown that lets answers finish.

mod stalled_writes;

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::frame::address::Peer;
use stalled_writes::StalledWrites;

/// How patient the listener is.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// Connections at once; further ones wait in the system's queue.
    pub max_connections: usize,
    /// How long a client may take for the headers of a request, and how long an idle connection stays open.
    pub header_timeout: Duration,
    /// How long a client may leave bytes of an answer unread.
    pub write_timeout: Duration,
    /// How long answers may take to finish after the shutdown began.
    pub grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(20),
        }
    }
}

/// Tells long answers that the server is stopping.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(CancellationToken);

impl Stopping {
    /// For requests that did not come through the accept loop.
    pub(crate) fn never() -> Self {
        Self(CancellationToken::new())
    }

    pub(crate) fn stopped_owned(self) -> impl Future<Output = ()> + Send + 'static {
        self.0.cancelled_owned()
    }
}

/// Serves `router` on `listener` until `shutdown` resolves, then lets running answers finish for the grace period.
///
/// # Errors
/// When the listener cannot tell its own address.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let graceful = GracefulShutdown::new();
    let stopping = Stopping(CancellationToken::new());
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let (stream, peer, slot) = accepted;
        let router = router.clone().layer(axum::Extension(peer)).layer(axum::Extension(stopping.clone()));
        let connection = connection(stream, router, options);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the client's business; what matters was logged with its request.
            if let Err(error) = watched.await {
                tracing::debug!("A connection ended early: {error}");
            }
            drop(slot);
        });
    }
    drop(listener);
    stopping.0.cancel();
    if tokio::time::timeout(options.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("Some answers on {address} did not finish within {} s and were cut off", options.grace.as_secs());
    }
    Ok(())
}

/// The next connection, once there is a slot for it.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Peer, OwnedSemaphorePermit) {
    loop {
        let slot = slots.clone().acquire_owned().await;
        match (listener.accept().await, slot) {
            (Ok((stream, peer)), Ok(slot)) => {
                // Small answers leave at once.
                let _ = stream.set_nodelay(true);
                return (stream, Peer(peer), slot);
            }
            (Err(error), _) if is_about_one_connection(&error) => {}
            (Err(error), _) => {
                // Out of file descriptors: waiting is all that helps, and spinning would make it worse.
                tracing::error!("Connections cannot be accepted: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            (_, Err(_)) => std::future::pending().await,
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

type Io = TokioIo<StalledWrites<TcpStream>>;

fn connection(
    stream: TcpStream,
    router: Router,
    options: ServeOptions,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let io: Io = TokioIo::new(StalledWrites::new(stream, options.write_timeout));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(64 * 1024)
        .serve_connection(io, service)
}
