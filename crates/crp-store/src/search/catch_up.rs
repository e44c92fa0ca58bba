//! Documents that an older version left without an entry in the index; the server catches up with them bit by bit.

use crp_model::{DocumentId, JobId, ObjectKey, OrganizationId, Scope};

use super::{index, words::fold};
use crate::{
    Store, StoreError,
    sql::{args, sql},
};

/// A document that is not in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unindexed {
    /// Whose document.
    pub organization: OrganizationId,
    /// The document.
    pub document: DocumentId,
    /// The text that its newest succeeded job left: the job, and where it is.
    pub text: Option<(JobId, ObjectKey)>,
}

sql! {
    UNINDEXED =
        "SELECT d.id, d.organization, a.job, a.object_key FROM documents d
         LEFT JOIN artifacts a ON a.kind = 'text' AND a.job = (
             SELECT j.id FROM jobs j WHERE j.document = d.id AND j.status = 'succeeded' ORDER BY j.created_at DESC, j.id DESC LIMIT 1)
         WHERE NOT d.is_indexed AND d.id > $1 ORDER BY d.id LIMIT $2";
    PUT_TEXT =
        "INSERT INTO page_texts (job, page, organization, content)
         SELECT j.id, $4, j.organization, $5 FROM jobs j WHERE j.organization = $1 AND j.document = $2 AND j.id = $3
         ON CONFLICT (job, page) DO NOTHING";
    NAME = "SELECT name, title FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    SET_SORT_TITLE = "UPDATE documents SET sort_title = $3 WHERE organization = $1 AND id = $2";
}

/// Documents of every organization that are not in the index, in the order of their ids after `after`.
///
/// # Errors
/// The database's.
pub async fn unindexed(store: &Store, after: Option<DocumentId>, limit: u32) -> Result<Vec<Unindexed>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&UNINDEXED, args![after.map_or(uuid::Uuid::nil(), |id| id.0), limit]).await?;
    let read = rows.iter().map(|row| {
        let text = match (row.opt("job")?, row.opt("object_key")?) {
            (Some(job), Some(key)) => Some((job, key)),
            _ => None,
        };
        Ok(Unindexed { organization: row.get("organization")?, document: row.get("id")?, text })
    });
    read.collect()
}

/// Puts a document into the index, with the pages of the job's text if there is one.
///
/// # Errors
/// `NotFound` when the document is gone.
pub async fn index_document(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    text: Option<(JobId, Vec<String>)>,
) -> Result<(), StoreError> {
    let organization = scope.organization;
    let mut tx = store.write().await?;
    let row = tx.one(&NAME, args![organization, document]).await?.ok_or(StoreError::NotFound)?;
    let (name, title): (String, Option<String>) = (row.get("name")?, row.opt("title")?);
    let sort_title = fold(title.as_deref().unwrap_or(&name));
    tx.run(&SET_SORT_TITLE, args![organization, document, sort_title.as_str()]).await?;
    if let Some((job, pages)) = text {
        for (page, content) in (1u32..).zip(&pages) {
            tx.run(&PUT_TEXT, args![organization, document, job, page, content.as_str()]).await?;
        }
        if !pages.is_empty() {
            index::set_text(&mut tx, organization, document, job).await?;
        }
    }
    index::rebuild(&mut tx, organization, document).await?;
    tx.commit().await
}
