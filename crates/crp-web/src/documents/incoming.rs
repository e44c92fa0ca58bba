//! The body of an upload: looked at, then streamed to storage; never whole in memory.

use std::{pin::Pin, time::Duration};

use axum::{
    body::Body,
    extract::{
        Multipart,
        multipart::{Field, MultipartError},
    },
};
use bytes::{Bytes, BytesMut};
use crp_model::{Code, DocumentName, Failure, MediaType, ObjectKey, OrganizationId, Priority, media::SNIFF_BYTES};
use crp_objects::{PutError, Stored};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::unclaimed::Unclaimed;
use crate::{
    Web,
    jobs::prioritize::read_priority,
    problem::{Problem, Refusal},
};

/// Longest text of a field beside the file, in bytes; the longest is a pipeline's name or id.
const MAX_TEXT_FIELD_BYTES: usize = 256;
/// How long the rest of a refused body is read and thrown away, so that the sender hears the answer.
const LINGER: Duration = Duration::from_secs(10);

/// A stored file whose row is still missing.
pub(crate) struct StoredFile {
    pub(crate) name: DocumentName,
    pub(crate) media_type: MediaType,
    pub(crate) stored: Stored,
    pub(crate) key: ObjectKey,
    pub(crate) object: Unclaimed,
}

/// What the form said.
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) file: Option<StoredFile>,
    pub(crate) pipeline: Option<String>,
    pub(crate) priority: Option<Priority>,
}

/// Reads the form; the file is in storage when this returns. The other fields may stand before or after `file`.
pub(crate) async fn read_form(web: &Web, organization: OrganizationId, multipart: &mut Multipart, form: &mut Form) -> Result<(), Problem> {
    while let Some(field) = multipart.next_field().await.map_err(broken_off)? {
        match field.name() {
            Some("file") if form.file.is_none() => form.file = Some(store_file(web, organization, field).await?),
            Some("pipeline") if form.pipeline.is_none() => form.pipeline = Some(short_text(field).await?),
            Some("priority") if form.priority.is_none() => form.priority = Some(read_priority(&short_text(field).await?)?),
            Some(again @ ("file" | "pipeline" | "priority")) => {
                return Err(Problem::new(
                    Refusal::InvalidValue,
                    format!("The form has the field \"{again}\" twice; send one file per request"),
                ));
            }
            _ => {
                let message = "The form takes the fields \"file\", \"pipeline\" and \"priority\" and no others";
                return Err(Problem::new(Refusal::InvalidValue, message));
            }
        }
    }
    Ok(())
}

/// Looks at the first bytes, then passes everything on as it comes.
async fn store_file(web: &Web, organization: OrganizationId, mut field: Field<'_>) -> Result<StoredFile, Problem> {
    let name = DocumentName::from_client(field.file_name().unwrap_or_default())?;
    let mut head = BytesMut::new();
    while head.len() < SNIFF_BYTES
        && let Some(chunk) = field.chunk().await.map_err(broken_off)?
    {
        head.extend_from_slice(&chunk);
    }
    let media_type = MediaType::sniff(&head)?;
    let key = ObjectKey::original(organization, web.ambient.new_uuid());
    let mut trouble = None;
    let rest = field.map_err(|error| trouble.insert(broken_off(error)).detail.clone());
    let body: Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send + '_>> = stream::iter([Ok(head.freeze())]).chain(rest).boxed();
    let put = web.objects.put_stream(&key, body, web.settings.limits.max_upload_bytes()).await;
    match put {
        Ok(stored) => Ok(StoredFile { name, media_type, stored, object: Unclaimed::new(&web.objects, key.clone()), key }),
        Err(PutError::TooLarge { .. }) => Err(too_large(web).into()),
        Err(PutError::Body(text)) => Err(trouble.unwrap_or_else(|| Problem::new(Refusal::IncompleteBody, text))),
        Err(PutError::Storage(failure)) => Err(failure.into()),
    }
}

async fn short_text(mut field: Field<'_>) -> Result<String, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken_off)? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_TEXT_FIELD_BYTES && name == "pipeline" {
            return Err(Failure::new(Code::PipelineNotFound, "The field \"pipeline\" is longer than any pipeline's name").into());
        } else if text.len() > MAX_TEXT_FIELD_BYTES {
            return Err(Problem::new(Refusal::InvalidValue, format!("The field \"{name}\" is longer than any value that it may have")));
        }
    }
    String::from_utf8(text).map_err(|_| Problem::new(Refusal::InvalidValue, format!("The field \"{name}\" is not UTF-8 text")))
}

/// The refusal of a file over the limit.
pub(crate) fn too_large(web: &Web) -> Failure {
    Failure::new(Code::TooLarge, format!("The file is larger than {} MiB", web.settings.limits.max_upload_mebibytes))
}

/// What went wrong between the sender and us.
fn broken_off(error: MultipartError) -> Problem {
    let text = error.body_text();
    if text.contains("headers") && !text.contains("complete") {
        let message = "The header of a form field cannot be read; a file's name must not hold NUL or other control characters";
        return Failure::new(Code::BadName, message).into();
    }
    if text.contains("incomplete") {
        return Problem::new(Refusal::IncompleteBody, format!("The upload broke off: {text}"));
    }
    error.into()
}

/// Reads the rest of a refused form for a moment: closing at once would reset the connection and lose the answer.
pub(crate) async fn linger_form(multipart: &mut Multipart) {
    let rest = async {
        while let Ok(Some(mut field)) = multipart.next_field().await {
            while let Ok(Some(_)) = field.chunk().await {}
        }
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// The same for a body that was refused by its announced size.
pub(crate) async fn linger(body: Body) {
    let mut rest = body.into_data_stream();
    let read = async { while let Some(Ok(_)) = rest.next().await {} };
    let _ = tokio::time::timeout(LINGER, read).await;
}
