//! Sees every HTTP answer of the storage, so that failures can say what the server said and retries can be judged by status.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use http::{Method, StatusCode};
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector},
};

tokio::task_local! {
    static SEEN: Arc<Mutex<Seen>>;
}

/// The last answer that one attempt got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The status; `None` if no answer came.
    pub(crate) status: Option<StatusCode>,
    /// The server's error code, such as `SlowDown`.
    pub(crate) code: String,
    /// The server's error message.
    pub(crate) message: String,
    /// Why no answer came.
    pub(crate) transport: Option<String>,
}

/// Runs one attempt and tells what the server answered to it.
pub(crate) async fn watching<F: Future>(attempt: F) -> (F::Output, Seen) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let output = SEEN.scope(seen.clone(), attempt).await;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (output, seen)
}

/// The innermost cause of an error: `Connection refused`, not `error sending request`.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    printable(&cause.to_string())
}

/// Text of a server, fit for one line of a log: no control characters, at most 300 characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect::<String>().trim().to_owned()
}

/// The one client of a bucket, handed out to whoever asks for a connection.
#[derive(Clone, Debug)]
pub(crate) struct Watched(HttpClient);

impl Watched {
    pub(crate) fn connect(options: &ClientOptions) -> object_store::Result<Self> {
        Ok(Self(HttpClient::new(Watch(ReqwestConnector::default().connect(options)?))))
    }

    pub(crate) fn client(&self) -> HttpClient {
        self.0.clone()
    }
}

impl HttpConnector for Watched {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.client())
    }
}

#[derive(Debug)]
struct Watch(HttpClient);

#[async_trait]
impl HttpService for Watch {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let has_no_body = request.method() == Method::HEAD;
        match self.0.execute(request).await {
            Err(error) => {
                note(Seen { transport: Some(innermost(&error)), ..Seen::default() });
                Err(error)
            }
            Ok(answer) if answer.status().is_success() || has_no_body => {
                note(Seen { status: Some(answer.status()), ..Seen::default() });
                Ok(answer)
            }
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                // An error whose explanation got lost on the way is still that error.
                let body = body.bytes().await.unwrap_or_default();
                let text = String::from_utf8_lossy(&body);
                note(Seen {
                    status: Some(parts.status),
                    code: between(&text, "Code"),
                    message: between(&text, "Message"),
                    transport: None,
                });
                Ok(HttpResponse::from_parts(parts, body.into()))
            }
        }
    }
}

fn note(now: Seen) {
    let _ = SEEN.try_with(|seen| *seen.lock().unwrap_or_else(PoisonError::into_inner) = now);
}

/// The text of an element of S3's error document. Nothing else of it is used: it may repeat what was signed.
fn between(text: &str, element: &str) -> String {
    let open = format!("<{element}>");
    let found = text.split_once(&open).and_then(|(_, rest)| rest.split_once("</")).map_or("", |(inner, _)| inner);
    printable(found)
}
