//! Why a request to the endpoint brought no words: what a document's failure says, whether it passes, and what the operator can do.

use std::time::Duration;

use crp_model::{Code, Failure, PageNo};
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use super::PROTOCOL;

/// What is wrong; a number is the status of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, or one that broke; why.
    Unreachable(String),
    /// No answer in time.
    TooSlow,
    /// It asks us to come back later.
    Busy(u16),
    /// It does not take our token.
    NotLetIn(u16),
    /// It has a problem of its own.
    ItsOwn(u16),
    /// It cannot read this picture.
    CannotRead(u16),
    /// It points somewhere else.
    Elsewhere(u16),
    /// It does not know what we want.
    NotOurProtocol(u16),
    /// Its answer breaks a rule; which.
    Invalid(String),
}

/// A request that brought no words.
pub(super) struct Refusal {
    pub(super) trouble: Trouble,
    /// How long the endpoint asks us to wait.
    pub(super) retry_after: Option<Duration>,
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, retry_after: None }
    }
}

impl Refusal {
    /// Sorts the answers by their status: words, something that passes, something that stays.
    pub(super) fn sort(response: Response) -> Result<Response, Self> {
        let (status, number) = (response.status(), response.status().as_u16());
        let trouble = match status {
            StatusCode::OK => return Ok(response),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Trouble::Busy(number),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::NotLetIn(number),
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => Trouble::CannotRead(number),
            status if status.is_server_error() => Trouble::ItsOwn(number),
            status if status.is_redirection() => Trouble::Elsewhere(number),
            _ => Trouble::NotOurProtocol(number),
        };
        Err(Self { trouble, retry_after: retry_after(response.headers()) })
    }
}

impl Trouble {
    /// What the transport says; the reason is its innermost source.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        let mut reason: &dyn std::error::Error = error;
        while let Some(inner) = reason.source() {
            reason = inner;
        }
        Self::Unreachable(reason.to_string())
    }

    /// Whether asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TooSlow | Self::Busy(_) | Self::ItsOwn(_))
    }

    /// The failure of a page. Whoever sent the document learns neither where the engine is nor what it answered.
    pub(super) fn failure(&self, page: PageNo) -> Failure {
        let failure = match self {
            Self::Unreachable(_) | Self::Busy(_) | Self::NotLetIn(_) | Self::ItsOwn(_) => Code::EngineUnavailable,
            Self::TooSlow => Code::PageTimeout,
            Self::CannotRead(_) => Code::PageFailed,
            Self::Elsewhere(_) | Self::NotOurProtocol(_) | Self::Invalid(_) => Code::EngineAnswerInvalid,
        };
        let failure = match self {
            Self::Unreachable(_) => Failure::new(failure, "The http engine cannot be reached"),
            Self::TooSlow => Failure::new(failure, format!("The http engine took too long for page {page}")),
            _ => Failure::new(failure, self.told()),
        };
        match self {
            Self::NotLetIn(_) => failure.with_remedy("Ask the operator to check the token of the http engine."),
            Self::CannotRead(_) => failure.never_retry(),
            _ => failure,
        }
    }

    /// What is found, for the operator.
    pub(super) fn told(&self) -> String {
        let status = |what: &str, number: &u16| format!("The http engine {what} (status {number})");
        match self {
            Self::Unreachable(reason) => format!("The http engine cannot be reached: {reason}"),
            Self::TooSlow => "The http engine took too long".to_owned(),
            Self::Busy(number) => status("is busy", number),
            Self::NotLetIn(number) => status("does not let us in", number),
            Self::ItsOwn(number) => status("has a problem of its own", number),
            Self::CannotRead(number) => status("cannot read the page", number),
            Self::Elsewhere(number) => status("points somewhere else, which is not followed", number),
            Self::NotOurProtocol(number) => status("does not speak our protocol", number),
            Self::Invalid(what) => format!("The answer of the http engine cannot be used: {what}"),
        }
    }

    /// What the operator can do, who sees the engine.
    pub(super) fn operators_remedy(&self) -> String {
        match self {
            Self::Unreachable(_) => {
                "Start the engine, or correct CRPIPELINE_HTTP_ENGINE_URL; a firewall or an unknown certificate may be in between."
                    .to_owned()
            }
            Self::TooSlow => {
                "Look whether the engine works and is fast enough, or give it longer with CRPIPELINE_HTTP_ENGINE_TIMEOUT_SECONDS."
                    .to_owned()
            }
            Self::Busy(_) => {
                "Try again when the engine has less to do; if it is always busy, it is too small for your documents.".to_owned()
            }
            Self::NotLetIn(_) => "Set the token that the engine wants with CRPIPELINE_HTTP_ENGINE_TOKEN.".to_owned(),
            Self::ItsOwn(_) => "Look into the log of the engine.".to_owned(),
            Self::CannotRead(_) => "The engine refuses a small gray PNG: make it take those.".to_owned(),
            Self::Elsewhere(_) => "Set the address where the engine really is with CRPIPELINE_HTTP_ENGINE_URL.".to_owned(),
            Self::NotOurProtocol(_) => {
                "Check path and port in CRPIPELINE_HTTP_ENGINE_URL: the engine has to take POST there, see the manual's page on it."
                    .to_owned()
            }
            Self::Invalid(_) => format!(
                "Make the engine answer version {PROTOCOL} of the protocol; the manual describes it, docs/reference has its JSON Schema."
            ),
        }
    }
}

/// Seconds that the endpoint asks us to wait; a date is not looked at.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
