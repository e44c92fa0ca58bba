//! A new password for oneself: the present one is judged like a sign-in, and every other session ends.

use std::sync::Arc;

use axum::extract::State;
use crp_store::{StoreError, login};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    password::check_new_password,
    principal::Caller,
    sign_in::{self, Attempt, Credentials},
};
use crate::{
    Web,
    extract::JsonBody,
    frame::address::ClientAddress,
    problem::{Problem, ProblemBody, Refusal},
};

/// The present password and the next one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password that holds now.
    #[schema(max_length = 1024, format = "password")]
    current_password: String,
    /// The password that is to hold.
    #[schema(min_length = 12, max_length = 1024, format = "password")]
    new_password: String,
}

/// Change your password
///
/// Ends all other sessions of yours. A wrong present password counts like a refused sign-in.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "session", request_body = PasswordChange, responses(
    (status = 204, description = "The new password holds, and all other sessions have ended"),
    (status = 403, description = "The present password is wrong, or another site made the request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many refusals before; wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn put_password(
    State(web): State<Arc<Web>>,
    caller: Caller,
    address: ClientAddress,
    JsonBody(change): JsonBody<PasswordChange>,
) -> Result<StatusCode, Problem> {
    check_new_password(&change.new_password).map_err(|what| Problem::new(Refusal::InvalidValue, what))?;
    let credentials = Credentials { email: caller.session.email.clone(), password: change.current_password };
    let attempt = Attempt::of(credentials, &address)?;
    sign_in::check_backoff(&web, &attempt).await?;
    let turn = web.passwords.turn().await?;
    // In a task of its own: a guess counts also when who made it does not wait for the answer.
    let task = tokio::spawn(async move {
        sign_in::judge(&web, turn, attempt).await.map_err(told_here)?;
        let hash = web.passwords.hash(change.new_password, &web.ambient).await?;
        let changed = login::change_password(&web.store, caller.principal().user, caller.session.id, &hash).await;
        changed.map_err(|error| match error {
            StoreError::NotFound => Problem::new(Refusal::NotSignedIn, "The session ended while the password was looked at"),
            other => other.into(),
        })
    });
    task.await.map_err(|_| Problem::internal("Changing the password panicked"))??;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is signed in is told about the password alone, and is not led to the sign-in.
fn told_here(problem: Problem) -> Problem {
    if problem.code == Refusal::InvalidCredentials.as_str() {
        return Problem::new(Refusal::WrongPassword, "The present password is wrong");
    }
    problem
}
