//! Refuses requests that another site made a browser send (CSRF), told by `Sec-Fetch-Site` and `Origin`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use crp_metrics::Metrics;
use crp_model::labels::DenialKind;
use tower_http::csrf::{CsrfLayer, ProtectionError, ResponseForProtectionError};

use crate::{
    Web,
    problem::{Problem, Refusal},
};

/// Guards every method but GET, HEAD and OPTIONS. Programs send neither header and pass; they carry no ambient cookie.
pub(crate) fn layer(web: &Arc<Web>) -> CsrfLayer<Refuse> {
    let layer = CsrfLayer::new();
    let layer = match web.settings.origin() {
        // Behind a proxy that rewrites Host, the public address is what browsers name as their origin.
        Some(origin) => layer.clone().add_trusted_origin(origin).unwrap_or(layer),
        None => layer,
    };
    layer.with_rejection_response(Refuse(web.metrics.clone()))
}

/// Counts and answers a refused request.
#[derive(Clone)]
pub(crate) struct Refuse(Metrics);

impl ResponseForProtectionError<axum::body::Body> for Refuse {
    fn response_for_protection_error(&mut self, _error: ProtectionError) -> Response {
        self.0.authorization_denied_total.inc(DenialKind::Csrf);
        Problem::new(Refusal::CrossSite, "The browser says that another site made this request").into_response()
    }
}
