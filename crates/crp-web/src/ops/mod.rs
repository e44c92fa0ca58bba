//! What operators and their machines ask: metrics, whether the process lives and is ready, how the installation is and was.

pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod metrics;
pub(crate) mod system;
mod system_checks;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::{Web, frame};

/// `/metrics`, `/livez` and `/readyz` on a listener of their own.
pub(crate) fn router(web: Arc<Web>) -> Router {
    let router = Router::new()
        .route("/metrics", get(metrics::get_metrics))
        .route("/livez", get(health::get_livez))
        .route("/readyz", get(health::get_readyz))
        .fallback(crate::router::nothing_here)
        .method_not_allowed_fallback(crate::router::wrong_method)
        .with_state(web.clone());
    frame::around_ops(router, &web)
}
