//! The outermost layer: gives the request its id and writes problems, as JSON for programs and as a page for people.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};
use uuid::Uuid;

use crate::{
    Web,
    pages::{self, error::error_page},
    problem::{Problem, ProblemBody},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being answered. It is ours, never the caller's, so that nothing foreign gets into the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(pub(crate) Uuid);

pub(crate) async fn answer(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let id = RequestId(web.ambient.new_uuid());
    let is_page = request.extensions().get::<MatchedPath>().is_some_and(|path| pages::is_page(path.as_str()));
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(web);
    let response = next.run(request).await;
    let mut response = with_words(response, id, is_page);
    if let Ok(value) = HeaderValue::from_str(&id.0.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A refusal leaves with words, wherever in the stack it was made.
fn with_words(response: Response, id: RequestId, is_page: bool) -> Response {
    let problem = response.extensions().get::<Problem>().cloned();
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    if problem.is_none() && (!is_refusal || has_own_words(&response)) {
        return response;
    }
    let problem = problem.unwrap_or_else(|| Problem::for_status(status));
    if problem.status.is_server_error() {
        tracing::error!(request.id = %id.0, code = problem.code, status = problem.status.as_u16(), "{}", problem.detail);
    }
    let (mut parts, _) = response.into_parts();
    // The old body's description does not fit the new one; `Allow`, `Retry-After` and the others stay.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    let written = if is_page { error_page(&problem, id).into_response() } else { as_json(&problem, id).into_response() };
    let (written_parts, body) = written.into_parts();
    parts.headers.extend(written_parts.headers);
    Response::from_parts(parts, body)
}

/// A handler's page or JSON; the libraries' own refusals are plain text or nothing.
fn has_own_words(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| !kind.starts_with("text/plain"))
}

fn as_json(problem: &Problem, id: RequestId) -> impl IntoResponse + use<> {
    let body = ProblemBody {
        r#type: format!("urn:crpipeline:problem:{}", problem.code),
        title: problem.title,
        status: problem.status.as_u16(),
        detail: &problem.detail,
        instance: format!("urn:uuid:{}", id.0),
        code: problem.code,
        remedy: &problem.remedy,
        retryable: problem.retryable,
    };
    let json = serde_json::to_vec(&body).unwrap_or_default();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], json)
}
