//! The caller's organization: itself, its users, its audit log, its figures.

pub(crate) mod audit;
pub(crate) mod get;
pub(crate) mod overview;
pub(crate) mod users;
