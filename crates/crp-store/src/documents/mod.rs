//! Documents: immutable originals, one stored object for the same bytes; lists of them, what people know about them, the trash.

mod add;
mod cursor;
mod delete;
mod edit;
mod hold;
mod listing;
mod read;
mod tags;
mod trash;

use crp_model::{Day, DocumentId, DocumentName, JobId, JobStatus, MediaType, ObjectKey, Plan, Priority, Sha256Hash, Timestamp, UserId};

use crate::search::{Hit, SearchQuery};

pub(crate) use add::add;
pub use add::add_with_job;
pub use cursor::{DocumentCursor, NotACursor};
pub use delete::{delete, delete_from_trash};
pub use edit::{DocumentChange, MAX_TAGS, change};
pub use hold::{hold, release};
pub use read::{content, get, list};
pub use tags::{TagRow, tags};
pub use trash::{expired_trash, restore, trash};
pub(crate) use trash::{lock, move_in};

#[cfg(test)]
pub(crate) const STATEMENTS: [&[&crate::sql::Statement]; 7] =
    [add::STATEMENTS, delete::STATEMENTS, edit::STATEMENTS, hold::STATEMENTS, read::STATEMENTS, tags::STATEMENTS, trash::STATEMENTS];

/// Every statement that lists of documents can be put together to.
#[cfg(test)]
pub(crate) use listing::every_statement;
/// An upload whose bytes are already stored.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Its id.
    pub document: DocumentId,
    /// Its name.
    pub name: DocumentName,
    /// Its format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// Where this upload's bytes are.
    pub object_key: ObjectKey,
    /// The plan of its first job.
    pub plan: Plan,
    /// When that job's turn is.
    pub priority: Priority,
    /// What the client sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}
/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The document.
    pub document: DocumentId,
    /// Its first job.
    pub job: JobId,
    /// The first document with the same bytes.
    pub duplicate_of: Option<DocumentId>,
    /// Whether this is the answer to an earlier request with the same key.
    pub replayed: bool,
    /// An object that no row names: the caller deletes it.
    pub unneeded_object: Option<ObjectKey>,
}
/// A document as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its id.
    pub id: DocumentId,
    /// Its name.
    pub name: DocumentName,
    /// The title that people gave it.
    pub title: Option<String>,
    /// The date that stands on it.
    pub document_date: Option<Day>,
    /// Its tags, in alphabetical order.
    pub tags: Vec<String>,
    /// Its format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// Pages, once it was opened.
    pub pages_total: Option<u32>,
    /// The first document with the same bytes, while that exists.
    pub duplicate_of: Option<DocumentId>,
    /// Its newest job.
    pub latest_job: Option<JobId>,
    /// State of its newest job.
    pub latest_status: Option<JobStatus>,
    /// Pipeline of its newest job.
    pub latest_pipeline: Option<String>,
    /// The newest job that has a picture of page 1.
    pub thumbnail_job: Option<JobId>,
    /// Who uploaded it.
    pub created_by: Option<UserId>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When it was moved to the trash.
    pub trashed_at: Option<Timestamp>,
    /// What keeps it from the trash and from being deleted.
    pub hold: Option<Hold>,
    /// Where on its pages it was found, in a list that was searched.
    pub hit: Option<Hit>,
}
/// What keeps a document from the trash and from being deleted, for everybody, until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub at: Timestamp,
    /// Who put it there; `None` when that account is gone.
    pub by: Option<UserId>,
    /// Their address.
    pub by_email: Option<String>,
    /// Why.
    pub reason: String,
}
/// Which documents to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentFilter {
    /// What stands on their pages, in their name, title or tags.
    pub words: Option<SearchQuery>,
    /// State of the newest job.
    pub status: Option<JobStatus>,
    /// Pipeline of the newest job.
    pub pipeline: Option<String>,
    /// Tags that they all have.
    pub tags: Vec<String>,
    /// The first day: of the date on the document, else of its upload in UTC.
    pub from: Option<Day>,
    /// The last day.
    pub to: Option<Day>,
    /// Part of the name, in any case of letters.
    pub name_contains: Option<String>,
    /// Those on hold alone.
    pub on_hold: bool,
    /// Those in the trash instead of all others.
    pub in_trash: bool,
}
/// The order of a list of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentSort {
    /// Uploaded last.
    #[default]
    Newest,
    /// Uploaded first.
    Oldest,
    /// By title, else by name.
    Title,
    /// The same backwards.
    TitleDescending,
    /// By the date on the document, else by the day of the upload; the oldest first.
    Date,
    /// The same backwards.
    DateDescending,
    /// By size.
    Largest,
    /// By how well the words fit.
    Relevance,
}

impl DocumentSort {
    /// Every order.
    pub const ALL: [DocumentSort; 8] =
        [Self::Newest, Self::Oldest, Self::Title, Self::TitleDescending, Self::Date, Self::DateDescending, Self::Largest, Self::Relevance];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Title => "title",
            Self::TitleDescending => "-title",
            Self::Date => "date",
            Self::DateDescending => "-date",
            Self::Largest => "largest",
            Self::Relevance => "relevance",
        }
    }

    /// The order with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == name)
    }
}
/// Objects that no row names any more: the caller deletes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The original, unless another document has the same bytes.
    pub object_to_delete: Option<ObjectKey>,
    /// Pages, thumbnails and artifacts of its jobs.
    pub derived_objects: Vec<ObjectKey>,
    /// Its jobs: a crash between object and row leaves objects under their prefixes that no row ever named.
    pub jobs: Vec<JobId>,
}
/// Where the original's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Key of the bytes.
    pub object_key: ObjectKey,
    /// Their format.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the bytes.
    pub sha256: Sha256Hash,
    /// The document's name.
    pub name: DocumentName,
}
