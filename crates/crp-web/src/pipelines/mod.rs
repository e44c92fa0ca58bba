//! Pipelines: the built-in ones, which every organization has, and the saved ones.

pub(crate) mod check;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod resolve;
pub(crate) mod save;
pub(crate) mod schema;
pub(crate) mod view;
