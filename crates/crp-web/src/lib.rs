//! API, login, live events, embedded UI, ops listener.
//!
//! Read `router.rs` first: every route stands there on one page, each with who may call it.
//! `frame/` is what every request passes, the folders named after the words of the product hold one operation a file.

mod accepted;
mod app_files;
mod auth;
mod documents;
mod extract;
mod frame;
mod jobs;
mod openapi;
mod ops;
mod organization;
mod pages;
mod paging;
mod pipelines;
mod problem;
mod router;
mod schemas;
mod serve;
mod web;

#[cfg(test)]
mod tests;

pub use auth::password::{MIN_PASSWORD_CHARACTERS, PasswordCost, check_new_password, hash_password};
pub use openapi::openapi;
pub use router::ROUTES;
pub use serve::{ServeOptions, serve};
pub use web::{Web, WebSettings};
