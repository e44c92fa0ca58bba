//! The one style sheet.

use axum::response::IntoResponse;
use http::{HeaderValue, header};

pub(crate) async fn get_style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, include_str!("style.css"))
}
