//! The plain pages: sign in, set up, upload, look. No script; the web app takes their place later.

pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod html;
pub(crate) mod reference;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod style;
pub(crate) mod upload;

/// Whether people look at this address, so that refusals there are pages too.
pub(crate) fn is_page(template: &str) -> bool {
    matches!(template, "/" | "/sign-in" | "/sign-out" | "/setup" | "/upload" | "/api/reference")
}
