//! Every route on one page, each with who may call it. There is no way into the table without that.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    handler::Handler,
    middleware::{self, Next},
    routing::{MethodFilter, MethodRouter},
};
use crp_metrics::Route;
use crp_model::Permission::{
    HoldDocuments, ReadAudit, ReadDocuments, ReadJobs, ReadOrganization, ReadOverview, ReadPipelines, ReadSystem, ReadUsers, RunJobs,
    WriteDocuments, WritePipelines, WriteRetention,
};
use tower_http::{compression::CompressionLayer, timeout::RequestBodyDeadlineLayer};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    Web, app_files, auth, documents,
    frame::{
        self,
        access::{self, Access},
    },
    jobs, openapi, ops, organization, pages, pipelines,
    problem::{Problem, Refusal},
};
use Access::{May, Public, Setup, SignedIn};

/// Every route of the API: who may call it, and the handler, which carries method, path and documentation.
fn table() -> Routes {
    Routes::default()
        .at(Public, routes!(auth::session_state::get_session_state))
        .at(Public, routes!(auth::sign_in::sign_in))
        .at(SignedIn, routes!(auth::sign_out::sign_out))
        .at(Setup, routes!(auth::set_up::check_setup_link))
        .at(Setup, routes!(auth::set_up::set_up))
        .at(SignedIn, routes!(auth::me::get_me))
        .at(SignedIn, routes!(auth::new_password::put_password))
        .at(SignedIn, routes!(auth::sessions::list_sessions))
        .at(SignedIn, routes!(auth::sessions::revoke_session))
        .upload_at(May(WriteDocuments), routes!(documents::upload::upload_document))
        .at(May(ReadDocuments), routes!(documents::list::list_documents))
        .at(May(ReadDocuments), routes!(documents::get::get_document))
        .at(May(ReadDocuments), routes!(documents::content::get_document_content))
        .at(May(WriteDocuments), routes!(documents::change::change_document))
        .at(May(WriteDocuments), routes!(documents::delete::delete_document))
        .at(May(WriteDocuments), routes!(documents::trash::restore_document))
        .at(May(HoldDocuments), routes!(documents::hold::hold_document))
        .at(May(HoldDocuments), routes!(documents::hold::release_document))
        .at(May(WriteDocuments), routes!(documents::bulk::act_on_documents))
        .at(May(ReadDocuments), routes!(documents::archive::get_archive))
        .at(May(ReadDocuments), routes!(documents::tags::list_tags))
        .at(May(RunJobs), routes!(documents::run_again::run_document_again))
        .at(May(ReadJobs), routes!(jobs::list::list_jobs))
        .at(May(ReadJobs), routes!(jobs::get::get_job))
        .at(May(ReadJobs), routes!(jobs::events::watch_job))
        .at(May(ReadJobs), routes!(jobs::stream::watch_jobs))
        .at(May(ReadJobs), routes!(jobs::pages::list_job_pages))
        .at(May(ReadJobs), routes!(jobs::tasks::list_job_tasks))
        .at(May(ReadJobs), routes!(jobs::history::get_job_history))
        .at(May(RunJobs), routes!(jobs::cancel::cancel_job))
        .at(May(RunJobs), routes!(jobs::retry::retry_job))
        .at(May(RunJobs), routes!(jobs::dismiss::dismiss_job))
        .at(May(RunJobs), routes!(jobs::prioritize::put_job_priority))
        .at(May(ReadJobs), routes!(jobs::artifact::get_artifact))
        .at(May(ReadJobs), routes!(jobs::thumbnail::get_thumbnail))
        .at(May(ReadPipelines), routes!(pipelines::list::list_pipelines))
        .at(May(ReadPipelines), routes!(pipelines::get::get_pipeline))
        .at(May(ReadPipelines), routes!(pipelines::check::check_pipeline))
        .at(May(WritePipelines), routes!(pipelines::save::create_pipeline))
        .at(May(WritePipelines), routes!(pipelines::save::put_pipeline))
        .at(May(WritePipelines), routes!(pipelines::delete::delete_pipeline))
        .at(May(ReadOrganization), routes!(organization::get::list_organizations))
        .at(May(ReadOrganization), routes!(organization::retention::get_retention))
        .at(May(WriteRetention), routes!(organization::retention::put_retention))
        .at(May(ReadUsers), routes!(organization::users::list_users))
        .at(May(ReadAudit), routes!(organization::audit::list_audit))
        .at(May(ReadOverview), routes!(organization::overview::get_overview))
        .at(May(ReadSystem), routes!(ops::system::get_system))
        .at(May(ReadSystem), routes!(ops::history::get_system_history))
        .at(Public, routes!(ops::health::get_livez))
        .at(Public, routes!(ops::health::get_readyz))
        .page(Public, "/api/openapi.json", openapi::get_openapi)
        .page(Public, "/api/pipeline.schema.json", pipelines::schema::get_pipeline_schema)
        .page(Public, "/api/reference", pages::reference::get_reference)
        .page(Public, "/style.css", pages::style::get_style)
        .page(Public, "/", app_files::get_app.layer(CompressionLayer::new()))
        .page(Public, "/icon.svg", app_files::get_app)
        .page(Public, "/assets/{file}", app_files::get_app.layer(CompressionLayer::new()))
        .page(Public, "/pdfjs/{folder}/{file}", app_files::get_app)
}

