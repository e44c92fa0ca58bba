//! The caller's organization: itself, how long it keeps documents, its users, its audit log, its figures.

pub(crate) mod audit;
pub(crate) mod get;
pub(crate) mod overview;
pub(crate) mod retention;
pub(crate) mod users;
