//! The caller: found by the session cookie, handed to handlers by the guard.

use axum::extract::FromRequestParts;
use crp_model::{Principal, Scope};
use crp_store::sessions::{self, Session};
use http::{HeaderMap, header, request::Parts};

use super::{cookie, secret};
use crate::{
    Web,
    problem::{Problem, Refusal},
};

/// Who is calling, as the guard found out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) session: Session,
    /// SHA-256 of the session's token, to end it or to look at it again.
    pub(crate) token_hash: [u8; 32],
}

impl Caller {
    pub(crate) fn principal(&self) -> &Principal {
        &self.session.principal
    }

    pub(crate) fn scope(&self) -> Scope {
        self.session.principal.scope()
    }
}

/// Finds the caller of a request with these headers.
///
/// # Errors
/// `not_signed_in`; `tokens_not_available` for a bearer token, whose place this is; a failure of the database.
pub(crate) async fn authenticate(web: &Web, headers: &HeaderMap) -> Result<Caller, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(Problem::new(
            Refusal::TokensNotAvailable,
            "The request carries an Authorization header, and there are no API tokens yet",
        ));
    }
    let not_signed_in = |why: &str| Problem::new(Refusal::NotSignedIn, why);
    let token = cookie::read(&web.settings, headers).filter(|token| secret::looks_right(token));
    let token = token.ok_or_else(|| not_signed_in("The request carries no session"))?;
    let token_hash = secret::digest(&token);
    let session = sessions::find_session(&web.store, token_hash).await?;
    let session = session.ok_or_else(|| not_signed_in("The session has ended"))?;
    // Reading goes on when nothing can be written, on a full disk for example.
    if let Err(error) = sessions::touch_session(&web.store, token_hash).await {
        tracing::debug!("The use of a session could not be noted: {error}");
    }
    Ok(Caller { session, token_hash })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Only the guard puts a caller here: a handler behind a public route cannot have one by mistake.
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::new(Refusal::NotSignedIn, "This route did not ask who you are"))
    }
}
