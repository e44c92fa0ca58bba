//! What people tell about a document, checked: title, date, tags, the reason of a hold.

use crp_model::Day;
use crp_store::documents::MAX_TAGS;

use crate::problem::{Problem, Refusal};

/// Longest title, in bytes.
pub(crate) const MAX_TITLE_BYTES: usize = 255;
/// Longest reason of a hold, in bytes.
const MAX_REASON_BYTES: usize = 500;
/// Longest tag, in bytes.
pub(crate) const MAX_TAG_BYTES: usize = 64;

/// A title without blanks around it; an empty one is none.
///
/// # Errors
/// `invalid_value`.
pub(crate) fn title(text: &str) -> Result<Option<String>, Problem> {
    let title = text.trim();
    if title.len() > MAX_TITLE_BYTES || title.chars().any(char::is_control) {
        return Err(refused(format!("\"title\" takes up to {MAX_TITLE_BYTES} bytes without control characters")));
    }
    Ok((!title.is_empty()).then(|| title.to_owned()))
}

/// The reason of a hold without blanks around it.
///
/// # Errors
/// `invalid_value`.
pub(crate) fn hold_reason(text: &str) -> Result<String, Problem> {
    let reason = text.trim();
    if reason.is_empty() || reason.len() > MAX_REASON_BYTES || reason.chars().any(char::is_control) {
        return Err(refused(format!("\"reason\" takes 1 to {MAX_REASON_BYTES} bytes without control characters")));
    }
    Ok(reason.to_owned())
}

/// A day as `YYYY-MM-DD`.
///
/// # Errors
/// `invalid_value`.
pub(crate) fn date(text: &str) -> Result<Day, Problem> {
    text.parse().map_err(|error| refused(format!("\"document_date\" is no day: {error}")))
}

/// Tags without blanks around them. A comma separates tags in lists and is part of none.
///
/// # Errors
/// `invalid_value`.
pub(crate) fn tags(field: &str, texts: Vec<String>) -> Result<Vec<String>, Problem> {
    if texts.len() > MAX_TAGS {
        return Err(refused(format!("\"{field}\" takes up to {MAX_TAGS} tags")));
    }
    texts.into_iter().map(|text| tag(field, &text)).collect()
}

fn tag(field: &str, text: &str) -> Result<String, Problem> {
    let tag = text.trim();
    if tag.is_empty() || tag.len() > MAX_TAG_BYTES || tag.chars().any(|c| c.is_control() || c == ',') {
        return Err(refused(format!("\"{field}\": a tag has 1 to {MAX_TAG_BYTES} bytes, without comma and control characters")));
    }
    Ok(tag.to_owned())
}

fn refused(detail: String) -> Problem {
    Problem::new(Refusal::InvalidValue, detail)
}