/// Every method and path template that the main listener serves; they are the labels of the HTTP metrics.
/// A test compares the list with the routes.
pub const ROUTES: &[Route] = &[
    ("GET", "/api/v1/session"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("GET", "/api/v1/me"),
    ("PUT", "/api/v1/me/password"),
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/{id}"),
    ("POST", "/api/v1/documents"),
    ("GET", "/api/v1/documents"),
    ("GET", "/api/v1/documents/{id}"),
    ("GET", "/api/v1/documents/{id}/content"),
    ("PATCH", "/api/v1/documents/{id}"),
    ("DELETE", "/api/v1/documents/{id}"),
    ("POST", "/api/v1/documents/{id}/restore"),
    ("PUT", "/api/v1/documents/{id}/hold"),
    ("DELETE", "/api/v1/documents/{id}/hold"),
    ("POST", "/api/v1/documents/bulk"),
    ("GET", "/api/v1/documents/archive"),
    ("GET", "/api/v1/tags"),
    ("POST", "/api/v1/documents/{id}/jobs"),
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/{id}"),
    ("GET", "/api/v1/jobs/{id}/events"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/jobs/{id}/pages"),
    ("GET", "/api/v1/jobs/{id}/tasks"),
    ("GET", "/api/v1/jobs/{id}/history"),
    ("POST", "/api/v1/jobs/{id}/cancel"),
    ("POST", "/api/v1/jobs/{id}/retry"),
    ("POST", "/api/v1/jobs/{id}/dismiss"),
    ("PUT", "/api/v1/jobs/{id}/priority"),
    ("GET", "/api/v1/jobs/{id}/artifacts/{kind}"),
    ("GET", "/api/v1/jobs/{id}/pages/{page}/thumbnail"),
    ("GET", "/api/v1/pipelines"),
    ("GET", "/api/v1/pipelines/{name}"),
    ("POST", "/api/v1/pipelines/check"),
    ("POST", "/api/v1/pipelines"),
    ("PUT", "/api/v1/pipelines/{name}"),
    ("DELETE", "/api/v1/pipelines/{name}"),
    ("GET", "/api/v1/organizations"),
    ("GET", "/api/v1/organization/retention"),
    ("PUT", "/api/v1/organization/retention"),
    ("GET", "/api/v1/users"),
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/overview"),
    ("GET", "/api/v1/system"),
    ("GET", "/api/v1/system/history"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/pipeline.schema.json"),
    ("GET", "/api/reference"),
    ("GET", "/style.css"),
    ("GET", "/"),
    ("GET", "/icon.svg"),
    ("GET", "/assets/{file}"),
    ("GET", "/pdfjs/{folder}/{file}"),
];

/// Largest body of a request that is not an upload, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// How long such a body may take in all.
const BODY_SECONDS: u64 = 60;
/// How long an upload may take in all.
const UPLOAD_SECONDS: u64 = 4 * 3600;

/// Everything of the main listener, inside the frame.
pub(crate) fn main_listener(web: Arc<Web>) -> Router {
    let (router, _) = table().router.split_for_parts();
    let router = router
        .fallback(app_files::get_elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(web.clone());
    frame::around(router, &web)
}

/// What each route declared, and the OpenAPI document that the handlers' annotations make.
pub(crate) fn declared() -> (Vec<Declared>, utoipa::openapi::OpenApi) {
    let table = table();
    (table.declared, table.router.split_for_parts().1)
}

pub(crate) async fn nothing_here() -> Problem {
    Problem::new(Refusal::NotFound, "There is nothing at this address")
}

pub(crate) async fn wrong_method() -> Problem {
    Problem::new(Refusal::MethodNotAllowed, "This address does not take this method")
}

/// A route and who may call it.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) access: Access,
    /// Whether it is documented in the OpenAPI document; pages are not.
    #[cfg_attr(not(test), allow(dead_code, reason = "tests tell pages from operations"))]
    pub(crate) is_operation: bool,
}

/// The table while it is being written.
#[derive(Default)]
struct Routes {
    router: OpenApiRouter<Arc<Web>>,
    declared: Vec<Declared>,
}

impl Routes {
    /// An operation of the API.
    fn at(self, access: Access, operation: UtoipaMethodRouter<Arc<Web>>) -> Self {
        self.operation(access, operation.layer(RequestBodyDeadlineLayer::new(Duration::from_secs(BODY_SECONDS))))
    }

    /// An operation that takes a file: no limit but its own on size, and hours for a slow line.
    fn upload_at(self, access: Access, operation: UtoipaMethodRouter<Arc<Web>>) -> Self {
        self.operation(access, operation.map(without_body_limits))
    }

    /// Something that is looked at: the web app, its files, the reference. It only answers GET.
    fn page<H, T>(mut self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Web>>,
        T: 'static,
    {
        let route = MethodRouter::new().on(MethodFilter::GET, handler);
        let route = route.layer::<_, Infallible>(RequestBodyDeadlineLayer::new(Duration::from_secs(BODY_SECONDS)));
        self.declared.push(Declared { method: "GET", path: path.to_owned(), access, is_operation: false });
        self.router = self.router.route(path, guarded(access, route));
        self
    }

    fn operation(mut self, access: Access, operation: UtoipaMethodRouter<Arc<Web>>) -> Self {
        for (path, item) in &operation.1.paths {
            let methods = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete), ("PATCH", &item.patch)];
            for (method, _) in methods.into_iter().filter(|(_, operation)| operation.is_some()) {
                self.declared.push(Declared { method, path: path.clone(), access, is_operation: true });
            }
        }
        let guarded = operation.map(|route| guarded(access, route));
        self.router = self.router.routes(guarded);
        self
    }
}

fn without_body_limits(route: MethodRouter<Arc<Web>>) -> MethodRouter<Arc<Web>> {
    route.layer::<_, Infallible>(DefaultBodyLimit::disable()).layer(RequestBodyDeadlineLayer::new(Duration::from_secs(UPLOAD_SECONDS)))
}

/// `route_layer`: a wrong method is answered as such before anybody is asked who they are.
fn guarded(access: Access, route: MethodRouter<Arc<Web>>) -> MethodRouter<Arc<Web>> {
    route.route_layer(middleware::from_fn(move |request: Request, next: Next| access::guard(access, request, next)))
}
