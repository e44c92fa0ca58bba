//! Jobs: list, look, watch one or all, cancel, retry, dismiss, download what they left.

pub(crate) mod artifact;
pub(crate) mod cancel;
pub(crate) mod dismiss;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod pages;
pub(crate) mod prioritize;
pub(crate) mod retry;
pub(crate) mod stream;
pub(crate) mod tasks;
pub(crate) mod thumbnail;
pub(crate) mod view;
