//! Documents: upload, list, open, download, delete, run again.

pub(crate) mod content;
pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod get;
pub(crate) mod incoming;
pub(crate) mod list;
pub(crate) mod run_again;
pub(crate) mod unclaimed;
pub(crate) mod upload;
pub(crate) mod view;
