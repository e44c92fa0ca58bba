//! Deleting a document: into the trash, or for good. For good, rows go first and bytes after, so that no row ever lies.

use std::sync::Arc;

use axum::extract::State;
use crp_model::{DocumentId, ObjectKey, Scope};
use crp_store::{
    StoreError,
    documents::{self, Deleted},
    jobs::{self, CancelOutcome},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::unclaimed;
use crate::{
    Web,
    auth::principal::Caller,
    extract::{PathOf, QueryOf},
    problem::{Problem, ProblemBody},
};

/// How to delete it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteQuery {
    /// `true` deletes it for good, whether it is in the trash or not.
    forever: Option<bool>,
}

/// Delete a document
///
/// Moves it to the trash and asks its jobs to stop; from there it can be restored, until the server empties the trash (after 30 days
/// unless the operator says otherwise). With `forever=true` it goes at once, with its jobs and everything that they left; bytes that
/// another document shares stay. A document on hold is neither moved nor deleted.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = Uuid, Path, description = "Id of the document"), DeleteQuery),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It is on hold, or it is to go for good and one of its jobs has not ended; cancel it first", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<DeleteQuery>,
) -> Result<StatusCode, Problem> {
    let (scope, document) = (caller.scope(), DocumentId(id));
    // In a task of its own: a client that goes away must not leave bytes behind, nor jobs that are not counted.
    let task = tokio::spawn(async move {
        match query.forever {
            Some(true) => delete_forever(&web, &scope, document).await,
            _ => move_to_trash(&web, &scope, document).await,
        }
    });
    task.await.map_err(|_| Problem::internal("Deleting the document panicked"))??;
    Ok(StatusCode::NO_CONTENT)
}

/// Moves a document to the trash and asks its jobs to stop.
pub(crate) async fn move_to_trash(web: &Web, scope: &Scope, document: DocumentId) -> Result<(), StoreError> {
    for job in documents::trash(&web.store, scope, document).await? {
        match jobs::cancel(&web.store, scope, job).await {
            // This process made the job final, so it counts it, after the commit.
            Ok(CancelOutcome::Cancelled(committed)) => committed.count(&web.metrics),
            Ok(_) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes rows, then bytes; nothing while the bytes could not be removed, for afterwards no row names them.
pub(crate) async fn delete_forever(web: &Web, scope: &Scope, document: DocumentId) -> Result<(), StoreError> {
    if let Some(failure) = web.objects.away() {
        return Err(StoreError::Failure(failure));
    }
    discard(web, scope, documents::delete(&web.store, scope, document).await?).await;
    Ok(())
}

/// Removes the bytes that no row names any more.
pub(crate) async fn discard(web: &Web, scope: &Scope, deleted: Deleted) {
    for key in deleted.object_to_delete.iter().chain(&deleted.derived_objects) {
        unclaimed::discard(&web.objects, key).await;
    }
    for job in deleted.jobs {
        unclaimed::discard_all(&web.objects, &ObjectKey::job_prefix(scope.organization, job)).await;
    }
}
