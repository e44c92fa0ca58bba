//! Jobs: list, look, watch, cancel, retry, download what they left.

pub(crate) mod artifact;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod retry;
pub(crate) mod thumbnail;
pub(crate) mod view;
