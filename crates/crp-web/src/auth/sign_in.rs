//! Signing in: judge the password, count every refusal once, begin a session with a new token.

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use crp_model::{
    OrganizationId,
    labels::{Label as _, LoginFailure, LoginMethod},
};
use crp_store::{
    login::{self, LoginAccount},
    login_refusals,
    sessions::{self, NewSession},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{backoff, cookie, me::Me, password::MAX_PASSWORD_BYTES, password::Turn, secret};
use crate::{
    Web,
    extract::JsonBody,
    frame::address::ClientAddress,
    problem::{Problem, ProblemBody, Refusal},
};

/// Longest e-mail address in bytes (RFC 5321, section 4.5.3.1).
pub(crate) const MAX_EMAIL_BYTES: usize = 254;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// E-mail address, in any case of letters.
    #[schema(max_length = 254, example = "admin@example.org")]
    pub(crate) email: String,
    /// Password.
    #[schema(max_length = 1024, format = "password")]
    pub(crate) password: String,
}

/// Sign in
///
/// Sets the session cookie. Unknown address and wrong password get the same answer after the same time.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials, responses(
    (status = 200, description = "Signed in; the cookie is set", body = Me, headers(("set-cookie" = String, description = "The session"))),
    (status = 401, description = "E-mail or password is wrong, or the account cannot be used", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many refusals before; wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn sign_in(
    State(web): State<Arc<Web>>,
    address: ClientAddress,
    headers: HeaderMap,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<impl IntoResponse, Problem> {
    let (me, cookie) = begin(&web, address, &headers, credentials).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(me)))
}

/// Judges the credentials and begins a session.
pub(crate) async fn begin(
    web: &Arc<Web>,
    address: ClientAddress,
    headers: &HeaderMap,
    credentials: Credentials,
) -> Result<(Me, http::HeaderValue), Problem> {
    let attempt = Attempt::of(credentials, &address)?;
    check_backoff(web, &attempt).await?;
    let turn = web.passwords.turn().await?;
    let (web, headers) = (web.clone(), headers.clone());
    // In a task of its own: a guess counts also when who made it does not wait for the answer.
    let task = tokio::spawn(async move {
        let account = judge(&web, turn, attempt).await?;
        begin_session(&web, &account, address, &headers).await
    });
    task.await.map_err(|_| Problem::internal("Signing in panicked"))?
}

async fn begin_session(
    web: &Web,
    account: &LoginAccount,
    address: ClientAddress,
    headers: &HeaderMap,
) -> Result<(Me, http::HeaderValue), Problem> {
    let token = web.ambient.new_secret();
    let token_hash = secret::digest(&token);
    let (user, organization) = (account.user, account.memberships[0].0);
    // The token that came with the request dies here: whoever planted it must not share the session.
    if let Some(old) = cookie::read(&web.settings, headers).filter(|old| secret::looks_right(old)) {
        sessions::delete_session(&web.store, secret::digest(&old)).await?;
    }
    let new = NewSession {
        token_hash,
        user,
        organization,
        expires_at: web.ambient.now().plus(web.settings.session_lifetime),
        user_agent: headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned),
        address: Some(address.0.to_string()),
    };
    sessions::create_session(&web.store, new).await?;
    let session = sessions::find_session(&web.store, token_hash).await?;
    let session = session.ok_or_else(|| Problem::internal("The new session cannot be found"))?;
    web.metrics.logins_total.inc(LoginMethod::Password);
    Ok((Me::of(&session), cookie::write(&web.settings, &token)))
}

/// One try: the address in lower case, the password, and the caller's address as the backoff knows it.
pub(super) struct Attempt {
    email: String,
    password: String,
    address: String,
}

impl Attempt {
    pub(super) fn of(Credentials { email, password }: Credentials, address: &ClientAddress) -> Result<Self, Problem> {
        let email = email.trim().to_lowercase();
        if email.len() > MAX_EMAIL_BYTES || email.contains('\0') || password.len() > MAX_PASSWORD_BYTES {
            let detail = format!("\"email\" takes up to {MAX_EMAIL_BYTES} bytes without NUL, \"password\" up to {MAX_PASSWORD_BYTES}");
            return Err(Problem::new(Refusal::InvalidValue, detail));
        }
        Ok(Self { email, password, address: address.backoff_key() })
    }
}

/// An account that has at least one membership.
pub(super) async fn judge(web: &Web, turn: Turn, attempt: Attempt) -> Result<LoginAccount, Problem> {
    // Once more under the turn: guesses that came at the same time are judged one core at a time, each seeing those before it.
    check_backoff(web, &attempt).await?;
    let Attempt { email, password, address } = attempt;
    let (verdict, _turn) = verdict(web, turn, &email, password).await?;
    match verdict {
        Ok(account) => {
            login_refusals::clear_refusals(&web.store, &email).await?;
            Ok(account)
        }
        Err(reason) => {
            // A verdict that the backoff cannot remember is not given: guesses would be free while the database is away.
            login_refusals::record_refusal(&web.store, &email, &address).await?;
            web.metrics.login_failures_total.inc(reason);
            // Who is asked to find an attacker needs the address. The account is not told: a log is read by more people than it.
            tracing::warn!(address, reason = reason.label(), "A sign-in was refused");
            Err(refusal(reason))
        }
    }
}

/// A refusal under backoff counts as one of its own reason; the password was not looked at.
pub(super) async fn check_backoff(web: &Web, attempt: &Attempt) -> Result<(), Problem> {
    let checked = backoff::check(web, &attempt.email, &attempt.address).await;
    if checked.as_ref().is_err_and(|problem| problem.code == Refusal::RateLimited.as_str()) {
        web.metrics.login_failures_total.inc(LoginFailure::RateLimited);
    }
    checked
}

/// The outer error is ours and judges nobody; the inner one is the reason of a refusal. The turn comes back.
async fn verdict(web: &Web, turn: Turn, email: &str, password: String) -> Result<(Result<LoginAccount, LoginFailure>, Turn), Problem> {
    let account = login::find_for_login(&web.store, email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let (fits, turn) = web.passwords.verify(turn, password, hash).await?;
    let verdict = match account {
        None => Err(LoginFailure::UserNotFound),
        Some(_) if !fits => Err(LoginFailure::InvalidPassword),
        Some(account) if account.locked_at.is_some() => Err(LoginFailure::Locked),
        Some(account) if !account.is_confirmed => Err(LoginFailure::Unconfirmed),
        Some(account) if !account.is_active || first_organization(&account).is_none() => Err(LoginFailure::Inactive),
        Some(account) => Ok(account),
    };
    Ok((verdict, turn))
}

fn first_organization(account: &LoginAccount) -> Option<OrganizationId> {
    account.memberships.first().map(|(organization, _)| *organization)
}

/// Only who knows the password learns that the account exists and why it cannot be used.
fn refusal(reason: LoginFailure) -> Problem {
    match reason {
        LoginFailure::Locked => Problem::new(Refusal::AccountNotUsable, "The account is locked"),
        LoginFailure::Inactive => Problem::new(Refusal::AccountNotUsable, "The account is switched off or belongs to no organization"),
        LoginFailure::Unconfirmed => Problem::new(Refusal::AccountNotUsable, "The account was never confirmed"),
        _ => Problem::new(Refusal::InvalidCredentials, "E-mail or password is wrong"),
    }
}
