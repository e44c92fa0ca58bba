//! Problem: every refusal as RFC 9457 problem+json, with a code, what happened, what to do and whether trying again helps.

use axum::{
    extract::{
        multipart::MultipartError,
        rejection::{JsonRejection, StringRejection},
    },
    response::{IntoResponse, Response},
};
use crp_model::{Code, Failure};
use crp_store::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $status:ident, $retry:literal, $remedy:literal;)*) => {
        /// Refusals that only a web server knows; all others are the [`Code`]s of the product.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Refusal { $($(#[doc = $doc])+ $variant,)* }

        impl Refusal {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Refusal] = &[$(Refusal::$variant),*];
            pub(crate) const fn as_str(self) -> &'static str { match self { $(Refusal::$variant => $text),* } }
            const fn status(self) -> StatusCode { match self { $(Refusal::$variant => StatusCode::$status),* } }
            const fn retryable(self) -> bool { match self { $(Refusal::$variant => $retry),* } }
            const fn remedy(self) -> &'static str { match self { $(Refusal::$variant => $remedy),* } }
            const fn title(self) -> &'static str { match self { $(Refusal::$variant => concat!($($doc),+).trim_ascii()),* } }
        }
    };
}

refusals! {
    /// The request is not one that can be read.
    InvalidRequest = "invalid_request", BAD_REQUEST, false, "Compare the request with the reference at /api/reference.";
    /// The body stopped before its end.
    IncompleteBody = "incomplete_body", BAD_REQUEST, true, "Send the request again; the connection broke off.";
    /// You are not signed in.
    NotSignedIn = "not_signed_in", UNAUTHORIZED, false, "Sign in again; programs do it with POST /api/v1/session.";
    /// E-mail or password is wrong.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, false, "Check both and try again; the operator can set a new password with: crpipeline admin reset-password";
    /// The present password is wrong.
    WrongPassword = "wrong_password", FORBIDDEN, false, "Type your present password again; the operator can set a new one with: crpipeline admin reset-password";
    /// The account cannot be used.
    AccountNotUsable = "account_not_usable", UNAUTHORIZED, false, "Ask your administrator; the operator can unlock an account with: crpipeline admin unlock";
    /// API tokens are not part of this version.
    TokensNotAvailable = "tokens_not_available", UNAUTHORIZED, false, "Sign in with POST /api/v1/session and send the cookie instead.";
    /// Your role may not do this.
    RoleMayNot = "role_may_not", FORBIDDEN, false, "Ask an administrator of your organization to do it or to change your role.";
    /// The request comes from another site.
    CrossSite = "cross_site_request", FORBIDDEN, false, "Open the application at its own address; the operator can name that address with CRPIPELINE_PUBLIC_URL.";
    /// The set-up link is not valid.
    SetupLinkInvalid = "setup_link_invalid", FORBIDDEN, false, "Use the newest link in the server's log; a restart prints a new one, valid for 24 hours.";
    /// There is nothing here.
    NotFound = "not_found", NOT_FOUND, false, "Check the address and the id; lists show what exists in your organization.";
    /// The address exists, but not for this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, false, "Use one of the methods that the Allow header names.";
    /// The body came too slowly.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, true, "Send the request again over a better connection.";
    /// It is in conflict with what is there.
    Conflict = "conflict", CONFLICT, false, "Read the present state first, then decide.";
    /// The job has already ended.
    AlreadyFinal = "already_final", CONFLICT, false, "Nothing needs to be stopped; to run it again, POST to its retry address.";
    /// The body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, false, "Send less; the reference at /api/reference names the limit.";
    /// The content type is not one that this address takes.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, false, "Send the content type that the reference at /api/reference names.";
    /// A value is not allowed.
    InvalidValue = "invalid_value", UNPROCESSABLE_ENTITY, false, "Correct the value that the message names.";
    /// Too many refusals before.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, true, "Wait as long as Retry-After says, then try again.";
    /// Too many sign-ins at once.
    Busy = "busy", SERVICE_UNAVAILABLE, true, "Try again in a few seconds.";
}

/// A refusal on its way out; the frame writes it as JSON or as a page and adds the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    pub(crate) remedy: String,
    pub(crate) retryable: bool,
    pub(crate) retry_after_seconds: Option<u64>,
}

