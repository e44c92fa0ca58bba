//! What people change about a document: title, date, tags. The original itself never changes.

use std::collections::BTreeMap;

use crp_model::{Day, DocumentId, DocumentName, Scope};
use serde_json::{Map, json};

use super::{DocumentRow, read, tags};
use crate::{
    Store, StoreError, audit,
    search::{index, words::fold},
    sql::{args, sql},
};

/// Most tags of a document.
pub const MAX_TAGS: usize = 50;

/// What changes; what is `None` stays. The caller has checked lengths and characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentChange {
    /// The title, or none.
    pub title: Option<Option<String>>,
    /// The date on the document, or none.
    pub document_date: Option<Option<Day>>,
    /// All of its tags.
    pub tags: Option<Vec<String>>,
    /// Tags to add, after that.
    pub add_tags: Vec<String>,
    /// Tags to remove, after that.
    pub remove_tags: Vec<String>,
}

sql! {
    LOCK = "SELECT name, title, document_date FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    CHANGE = "UPDATE documents SET title = $3, document_date = $4, sort_title = $5 WHERE organization = $1 AND id = $2";
}

/// Changes what people know about a document; the index knows it with the same commit.
///
/// # Errors
/// `NotFound`; `Conflict` when it would have more than [`MAX_TAGS`] tags.
pub async fn change(store: &Store, scope: &Scope, document: DocumentId, change: &DocumentChange) -> Result<DocumentRow, StoreError> {
    let organization = scope.organization;
    let mut tx = store.write().await?;
    let row = tx.one(&LOCK, args![organization, document]).await?.ok_or(StoreError::NotFound)?;
    let (name, old_title, old_date): (DocumentName, Option<String>, Option<Day>) =
        (row.get("name")?, row.opt("title")?, row.opt("document_date")?);
    let title = change.title.clone().unwrap_or_else(|| old_title.clone());
    let date = change.document_date.unwrap_or(old_date);
    let old_tags = tags::of_document(&mut tx, scope, document).await?;
    let new_tags = with_changes(&old_tags, change);
    if new_tags.len() > MAX_TAGS {
        return Err(StoreError::Conflict(format!("The document would have {} tags; {MAX_TAGS} are allowed.", new_tags.len())));
    }
    let mut detail = Map::new();
    if title != old_title {
        detail.insert("title".to_owned(), json!(title));
    }
    if date != old_date {
        detail.insert("document_date".to_owned(), json!(date.map(|day| day.to_string())));
    }
    if new_tags != old_tags {
        detail.insert("tags".to_owned(), json!(new_tags.values().collect::<Vec<_>>()));
        tags::put(&mut tx, scope, document, &new_tags).await?;
    }
    if !detail.is_empty() {
        let sort_title = fold(title.as_deref().unwrap_or(name.as_str()));
        tx.run(&CHANGE, args![organization, document, title.as_deref(), date, sort_title.as_str()]).await?;
        index::rebuild(&mut tx, organization, document).await?;
        audit::append(&mut tx, scope, "document.changed", Some(document.0), &detail.into()).await?;
    }
    let changed = read::get_in(&mut tx, scope, document).await?;
    tx.commit().await?;
    Ok(changed)
}

fn with_changes(old: &BTreeMap<String, String>, change: &DocumentChange) -> BTreeMap<String, String> {
    let own = |tag: &String| (tags::folded(tag), tag.trim().to_owned());
    let mut all = change.tags.as_ref().map_or_else(|| old.clone(), |tags| tags.iter().map(own).collect());
    all.extend(change.add_tags.iter().map(own));
    for tag in &change.remove_tags {
        all.remove(&tags::folded(tag));
    }
    all
}
