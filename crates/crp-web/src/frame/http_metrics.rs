//! Counts and times requests by route template, never by path, and writes one log line for each.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use super::answer::RequestId;
use crate::Web;

pub(crate) async fn observe(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let in_flight = web.metrics.http_requests_in_flight.enter();
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = request.extensions().get::<RequestId>().copied();
    let response = next.run(request).await;
    drop(in_flight);
    let seconds = started.elapsed().as_secs_f64();
    let template = route.as_ref().map(MatchedPath::as_str);
    web.metrics.http.observe(method.as_str(), template, response.status().as_u16(), seconds);
    let template = template.unwrap_or("other");
    let id = id.map(|id| id.0.to_string()).unwrap_or_default();
    // The path may carry a one-time token, so the log has the template.
    tracing::info!(
        request.id = id,
        http.method = method.as_str(),
        http.route = template,
        http.status = response.status().as_u16(),
        duration_ms = seconds * 1000.0,
        "Answered {method} {template} with {status} in {milliseconds:.1} ms",
        status = response.status().as_u16(),
        milliseconds = seconds * 1000.0
    );
    response
}
