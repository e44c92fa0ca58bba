//! Finding documents by their words: what people wrote about them and what was read on their pages.
//!
//! `words.rs` says what a word is, `query.rs` what a question is, `index.rs` what is written, `hit.rs` and `sentence.rs` what is shown
//! of a page that was found. The lists of documents ask the index, see `documents/listing.rs`.

mod catch_up;
mod hit;
pub(crate) mod index;
mod query;
mod sentence;
pub(crate) mod words;

use crp_model::OrganizationId;

pub use catch_up::{Unindexed, index_document, unindexed};
#[cfg(test)]
pub(crate) use hit::every_statement;
pub(crate) use hit::{for_index, hits};
pub use query::{MAX_QUERY_BYTES, MAX_QUERY_WORDS, QueryTooLong, SearchQuery};
pub use sentence::{Hit, HitPart};

#[cfg(test)]
pub(crate) const STATEMENTS: [&[&crate::sql::Statement]; 3] = [catch_up::STATEMENTS, hit::STATEMENTS, index::STATEMENTS];

/// The organization as a word of SQLite's index, in a column of its own.
pub(crate) fn organization_word(organization: OrganizationId) -> String {
    organization.0.simple().to_string()
}

/// The organization as a word of PostgreSQL's index; no word of a text has this sign.
pub(crate) fn organization_lexeme(organization: OrganizationId) -> String {
    format!("@{}", organization.0.simple())
}
