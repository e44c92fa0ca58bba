//! The OpenAPI 3.1 document: what the handlers say about themselves, plus the answers that the frame gives for them.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use crp_model::Role;
use http::{HeaderValue, header};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response, Schema, Server,
        path::{Operation, PathItem},
        schema::AdditionalProperties,
        security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::{
    documents::upload::UploadForm,
    frame::access::Access,
    problem::ProblemBody,
    router::{self, Declared},
};

const DESCRIPTION: &str = "Documents go in, jobs take them through pipelines, artifacts come out.\n\n\
    Ids are UUIDv7, times are RFC 3339 in UTC, lists come in pages: give `next_cursor` as `cursor`. \
    Sign in with `POST /api/v1/session` and send the cookie. \
    Every refusal is a problem (RFC 9457) with a code, what happened, what to do and whether trying again helps; \
    404 stands also for what belongs to another organization, 405 comes with `Allow`.";

/// The OpenAPI document of this version.
pub fn openapi() -> OpenApi {
    let (declared, mut api) = router::declared();
    api.info.title = "crPipeline".to_owned();
    api.info.description = Some(DESCRIPTION.to_owned());
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    api.info.contact = None;
    api.servers = Some(vec![Server::new("/")]);
    api.tags = Some(tags());
    let components = api.components.get_or_insert_default();
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    if let Some(RefOr::T(Schema::Object(form))) = components.schemas.get_mut(&*UploadForm::name()) {
        form.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    let cookie = ApiKeyValue::with_description("crp_session", "Set by POST /api/v1/session; `__Host-crp_session` behind https");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for route in declared.iter().filter(|route| route.is_operation) {
        if let Some(operation) = api.paths.paths.get_mut(&route.path).and_then(|item| operation_mut(item, route.method)) {
            add_frame_answers(operation, route);
        }
    }
    api
}

/// The OpenAPI document
pub(crate) async fn get_openapi() -> impl IntoResponse {
    static JSON: LazyLock<String> = LazyLock::new(|| openapi().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], JSON.as_str())
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    let tags = [
        ("session", "Signing in and out"),
        ("documents", "Originals, immutable"),
        ("jobs", "One document through one pipeline each"),
        ("pipelines", "Named lists of stages"),
        ("organization", "The organization, its users, its log, its figures"),
        ("system", "How the installation is, and how the organization's jobs went"),
        ("health", "For load balancers and monitoring"),
    ];
    tags.into_iter().map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()).collect()
}

fn operation_mut<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "DELETE" => item.delete.as_mut(),
        "PATCH" => item.patch.as_mut(),
        _ => None,
    }
}

/// The answers that come from what surrounds the handler; those that it names itself keep its words.
fn add_frame_answers(operation: &mut Operation, route: &Declared) {
    let mut answers = vec![(500, "A defect in crPipeline; the log has the request's id")];
    if route.path != "/livez" && route.path != "/readyz" {
        answers.push((503, "Database or storage do not answer, or too many wait; Retry-After says when to come back"));
    }
    if !matches!(route.access, Access::Public | Access::Setup) {
        answers.push((401, "Not signed in"));
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("session", [])]);
    }
    let changes_something = route.method != "GET";
    let some_role_may_not = matches!(route.access, Access::May(permission) if Role::ALL.iter().any(|role| !role.may(permission)));
    if changes_something || some_role_may_not {
        answers.push((403, "The role may not do this, or another site made the request"));
    }
    if changes_something {
        answers.push((507, "No room on the disk"));
    }
    if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
        answers.push((400, "A parameter cannot be read"));
    }
    if route.path.contains('{') {
        answers.push((404, "There is no such thing in this organization"));
    }
    if operation.request_body.is_some() {
        answers.extend([
            (400, "The body cannot be read"),
            (408, "The body came too slowly"),
            (413, "The body is too large"),
            (415, "The content type, or the kind of file, is not one that is taken"),
            (422, "A value is not allowed; the detail says which"),
        ]);
    }
    for (status, text) in answers {
        let problem = RefOr::T(problem_response(text));
        operation.responses.responses.entry(status.to_string()).or_insert(problem);
    }
}

fn problem_response(description: &str) -> Response {
    let mut response = Response::new(description);
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    response.content.insert("application/problem+json".to_owned(), Content::new(Some(schema)).into());
    response
}
