//! Patterns for LIKE, with `!` as the escape.

/// A pattern for text anywhere in a column that is compared in lower case. Both engines fold the case of ASCII letters only.
pub(crate) fn contains(text: &str) -> String {
    let escaped = text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}
