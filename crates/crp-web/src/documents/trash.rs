//! The trash: taking a document out of it, and emptying it when its time is over.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use crp_model::{Code, DocumentId, Failure, Scope};
use crp_store::{StoreError, documents};
use uuid::Uuid;

use super::{delete::discard, view::DocumentView};
use crate::{Web, auth::principal::Caller, extract::PathOf, problem::Problem};

/// Documents that are deleted by one sweep; the next one goes on.
const MAX_DOCUMENTS_PER_SWEEP: u32 = 1_000;

/// Restore a document
///
/// Takes it out of the trash. Jobs that were stopped are not started again.
#[utoipa::path(post, path = "/api/v1/documents/{id}/restore", tag = "documents", params(("id" = Uuid, Path, description = "Id of the document")),
    responses((status = 200, description = "The document", body = DocumentView)))]
pub(crate) async fn restore_document(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<DocumentView>, Problem> {
    Ok(Json(DocumentView::of(documents::restore(&web.store, &caller.scope(), DocumentId(id)).await?)))
}

impl Web {
    /// Deletes for good what has been in the trash for so long; how many documents. One with a job that is still stopping waits for the
    /// next time, one on hold until the hold is lifted.
    ///
    /// # Errors
    /// When the database does not answer, or the storage is away.
    pub async fn empty_trash(&self, kept: Duration) -> Result<u64, Failure> {
        let before = self.ambient.now().minus(kept);
        let expired = documents::expired_trash(&self.store, before, MAX_DOCUMENTS_PER_SWEEP).await.map_err(|e| e.failure())?;
        let mut deleted = 0;
        for (organization, document) in expired {
            // Without their rows nobody would find the bytes again; the next sweep does it.
            if let Some(failure) = self.objects.away() {
                return Err(failure);
            }
            let scope = Scope::system(organization);
            match documents::delete_from_trash(&self.store, &scope, document, before).await {
                Ok(gone) => {
                    discard(self, &scope, gone).await;
                    deleted += 1;
                }
                Err(StoreError::Conflict(_) | StoreError::NotFound) => {}
                // Somebody has just put it on hold.
                Err(StoreError::Failure(failure)) if failure.code == Code::DocumentOnHold => {}
                Err(error) => return Err(error.failure()),
            }
        }
        Ok(deleted)
    }
}
