//! An HTTP server in this process that keeps the JSON of every POST: what a chat or a pager would have got.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::poll::within;

/// Largest body that is accepted, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Most bodies that are kept; later ones are refused.
const MAX_POSTS: usize = 200;

/// What was posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// The path it was posted to.
    pub path: String,
    /// Its JSON.
    pub json: Value,
}

type Posts = Arc<Mutex<Vec<Post>>>;

/// A running receiver. Dropped, it stops.
pub struct WebhookSink {
    address: SocketAddr,
    posts: Posts,
    accepting: JoinHandle<()>,
}

impl WebhookSink {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port for the receiver");
        let address = listener.local_addr().expect("the port of the receiver");
        let posts = Posts::default();
        let accepting = tokio::spawn(accept(listener, posts.clone()));
        Self { address, posts, accepting }
    }

    /// `http://127.0.0.1:PORT`; every path below it is accepted.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything so far, in the order in which it came.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something as wanted was posted, and gives the first one.
    ///
    /// # Panics
    /// After `patience`, with what was posted instead.
    pub async fn post_when(&self, what: &str, patience: Duration, is_so: impl Fn(&Post) -> bool) -> Post {
        let found = within(patience, async || self.posts().into_iter().find(&is_so)).await;
        found.unwrap_or_else(|| panic!("no POST {what} in {} s; these came: {:#?}", patience.as_secs(), self.posts()))
    }
}

impl Drop for WebhookSink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, posts: Posts) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, posts.clone()));
            }
        }
    }
}

async fn serve(stream: TcpStream, posts: Posts) {
    let answer = service_fn(move |request| {
        let posts = posts.clone();
        async move { Ok::<_, Infallible>(keep(request, &posts).await) }
    });
    // A client that leaves in the middle is no concern of ours.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// Keeps what was posted. Slack answers `ok`, and Alertmanager takes any other text of a success for a failure of Slack's.
async fn keep(request: Request<Incoming>, posts: &Posts) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return answer(StatusCode::METHOD_NOT_ALLOWED, "only POST");
    }
    let path = request.uri().path().to_owned();
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    };
    let Ok(json) = serde_json::from_slice(&body.to_bytes()) else {
        return answer(StatusCode::BAD_REQUEST, "no JSON");
    };
    let mut posts = posts.lock().unwrap_or_else(PoisonError::into_inner);
    if posts.len() >= MAX_POSTS {
        return answer(StatusCode::INSUFFICIENT_STORAGE, "the sink is full");
    }
    posts.push(Post { path, json });
    answer(StatusCode::OK, "ok")
}

fn answer(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Api;

    #[tokio::test]
    async fn what_is_posted_is_kept_with_its_path_and_what_is_no_json_is_refused() {
        let sink = WebhookSink::start().await;
        let api = Api::anonymous(&sink.url());
        api.get("/").await.expect(405);
        api.send(api.request(Method::POST, "/").body("{")).await.expect(400);
        api.post("/services/T/B/x", &json!({ "text": "six wrong logins" })).await.expect(200);
        let post = sink.post_when("about logins", Duration::from_secs(10), |post| post.json["text"] == "six wrong logins").await;
        assert_eq!(post.path, "/services/T/B/x");
        assert_eq!(sink.posts().len(), 1);
    }
}
