//! The answer to a scrape.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use crp_metrics::Exposition;
use http::{HeaderMap, HeaderValue, header};

use crate::Web;

pub(crate) async fn get_metrics(State(web): State<Arc<Web>>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let (content_type, body) = web.metrics.render(Exposition::for_accept(accept));
    ([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body)
}
