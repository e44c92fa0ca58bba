//! Speaks with the REST API as a program would, and with bytes that a careful program would never send.

use std::{sync::Once, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::{
    poll::{PATIENCE, until},
    sse::EventStream,
};

const BOUNDARY: &str = "----crp-testkit-7f3d9a";

/// A client of the API with a cookie jar of its own.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("the answer {} is no JSON: {}", self.status, self.text()))
    }

    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of a refusal.
    ///
    /// # Panics
    /// If the answer is no problem (RFC 9457) with everything that a person needs.
    pub fn problem_code(&self) -> String {
        let problem = self.json();
        assert!(self.status >= 400, "{} is no refusal", self.status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{problem}");
        assert_eq!(problem["status"], self.status, "{problem}");
        for member in ["title", "detail", "remedy"] {
            assert!(problem[member].as_str().is_some_and(|text| text.len() > 5), "{member} is missing in {problem}");
        }
        assert!(problem["retryable"].is_boolean(), "{problem}");
        problem["code"].as_str().unwrap_or_else(|| panic!("no code in {problem}")).to_owned()
    }

    /// What an accepted upload became.
    ///
    /// # Panics
    /// If the answer does not say it.
    pub fn ids(&self) -> Ids {
        let answer = self.json();
        let id = |thing: &str| answer[thing]["id"].as_str().unwrap_or_else(|| panic!("no id of the {thing} in {answer}")).to_owned();
        Ids { document: id("document"), job: id("job") }
    }

    /// This answer, if it has the status.
    ///
    /// # Panics
    /// If it has another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// A file to upload.
#[derive(Clone, Debug)]
pub struct Upload<'a> {
    /// Its name, put between the quotes of the header as it is.
    pub name: &'a [u8],
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The pipeline, if one is named.
    pub pipeline: Option<&'a str>,
    /// The header `Idempotency-Key`, if it is sent.
    pub idempotency_key: Option<&'a str>,
}

impl<'a> Upload<'a> {
    /// A file with nothing special about it.
    pub fn of(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name: name.as_bytes(), bytes, pipeline: None, idempotency_key: None }
    }

    /// Through this pipeline.
    #[must_use]
    pub fn through(mut self, pipeline: &'a str) -> Self {
        self.pipeline = Some(pipeline);
        self
    }

    /// With this `Idempotency-Key`.
    #[must_use]
    pub fn keyed(mut self, key: &'a str) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// The body of the form.
    fn form(&self) -> Vec<u8> {
        let mut form = Vec::new();
        if let Some(pipeline) = self.pipeline {
            form.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"pipeline\"\r\n\r\n{pipeline}\r\n").bytes());
        }
        form.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"").bytes());
        form.extend_from_slice(self.name);
        form.extend(b"\"\r\nContent-Type: application/octet-stream\r\n\r\n");
        form.extend_from_slice(self.bytes);
        form.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
        form
    }
}

/// What an accepted upload became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Id of the document.
    pub document: String,
    /// Id of its job.
    pub job: String,
}

impl Api {
    /// A client that is not signed in. `url` has no slash at its end.
    pub fn anonymous(url: &str) -> Self {
        // The client is built without a TLS library of its own.
        static TLS: Once = Once::new();
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let builder = reqwest::Client::builder().cookie_store(true).no_proxy().redirect(reqwest::redirect::Policy::none());
        // Shorter than the server keeps an idle connection, so that none is used in the moment in which it is closed.
        let builder = builder.pool_idle_timeout(Duration::from_secs(4));
        let http = builder.timeout(Duration::from_secs(240)).build().expect("a client can be made");
        Self { url: url.to_owned(), http }
    }

    /// A client that is signed in.
    ///
    /// # Panics
    /// If the sign-in is refused.
    pub async fn signed_in(url: &str, email: &str, password: &str) -> Self {
        let api = Self::anonymous(url);
        api.sign_in(email, password).await.expect(200);
        api
    }

    /// `POST /session`.
    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/session", &json!({ "email": email, "password": password })).await
    }

    /// The address of a path; one that names its host stays.
    fn address(&self, path: &str) -> String {
        if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.url) }
    }

    /// A request to be filled in and sent with [`Api::send`].
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.address(path))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request and reads the whole answer, if there is one.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await? })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// POST without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Saves a pipeline.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn save_pipeline(&self, yaml: &str) {
        self.post("/api/v1/pipelines", &json!({ "source": yaml })).await.expect(201);
    }

    /// Uploads a file, whatever comes of it.
    pub async fn upload(&self, upload: &Upload<'_>) -> Answer {
        self.send(self.upload_request(upload)).await
    }

    /// The request of an upload, not sent.
    pub fn upload_request(&self, upload: &Upload<'_>) -> reqwest::RequestBuilder {
        let mut request = self.request(Method::POST, "/api/v1/documents");
        request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        if let Some(key) = upload.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        request.body(upload.form())
    }

    /// Uploads a file that must be accepted.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn accepted(&self, upload: &Upload<'_>) -> Ids {
        self.upload(upload).await.expect(202).ids()
    }

    /// The job now.
    pub async fn job(&self, job: &str) -> Value {
        self.get(&format!("/api/v1/jobs/{job}")).await.expect(200).json()
    }

    /// Waits until the job is final.
    pub async fn final_job(&self, job: &str) -> Value {
        self.job_when(job, "a final state", |job| ["succeeded", "failed", "cancelled"].iter().any(|state| job["status"] == *state)).await
    }

    /// Waits until the job has succeeded.
    ///
    /// # Panics
    /// If it ends otherwise.
    pub async fn succeeded_job(&self, job: &str) -> Value {
        let job = self.final_job(job).await;
        assert_eq!(job["status"], "succeeded", "{job:#}");
        job
    }

    /// Waits until the job is as wanted.
    pub async fn job_when(&self, job: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{what} of job {job}");
        until(&what, PATIENCE, async || Some(self.job(job).await).filter(|job| is_so(job))).await
    }

    /// The bytes of an artifact.
    pub async fn artifact(&self, job: &str, kind: &str) -> Bytes {
        self.get(&format!("/api/v1/jobs/{job}/artifacts/{kind}")).await.expect(200).body
    }

    /// The text that a job found, one text for each page.
    pub async fn texts(&self, job: &str) -> Vec<String> {
        let text = String::from_utf8(self.artifact(job, "text").await.to_vec()).expect("text is UTF-8");
        pages_of(&text)
    }

    /// Opens the stream of a job's events, after the event `last` if it is given.
    ///
    /// # Panics
    /// If the server does not answer with events.
    pub async fn events(&self, job: &str, last: Option<i64>) -> EventStream {
        let mut request = self.request(Method::GET, &format!("/api/v1/jobs/{job}/events"));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        EventStream::of(answer)
    }
}

/// The pages of a text whose pages are separated, or each ended, by a form feed.
pub fn pages_of(text: &str) -> Vec<String> {
    text.strip_suffix('\u{c}').unwrap_or(text).split('\u{c}').map(str::to_owned).collect()
}
