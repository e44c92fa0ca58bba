//! Deleting a document: rows first, bytes after, so that no row ever lies.

use std::sync::Arc;

use axum::extract::State;
use crp_model::{DocumentId, ObjectKey};
use crp_store::documents;
use http::StatusCode;
use uuid::Uuid;

use super::unclaimed;
use crate::{
    Web,
    auth::principal::Caller,
    extract::PathOf,
    problem::{Problem, ProblemBody},
};

/// Delete a document
///
/// With its jobs and everything that they left. Bytes that another document shares stay.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "One of its jobs has not ended; cancel it first", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete_document(State(web): State<Arc<Web>>, caller: Caller, PathOf(id): PathOf<Uuid>) -> Result<StatusCode, Problem> {
    let scope = caller.scope();
    // In a task of its own: a client that goes away must not leave the bytes behind.
    let task = tokio::spawn(async move {
        let deleted = documents::delete(&web.store, &scope, DocumentId(id)).await?;
        for key in deleted.object_to_delete.iter().chain(&deleted.derived_objects) {
            unclaimed::discard(&web.objects, key).await;
        }
        for job in deleted.jobs {
            unclaimed::discard_all(&web.objects, &ObjectKey::job_prefix(scope.organization, job)).await;
        }
        Ok::<_, Problem>(())
    });
    task.await.map_err(|_| Problem::internal("Deleting the document panicked"))??;
    Ok(StatusCode::NO_CONTENT)
}