/// A refusal as the API sends it: RFC 9457 problem details with the product's own members.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A name of the kind of problem: `urn:crpipeline:problem:` and the code.
    pub(crate) r#type: String,
    /// What the kind of problem is.
    pub(crate) title: &'a str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What happened in this case.
    pub(crate) detail: &'a str,
    /// The request's id, as `urn:uuid:…`; the log has the same.
    pub(crate) instance: String,
    /// The code; scripts compare it.
    pub(crate) code: &'a str,
    /// What to do about it.
    pub(crate) remedy: &'a str,
    /// Whether trying the same again can help.
    pub(crate) retryable: bool,
}

impl Problem {
    pub(crate) fn new(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self {
            status: refusal.status(),
            code: refusal.as_str(),
            title: refusal.title(),
            detail: detail.into(),
            remedy: refusal.remedy().to_owned(),
            retryable: refusal.retryable(),
            retry_after_seconds: matches!(refusal, Refusal::Busy).then_some(5),
        }
    }

    /// The answer about something that does not exist here; another organization's rows look exactly like this.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Refusal::NotFound, format!("There is no such {what}"))
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Failure::new(Code::Internal, detail).into()
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// The problem that an answer without words of its own stands for.
    pub(crate) fn for_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(Refusal::NotFound, "There is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(Refusal::MethodNotAllowed, "This address does not take this method"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Refusal::BodyTooLarge, "The body is larger than this address takes"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(Refusal::UnsupportedMediaType, "This address does not take this content type"),
            StatusCode::REQUEST_TIMEOUT => Self::new(Refusal::RequestTimeout, "The body came too slowly"),
            StatusCode::UNPROCESSABLE_ENTITY => Self::new(Refusal::InvalidValue, "A value of the request is not allowed"),
            status if status.is_client_error() => Self { status, ..Self::new(Refusal::InvalidRequest, "The request cannot be read") },
            status => Self { status, ..Self::internal("The server could not answer") },
        }
    }

    /// The problem that an extractor's refusal stands for, told with `text`.
    pub(crate) fn from_rejection(status: StatusCode, text: String, cause: &(dyn std::error::Error + 'static)) -> Self {
        if is_timeout(cause) {
            return Self::new(Refusal::RequestTimeout, "The body came too slowly");
        }
        if status.is_server_error() {
            // The libraries call it theirs when the sender breaks off; it is not a defect of the server.
            return Self::new(Refusal::IncompleteBody, format!("The body broke off: {text}"));
        }
        Self { detail: text, ..Self::for_status(status) }
    }
}

/// Whether the body layer gave up waiting for the sender.
pub(crate) fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<tower_http::timeout::TimeoutError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl IntoResponse for Problem {
    /// Only the status and the problem itself; `frame::answer` writes the body once the request's id is known.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1 asks for it; browsers show no dialog for this scheme.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"crpipeline\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = status_of(failure.code);
        Self {
            status,
            code: failure.code.as_str(),
            title: failure.code.meaning(),
            detail: failure.message,
            remedy: failure.remedy,
            retryable: failure.retryable,
            retry_after_seconds: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(30),
        }
    }
}

/// The HTTP status that belongs to a failure.
pub(crate) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::UnsupportedType | Code::AmbiguousType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::DocumentOnHold => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::StorageUnavailable | Code::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::Internal | Code::ObjectDamaged => StatusCode::INTERNAL_SERVER_ERROR,
        code if code.cause() == crp_model::Cause::Input => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::new(Refusal::NotFound, "There is nothing with this id"),
            StoreError::Conflict(what) => Self::new(Refusal::Conflict, what),
            other => other.failure().into(),
        }
    }
}

macro_rules! from_rejections {
    ($($rejection:ty),*) => { $(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Self::from_rejection(rejection.status(), rejection.body_text(), &rejection)
            }
        }
    )* };
}
from_rejections!(JsonRejection, StringRejection, MultipartError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_to_do_and_no_two_share_a_code() {
        let mut codes: Vec<&str> = Refusal::ALL.iter().map(|r| r.as_str()).chain(Code::ALL.iter().map(|c| c.as_str())).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        for refusal in Refusal::ALL {
            assert!(refusal.remedy().len() > 15 && refusal.title().ends_with('.'), "{refusal:?}");
            assert!(refusal.status().is_client_error() || refusal.retryable(), "{refusal:?}");
        }
    }

    #[test]
    fn every_failure_of_the_product_has_an_http_status() {
        for code in Code::ALL {
            assert!(status_of(*code).as_u16() >= 400, "{code:?}");
        }
        assert_eq!(Problem::from(Failure::new(Code::StorageUnavailable, "x")).retry_after_seconds, Some(30));
    }
}
