//! Tags: words that people put on documents. They keep the case they were typed in and are compared without it.

use std::collections::BTreeMap;

use crp_model::{DocumentId, Scope};

use super::DocumentRow;
use crate::{
    Store, StoreError,
    sql::{Composed, args, sql},
    transaction::Tx,
    value::Value,
};

/// Most tags that the list of tags shows.
const MAX_LISTED_TAGS: u32 = 1_000;

/// A tag and how many documents have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag, in one of the spellings that are in use.
    pub tag: String,
    /// Documents that have it, without those in the trash.
    pub documents: u64,
}

sql! {
    LIST =
        "SELECT min(x.tag) AS tag, count(*) AS n FROM document_tags x
         WHERE x.organization = $1
           AND x.document NOT IN (SELECT d.id FROM documents d WHERE d.organization = $1 AND d.trashed_at IS NOT NULL)
         GROUP BY x.folded ORDER BY x.folded LIMIT $2";
    OF_DOCUMENT = "SELECT tag, folded FROM document_tags WHERE organization = $1 AND document = $2 ORDER BY folded";
    CLEAR = "DELETE FROM document_tags WHERE organization = $1 AND document = $2";
    ADD = "INSERT INTO document_tags (document, folded, organization, tag) VALUES ($1, $2, $3, $4)";
}

/// The organization's tags in alphabetical order.
///
/// # Errors
/// The database's.
pub async fn tags(store: &Store, scope: &Scope) -> Result<Vec<TagRow>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.all(&LIST, args![scope.organization, MAX_LISTED_TAGS]).await?;
    rows.iter().map(|row| Ok(TagRow { tag: row.get("tag")?, documents: row.get("n")? })).collect()
}

/// A tag as it is compared.
pub(super) fn folded(tag: &str) -> String {
    tag.trim().to_lowercase()
}

/// The tags of one document, by their folded form.
pub(super) async fn of_document(tx: &mut Tx, scope: &Scope, document: DocumentId) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = tx.all(&OF_DOCUMENT, args![scope.organization, document]).await?;
    rows.iter().map(|row| Ok((row.get("folded")?, row.get("tag")?))).collect()
}

/// Replaces the tags of one document.
pub(super) async fn put(tx: &mut Tx, scope: &Scope, document: DocumentId, tags: &BTreeMap<String, String>) -> Result<(), StoreError> {
    tx.run(&CLEAR, args![scope.organization, document]).await?;
    for (folded, tag) in tags {
        tx.run(&ADD, args![document, folded.as_str(), scope.organization, tag.as_str()]).await?;
    }
    Ok(())
}

/// Fills in the tags of documents, in alphabetical order.
pub(super) async fn add_to(tx: &mut Tx, scope: &Scope, documents: &mut [DocumentRow]) -> Result<(), StoreError> {
    if documents.is_empty() {
        return Ok(());
    }
    let ids: Vec<DocumentId> = documents.iter().map(|document| document.id).collect();
    let mut of: BTreeMap<DocumentId, Vec<String>> = BTreeMap::new();
    for row in tx.composed(of_documents(scope, &ids)).await? {
        of.entry(row.get("document")?).or_default().push(row.get("tag")?);
    }
    for document in documents {
        document.tags = of.remove(&document.id).unwrap_or_default();
    }
    Ok(())
}

/// The statement for the tags of several documents.
pub(super) fn of_documents(scope: &Scope, documents: &[DocumentId]) -> Composed {
    let mut sql = Composed::new("TAGS_OF_DOCUMENTS");
    sql.add("SELECT document, tag FROM document_tags WHERE organization = ? AND document IN", args![scope.organization]);
    sql.add_list(documents.iter().map(|id| Value::from(*id)).collect());
    sql.add("ORDER BY document, folded", vec![]);
    sql
}
