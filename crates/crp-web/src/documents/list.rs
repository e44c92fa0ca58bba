//! The documents of the organization: searched, filtered, in an order, page by page.

use std::sync::Arc;

use axum::{Json, extract::State};
use crp_model::{Day, JobStatus, name::MAX_NAME_BYTES};
use crp_store::{
    documents::{self, DocumentCursor, DocumentFilter, DocumentSort, MAX_TAGS},
    search::SearchQuery,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{known, view::DocumentView};
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    paging::{self, PageOf},
    problem::{Problem, Refusal},
    schemas,
};

/// Longest list of tags, in bytes.
const MAX_TAG_LIST_BYTES: usize = MAX_TAGS * (known::MAX_TAG_BYTES + 1);

/// Which documents, in which order, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentQuery {
    /// Only documents that hold all of these words, on their pages or in name, title and tags. `"Words in quotes"` stand in a row, of the
    /// last word the beginning is enough; case and accents do not count. Up to 32 words. In a document of many pages the words stand
    /// within some 40 pages of each other.
    #[param(max_length = 512)]
    q: Option<String>,
    /// Only documents whose newest job is in this state.
    #[param(schema_with = schemas::job_status)]
    status: Option<JobStatus>,
    /// Only documents whose newest job ran this pipeline.
    #[param(max_length = 64)]
    pipeline: Option<String>,
    /// Only documents that have all of these tags, separated by commas.
    #[param(max_length = 3250)]
    tag: Option<String>,
    /// Only documents of this day or later: the date on the document, else the day of its upload in UTC.
    #[param(schema_with = schemas::day)]
    from: Option<String>,
    /// Only documents of this day or earlier.
    #[param(schema_with = schemas::day)]
    to: Option<String>,
    /// The order. Without it `relevance` with `q`, else `newest`. Relevance ranks the newest 1000 documents that were found.
    #[param(schema_with = schemas::document_sort)]
    sort: Option<String>,
    /// `true` lists only documents on hold.
    held: Option<bool>,
    /// `true` lists the trash, and nothing else.
    trashed: Option<bool>,
    /// Only documents whose name contains this, in any case of letters.
    #[param(max_length = 255)]
    name: Option<String>,
    /// `next_cursor` of the page before, in the same order; without it, the first page.
    cursor: Option<String>,
    /// Most documents of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the documents
///
/// With `q`, a search: each document then tells in `hit` where on its pages it was found.
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents", params(DocumentQuery),
    responses((status = 200, description = "A page of documents", body = PageOf<DocumentView>)))]
pub(crate) async fn list_documents(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<DocumentQuery>,
) -> Result<Json<PageOf<DocumentView>>, Problem> {
    let (cursor, limit) = paging::check::<DocumentCursor>(query.cursor.as_deref(), query.limit)?;
    let sort = query.sort.as_deref().filter(|sort| !sort.is_empty()).map(sort_named).transpose()?;
    let filter = query.filter()?;
    let usual = if filter.words.is_some() { DocumentSort::Relevance } else { DocumentSort::Newest };
    let sort = match sort.unwrap_or(usual) {
        DocumentSort::Relevance => usual,
        other => other,
    };
    if cursor.as_ref().is_some_and(|cursor| cursor.sort != sort) {
        return Err(paging::unknown_cursor());
    }
    let page = documents::list(&web.store, &caller.scope(), &filter, sort, cursor.as_ref(), limit).await?;
    Ok(Json(PageOf::of(page, DocumentView::of)))
}

impl DocumentQuery {
    fn filter(self) -> Result<DocumentFilter, Problem> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let words = self.q.as_deref().map(SearchQuery::parse).transpose().map_err(|too_long| refused(format!("\"q\": {too_long}")))?;
        let tags = filled(self.tag).unwrap_or_default();
        if tags.len() > MAX_TAG_LIST_BYTES {
            return Err(refused(format!("\"tag\" takes up to {MAX_TAGS} tags")));
        }
        let tags: Vec<String> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        Ok(DocumentFilter {
            words: words.flatten(),
            status: self.status,
            pipeline: filled(checked("pipeline", self.pipeline)?),
            tags,
            from: day("from", filled(self.from))?,
            to: day("to", filled(self.to))?,
            name_contains: filled(checked("name", self.name)?),
            on_hold: self.held.unwrap_or(false),
            in_trash: self.trashed.unwrap_or(false),
        })
    }
}

fn sort_named(name: &str) -> Result<DocumentSort, Problem> {
    let names = || DocumentSort::ALL.map(DocumentSort::as_str).join(", ");
    DocumentSort::parse(name).ok_or_else(|| refused(format!("\"sort\" is none of {}", names())))
}

fn day(name: &str, text: Option<String>) -> Result<Option<Day>, Problem> {
    text.map(|text| text.parse()).transpose().map_err(|error| refused(format!("\"{name}\" is no day: {error}")))
}

fn checked(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > MAX_NAME_BYTES || text.contains('\0') => {
            Err(refused(format!("\"{name}\" takes up to {MAX_NAME_BYTES} bytes without NUL")))
        }
        text => Ok(text),
    }
}

fn refused(detail: String) -> Problem {
    Problem::new(Refusal::InvalidRequest, detail)
}
