//! Documents: upload, list and search, open, download, change, tag, hold, trash, run again, one by one and many at a time.

pub(crate) mod archive;
pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod content;
pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod expiry;
pub(crate) mod get;
pub(crate) mod hold;
pub(crate) mod incoming;
mod known;
pub(crate) mod list;
pub(crate) mod run_again;
pub(crate) mod tags;
pub(crate) mod trash;
pub(crate) mod unclaimed;
pub(crate) mod upload;
pub(crate) mod view;
pub(crate) mod zip_stream;
