//! Uploading a document: look at it, stream it to storage, then document and job in one transaction; 202 only after both.

use std::sync::Arc;

use axum::extract::{FromRequest, Multipart, Request, State};
use crp_model::{Code, DocumentId, Failure, Plan, Priority, Scope, labels::UploadResult};
use crp_store::{
    StoreError,
    documents::{self, Added, NewDocument},
};
use http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    incoming::{self, Form, StoredFile},
    unclaimed::{self, Unclaimed},
};
use crate::{
    Web,
    accepted::Accepted,
    auth::principal::Caller,
    pipelines::resolve,
    problem::{Problem, ProblemBody, Refusal},
    schemas,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Boundaries, headers and the other fields of the form around the file, in bytes.
const FORM_OVERHEAD_BYTES: u64 = 64 * 1024;

/// The form of an upload.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the form; the handler reads it as a stream")]
pub(crate) struct UploadForm {
    /// The file: PDF, TIFF, PNG or JPEG.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Name or id of the pipeline; without it, `searchable-pdf`.
    #[schema(max_length = 256)]
    pipeline: Option<String>,
    /// How early it is worked on among the organization's own; without it, `normal`.
    #[schema(schema_with = schemas::priority)]
    priority: Option<String>,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Uploaded {
    /// The document.
    pub(crate) document: UploadedDocument,
    /// Its job.
    pub(crate) job: UploadedJob,
    /// Whether this is the answer to an earlier request with the same Idempotency-Key.
    pub(crate) replayed: bool,
}

/// The document that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedDocument {
    /// Id.
    pub(crate) id: Uuid,
    /// Name, cleaned: never a path.
    name: String,
    /// Format, told by the first bytes.
    #[schema(schema_with = schemas::media_type)]
    media_type: &'static str,
    /// Size in bytes.
    size_bytes: u64,
    /// SHA-256 of the bytes, hexadecimal.
    sha256: String,
    /// The first document with the same bytes; they are stored once.
    duplicate_of: Option<Uuid>,
}

/// The job that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedJob {
    /// Id; `GET /api/v1/jobs/{id}` tells how far it is.
    pub(crate) id: Uuid,
}

/// Upload a document
///
/// The file is streamed to storage. What its first bytes or its size show is refused here; everything else is taken and,
/// if need be, becomes a failed job with its code. The same bytes again are a new document with `duplicate_of`.
#[utoipa::path(post, path = "/api/v1/documents", tag = "documents",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key again gets the same answer", min_length = 1, max_length = 255)),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, description = "Taken: bytes and rows are durable", body = Uploaded, headers(("location" = String, description = "The job"))),
        (status = 409, description = "The Idempotency-Key belongs to another upload", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn upload_document(State(web): State<Arc<Web>>, caller: Caller, request: Request) -> Result<Accepted<Uploaded>, Problem> {
    let uploaded = receive(&web, &caller.scope(), request).await?;
    Ok(Accepted { job: uploaded.job.id, body: uploaded })
}

/// The whole upload; the API and the plain form share it.
pub(crate) async fn receive(web: &Arc<Web>, scope: &Scope, request: Request) -> Result<Uploaded, Problem> {
    let result = receive_uncounted(web, scope, request).await;
    if let Err(problem) = &result
        && let Some(refused) = Code::parse(problem.code).and_then(UploadResult::of_refusal)
    {
        web.metrics.documents_total.inc(refused);
    }
    result
}

async fn receive_uncounted(web: &Arc<Web>, scope: &Scope, request: Request) -> Result<Uploaded, Problem> {
    let idempotency_key = idempotency_key(request.headers())?;
    check_kind(request.headers())?;
    if let Err(problem) = check_announced(web, request.headers()) {
        // Who waits for 100-continue has not sent anything and hears the answer as it is.
        if !request.headers().contains_key(header::EXPECT) {
            incoming::linger(request.into_body()).await;
        }
        return Err(problem);
    }
    let mut multipart =
        Multipart::from_request(request, web).await.map_err(|e| Problem { detail: e.body_text(), ..Problem::for_status(e.status()) })?;
    let mut form = Form::default();
    let read = incoming::read_form(web, scope.organization, &mut multipart, &mut form).await;
    let checked = match read {
        Ok(()) => resolve::plan_for(web, scope, form.pipeline.as_deref()).await,
        Err(problem) => {
            incoming::linger_form(&mut multipart).await;
            Err(problem)
        }
    };
    match (checked, form.file) {
        (Ok(plan), Some(file)) => add(web, *scope, file, plan, form.priority.unwrap_or_default(), idempotency_key).await,
        (Ok(_), None) => Err(Problem::new(Refusal::InvalidValue, "The form has no field \"file\"")),
        (Err(problem), file) => {
            if let Some(file) = file {
                file.object.discard().await;
            }
            Err(problem)
        }
    }
}

/// What can be refused before the first byte of the body.
fn check_announced(web: &Web, headers: &HeaderMap) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > web.settings.limits.max_upload_bytes() + FORM_OVERHEAD_BYTES) {
        return Err(incoming::too_large(web).into());
    }
    if let Some(failure) = web.objects.away() {
        return Err(failure.into());
    }
    if web.objects.kind() == crp_objects::Backend::Folder {
        web.settings.reserve.check(announced.unwrap_or(0))?;
    }
    Ok(())
}

fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()?.parse::<mime::Mime>().ok());
    match kind {
        Some(kind) if kind.essence_str() == "multipart/form-data" => Ok(()),
        _ => Err(Problem::new(Refusal::UnsupportedMediaType, "An upload is sent as multipart/form-data with the field \"file\"")),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let good = |text: &&str| (1..=255).contains(&text.len());
    match value.to_str().ok().map(str::trim).filter(good) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::new(Refusal::InvalidRequest, "\"Idempotency-Key\" is not made of 1 to 255 visible ASCII characters")),
    }
}

/// Runs to its end even when the client goes away: bytes and rows stay together.
async fn add(
    web: &Arc<Web>,
    scope: Scope,
    file: StoredFile,
    plan: Plan,
    priority: Priority,
    idempotency_key: Option<String>,
) -> Result<Uploaded, Problem> {
    let web = web.clone();
    let task = tokio::spawn(async move {
        let new = NewDocument {
            document: DocumentId::new(&web.ambient),
            name: file.name.clone(),
            media_type: file.media_type,
            size_bytes: file.stored.size_bytes,
            sha256: file.stored.sha256,
            object_key: file.key.clone(),
            plan,
            priority,
            idempotency_key,
        };
        let document = new.document;
        let added = match documents::add_with_job(&web.store, &scope, new).await {
            Ok(added) => Ok(added),
            Err(StoreError::Failure(failure)) => found_after_failure(&web, &scope, document, failure).await,
            Err(refused) => Err(AddError::NotAdded(refused.into())),
        };
        match added {
            Ok(added) => Ok(taken(&web, &scope, file, added).await),
            Err(error) => Err(error.settle(file.object).await),
        }
    });
    task.await.map_err(|_| Problem::internal("Adding the document panicked"))?
}

/// What is known after a failed transaction.
enum AddError {
    /// There is no row: the bytes may go.
    NotAdded(Problem),
    /// The database does not say: the bytes stay, since a row without bytes is a lie and bytes without a row are only waste.
    Unknown(Problem),
}

impl AddError {
    async fn settle(self, object: Unclaimed) -> Problem {
        match self {
            AddError::NotAdded(problem) => {
                object.discard().await;
                problem
            }
            AddError::Unknown(problem) => {
                object.keep();
                problem
            }
        }
    }
}

/// A connection that breaks during the commit leaves open whether it happened; one look tells.
async fn found_after_failure(web: &Web, scope: &Scope, document: DocumentId, failure: Failure) -> Result<Added, AddError> {
    match documents::get(&web.store, scope, document).await {
        Ok(row) => match row.latest_job {
            Some(job) => Ok(Added { document, job, duplicate_of: row.duplicate_of, replayed: false, unneeded_object: None }),
            None => Err(AddError::Unknown(failure.into())),
        },
        Err(StoreError::NotFound) => Err(AddError::NotAdded(failure.into())),
        Err(_) => Err(AddError::Unknown(failure.into())),
    }
}

/// Counts and tells what was taken; an object that turned out to be unneeded goes.
async fn taken(web: &Web, scope: &Scope, file: StoredFile, added: Added) -> Uploaded {
    let StoredFile { name, media_type, stored, object, .. } = file;
    object.keep();
    if let Some(unneeded) = &added.unneeded_object {
        unclaimed::discard(&web.objects, unneeded).await;
    }
    if !added.replayed {
        let result = if added.duplicate_of.is_some() { UploadResult::Duplicate } else { UploadResult::Accepted };
        web.metrics.documents_total.inc(result);
        web.metrics.upload_bytes_total.inc_by(stored.size_bytes);
    }
    // A replay may have been sent under another name; the first one counts.
    let first_name = if added.replayed { documents::get(&web.store, scope, added.document).await.ok().map(|row| row.name) } else { None };
    let document = UploadedDocument {
        id: added.document.0,
        name: first_name.unwrap_or(name).as_str().to_owned(),
        media_type: media_type.mime(),
        size_bytes: stored.size_bytes,
        sha256: stored.sha256.to_string(),
        duplicate_of: added.duplicate_of.map(|document| document.0),
    };
    Uploaded { document, job: UploadedJob { id: added.job.0 }, replayed: added.replayed }
}
