//! The engine `http`: a picture goes as PNG to the endpoint that the operator named, words with their places come back.
//!
//! It runs in the parent, since a child has no network. Who sends a document has no influence on where its pictures go.

mod answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod png;
mod probe;
mod trouble;

use std::{fmt, sync::Arc, time::Duration};

pub use answer::schema as http_answer_schema;
use crp_model::{Code, Failure, PageNo};
pub use probe::HttpProbe;
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::time::{Instant, sleep, timeout_at};
use trouble::{Refusal, Trouble};

use crate::engine::{GrayPicture, Recognised, Segmentation};

/// Version of the protocol that is spoken; see the manual's page on the engine.
pub(super) const PROTOCOL: u32 = 1;
/// Largest answer in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The first pause before a request is made again; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, also when the endpoint asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where the engine is and how it is spoken to, as the operator says.
#[derive(Clone)]
pub struct HttpEngineSettings {
    /// Address that pictures are sent to, `https://…` or `http://…`.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<String>,
    /// Longest wait for one answer; the page's own limit of time comes first where it is shorter.
    pub timeout_seconds: u32,
}

impl HttpEngineSettings {
    /// Checks them without sending anything.
    ///
    /// # Errors
    /// What is wrong: an address that is none, that is not http or https, or has a password in it; a token that no header can carry.
    pub fn check(&self) -> Result<(), String> {
        self.parts().map(drop)
    }

    fn parts(&self) -> Result<(Url, Option<HeaderValue>), String> {
        let url = Url::parse(&self.url).map_err(|error| format!("its address is none: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("its address begins with neither https:// nor http://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("its address has a user or password in it; give a token instead".to_owned());
        }
        Ok((url, self.token.as_deref().map(bearer).transpose()?))
    }
}

/// An engine behind HTTP. A copy is the same engine and shares its connections.
#[derive(Clone)]
pub struct HttpEngine(Arc<Endpoint>);

struct Endpoint {
    url: Url,
    authorization: Option<HeaderValue>,
    patience: Duration,
    client: Client,
}

/// The same engine, not only one like it.
impl PartialEq for HttpEngine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HttpEngine {}

impl fmt::Debug for HttpEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEngine").field("url", &self.0.url.as_str()).finish_non_exhaustive()
    }
}

/// A picture that a child wants to have read.
pub(super) struct Picture {
    pub(super) page: PageNo,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dots_per_inch: u32,
    pub(super) segmentation: Segmentation,
    /// `width * height` bytes; checked by whoever took them from the child.
    pub(super) gray: Vec<u8>,
}

impl HttpEngine {
    /// An engine at the operator's address; nothing is sent yet.
    ///
    /// # Errors
    /// `invalid_configuration` for what [`HttpEngineSettings::check`] refuses.
    pub fn new(settings: &HttpEngineSettings) -> Result<Self, Failure> {
        let wrong = |what| Failure::new(Code::InvalidConfiguration, format!("The http engine cannot be used: {what}"));
        let (url, authorization) = settings.parts().map_err(wrong)?;
        // A second one is refused, which is well: all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Where a proxy or a redirect would lead, nobody has allowed.
        let client = Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(CONNECT_TIMEOUT).build();
        let client = client.map_err(|error| Failure::new(Code::Internal, format!("The http engine cannot be set up: {error}")))?;
        let patience = Duration::from_secs(settings.timeout_seconds.max(1).into());
        Ok(Self(Arc::new(Endpoint { url, authorization, patience, client })))
    }

    /// Has a picture read, asking again where that may help, until `deadline`.
    ///
    /// # Errors
    /// `engine_unavailable` when it cannot be reached, is busy or refuses us; `page_timeout` when it takes too long;
    /// `engine_answer_invalid` for an answer that is none; `page_failed` when it cannot read this picture.
    pub(super) async fn read(&self, picture: Picture, languages: &[String], deadline: Instant) -> Result<Recognised, Failure> {
        let headers = self.headers(&picture, languages)?;
        let page = picture.page;
        let (png, picture) = png::encode(picture).await?;
        let mut pause = FIRST_PAUSE;
        loop {
            let refusal = match self.ask(&headers, png.clone(), &picture, deadline).await {
                Ok(recognised) => return Ok(recognised),
                Err(refusal) => refusal,
            };
            self.log(&refusal.trouble);
            let failure = refusal.trouble.failure(page);
            let wait = refusal.retry_after.unwrap_or(pause).min(LONGEST_PAUSE);
            if !refusal.trouble.may_pass() || Instant::now() + wait >= deadline {
                return Err(failure);
            }
            tracing::debug!(page = page.get(), code = failure.code.as_str(), ?wait, "the http engine is asked again: {}", failure.message);
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sends the picture once and reads the answer.
    async fn ask(
        &self,
        headers: &HeaderMap,
        png: bytes::Bytes,
        picture: &GrayPicture<'_>,
        deadline: Instant,
    ) -> Result<Recognised, Refusal> {
        let until = deadline.min(Instant::now() + self.0.patience);
        let asked = async {
            let request = self.0.client.post(self.0.url.clone()).headers(headers.clone()).body(png);
            let response = request.send().await.map_err(|error| Trouble::unreachable(&error))?;
            let body = body(Refusal::sort(response)?).await?;
            answer::read(&body, picture).map_err(|what| Trouble::Invalid(what).into())
        };
        timeout_at(until, asked).await.unwrap_or_else(|_elapsed| Err(Trouble::TooSlow.into()))
    }

    /// What only the operator may know: where the engine is, and what exactly is wrong there.
    fn log(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Invalid(what) => tracing::warn!(url = %self.0.url, "The http engine answers what cannot be used: {what}"),
            Trouble::Unreachable(reason) => tracing::warn!(url = %self.0.url, "The http engine cannot be reached: {reason}"),
            _ => {}
        }
    }

    fn headers(&self, picture: &Picture, languages: &[String]) -> Result<HeaderMap, Failure> {
        let text =
            |text: String| HeaderValue::from_str(&text).map_err(|_| Failure::new(Code::LanguageMissing, "A language is no language code"));
        let segmentation = match picture.segmentation {
            Segmentation::Automatic => "automatic",
            Segmentation::SingleBlock => "single_block",
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("crpipeline-ocr-protocol"), HeaderValue::from(PROTOCOL));
        headers.insert(HeaderName::from_static("crpipeline-ocr-page"), HeaderValue::from(picture.page.get()));
        headers.insert(HeaderName::from_static("crpipeline-ocr-dots-per-inch"), HeaderValue::from(picture.dots_per_inch));
        headers.insert(HeaderName::from_static("crpipeline-ocr-languages"), text(languages.join(","))?);
        headers.insert(HeaderName::from_static("crpipeline-ocr-segmentation"), HeaderValue::from_static(segmentation));
        if let Some(authorization) = &self.0.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(headers)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Refusal> {
    let is_json = response.headers().get(CONTENT_TYPE).and_then(|mime| mime.to_str().ok()).is_some_and(is_json);
    if !is_json {
        return Err(Trouble::Invalid("its content type is not application/json".to_owned()).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::unreachable(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Trouble::Invalid(format!("it has more than {MAX_ANSWER_BYTES} bytes")).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    let unusable = |_| "its token has characters that no header can carry".to_owned();
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_json(mime: &str) -> bool {
    mime.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
