//! Extractors whose refusals are problems, told in sentences.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{
        FromRequest, FromRequestParts, Request,
        path::ErrorKind,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON body in which everything has a default, so that no body at all, of whatever content type, is `{}`, and so is `null`.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await.map_err(JsonRejection::from)?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::<Option<T>>::from_request(Request::from_parts(parts, Body::from(bytes)), state).await?;
        Ok(Self(body.unwrap_or_default()))
    }
}

/// The parameters in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct PathOf<T>(pub(crate) T);

/// The parameters behind the question mark.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct QueryOf<T>(pub(crate) T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::from_rejection(rejection.status(), path_sentence(&rejection), &rejection)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::from_rejection(rejection.status(), query_sentence(&rejection.body_text()), &rejection)
    }
}

/// What is wrong with the address. The paths hold ids, whole numbers and plain text, which takes everything.
fn path_sentence(rejection: &PathRejection) -> String {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else { return rejection.body_text() };
    match failed.kind() {
        ErrorKind::DeserializeError { key, .. } => format!("\"{key}\" in the address is not an id; an id is a UUID as the lists show it"),
        ErrorKind::ParseErrorAtKey { .. } | ErrorKind::ParseErrorAtIndex { .. } | ErrorKind::ParseError { .. } => {
            "A number in the address is not a whole number that can be used".to_owned()
        }
        ErrorKind::InvalidUtf8InPathParam { key } => format!("\"{key}\" in the address is not UTF-8 text"),
        _ => rejection.body_text(),
    }
}

/// What is wrong behind the question mark, from the deserializer's text: `name: what`, with names in backticks.
fn query_sentence(text: &str) -> String {
    let what = text.trim_start_matches("Failed to deserialize query string: ");
    if let Some((_, rest)) = what.split_once("unknown field `") {
        let (name, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known = expected.trim_start_matches(", expected ").replace('`', "\"");
        return format!("There is no parameter \"{name}\" here; known: {known}");
    }
    let Some((name, what)) = what.split_once(": ") else {
        return format!("The parameters cannot be read: {}", what.replace('`', "\""));
    };
    if let Some((value, expected)) = what.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected ")) {
        return format!("\"{name}\" is \"{value}\"; expected is {}", expected.replace('`', "\""));
    }
    let number = ["invalid digit", "cannot parse integer", "number too"].iter().any(|start| what.starts_with(start));
    let what = if number { "it is not a whole number in its range".to_owned() } else { what.replace('`', "\"") };
    format!("\"{name}\" cannot be read: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_deserializer_says_becomes_a_sentence() {
        let cases = [
            (
                "colour: unknown field `colour`, expected `cursor` or `limit`",
                "There is no parameter \"colour\" here; known: \"cursor\" or \"limit\"",
            ),
            (
                "status: unknown variant `lost`, expected one of `queued`, `failed`",
                "\"status\" is \"lost\"; expected is one of \"queued\", \"failed\"",
            ),
            ("limit: invalid digit found in string", "\"limit\" cannot be read: it is not a whole number in its range"),
            ("duplicate field `limit`", "The parameters cannot be read: duplicate field \"limit\""),
        ];
        for (text, sentence) in cases {
            assert_eq!(query_sentence(&format!("Failed to deserialize query string: {text}")), sentence);
        }
    }
}
