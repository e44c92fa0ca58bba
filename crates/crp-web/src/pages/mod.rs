//! The few pages that work without any script: the reference of the API, and what stands in for an app that was not built.

pub(crate) mod error;
pub(crate) mod html;
pub(crate) mod reference;
pub(crate) mod style;

/// Whether people look at this address, so that refusals there are pages too.
pub(crate) fn is_page(template: &str) -> bool {
    matches!(template, "/" | "/api/reference")
}
