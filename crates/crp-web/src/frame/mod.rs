//! What every request passes, from the outside in: answer, metrics, panic guard, cross-site guard, body timeouts, access.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod cross_site;
pub(crate) mod http_metrics;
pub(crate) mod security_headers;

use std::{any::Any, sync::Arc};

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
};
use crp_metrics::Metrics;
use crp_model::labels::PanicPlace;
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};

use crate::{Web, problem::Problem};

/// Puts the frame around the routes. The last layer is the outermost.
pub(crate) fn around(router: Router, web: &Arc<Web>) -> Router {
    router
        .layer(RequestBodyTimeoutLayer::new(web.settings.body_idle_timeout))
        .layer(cross_site::layer(web))
        .layer(CatchPanicLayer::custom(PanicAnswer(web.metrics.clone())))
        .layer(middleware::from_fn_with_state(web.clone(), http_metrics::observe))
        .layer(middleware::from_fn(security_headers::add))
        .layer(middleware::from_fn_with_state(web.clone(), answer::answer))
}

/// The frame of the ops listener: the same without cookies to protect and without bodies to wait for.
/// Scrapes are not counted as requests of users.
pub(crate) fn around_ops(router: Router, web: &Arc<Web>) -> Router {
    router
        .layer(CatchPanicLayer::custom(PanicAnswer(web.metrics.clone())))
        .layer(middleware::from_fn(security_headers::add))
        .layer(middleware::from_fn_with_state(web.clone(), answer::answer))
}

/// Turns a panic of a handler into a 500 and a count.
#[derive(Clone)]
struct PanicAnswer(Metrics);

impl tower_http::catch_panic::ResponseForPanic for PanicAnswer {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        let what = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
        tracing::error!(panic = what.as_deref().unwrap_or("of unknown kind"), "A request handler panicked");
        self.0.panics_total.inc(PanicPlace::Http);
        Problem::internal("The server made a mistake while it worked on this request").into_response()
    }
}
