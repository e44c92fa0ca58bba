//! The first start: the holder of the one-time link makes the organization, its languages and its administrator.

use std::sync::Arc;

use axum::extract::State;
use crp_model::pipeline::{MAX_LANGUAGES, is_language_code};
use crp_store::setup::{self, NewInstallation};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{password::check_new_password, secret, sign_in::MAX_EMAIL_BYTES};
use crate::{
    Web,
    extract::{JsonBody, QueryOf},
    problem::{Problem, ProblemBody, Refusal},
};

/// Longest name of an organization or a person, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// What the first start needs to know.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrganization {
    /// The last part of the one-time link in the server's log.
    #[schema(max_length = 128)]
    token: String,
    /// Name of the organization.
    #[schema(min_length = 1, max_length = 200, example = "Acme")]
    organization: String,
    /// Languages of its documents: Tesseract's codes with spaces, commas or plus signs between them.
    #[schema(example = "eng deu")]
    languages: String,
    /// Name of its administrator as people see it; without it, the address.
    #[serde(default)]
    #[schema(max_length = 200)]
    display_name: String,
    /// The administrator's e-mail address.
    #[schema(max_length = 254, example = "admin@example.org")]
    email: String,
    /// The administrator's password.
    #[schema(min_length = 12, max_length = 1024, format = "password")]
    password: String,
}

/// The one-time link.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SetupQuery {
    /// The last part of the one-time link in the server's log.
    #[serde(default)]
    #[param(max_length = 128)]
    token: String,
}

/// Ask whether a set-up link is good
#[utoipa::path(get, path = "/api/v1/setup", tag = "session", params(SetupQuery), responses(
    (status = 204, description = "The link is good"),
    (status = 403, description = "Not set up yet, and not the one-time link of this server, or it has ended", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "It is set up already", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn check_setup_link(State(web): State<Arc<Web>>, QueryOf(query): QueryOf<SetupQuery>) -> Result<StatusCode, Problem> {
    check_token(&web, &query.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set up
///
/// Works once, for the holder of the one-time link that the server prints at its first start.
#[utoipa::path(post, path = "/api/v1/setup", tag = "session", request_body = NewOrganization, responses(
    (status = 204, description = "Organization and administrator are there; sign in"),
    (status = 403, description = "Not the one-time link of this server, or it has ended", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "It is set up already", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn set_up(State(web): State<Arc<Web>>, JsonBody(asked): JsonBody<NewOrganization>) -> Result<StatusCode, Problem> {
    check_token(&web, &asked.token).await?;
    let languages = check(&asked).map_err(|what| Problem::new(Refusal::InvalidValue, what))?;
    let email = asked.email.trim().to_lowercase();
    let name = asked.display_name.trim();
    let new = NewInstallation {
        organization_name: asked.organization.trim().to_owned(),
        languages,
        display_name: if name.is_empty() { email.clone() } else { name.to_owned() },
        email,
        password_hash: web.passwords.hash(asked.password, &web.ambient).await?,
    };
    setup::create_first(&web.store, new).await?;
    tracing::info!("crPipeline is set up; the one-time link has ended");
    Ok(StatusCode::NO_CONTENT)
}

async fn check_token(web: &Web, token: &str) -> Result<(), Problem> {
    if secret::looks_right(token) && setup::setup_token_is_valid(&web.store, secret::digest(token)).await? {
        return Ok(());
    }
    Err(Problem::new(Refusal::SetupLinkInvalid, "This is not the one-time link of this server, or its 24 hours have passed"))
}

/// The languages, or the first thing that is wrong.
fn check(asked: &NewOrganization) -> Result<Vec<String>, String> {
    let organization = asked.organization.trim();
    if organization.is_empty() || organization.len() > MAX_NAME_BYTES || organization.chars().any(char::is_control) {
        return Err(format!("The organization needs a name of up to {MAX_NAME_BYTES} bytes"));
    }
    if asked.display_name.len() > MAX_NAME_BYTES || asked.display_name.chars().any(char::is_control) {
        return Err(format!("Your name has up to {MAX_NAME_BYTES} bytes"));
    }
    let email = asked.email.trim();
    let looks_like_email =
        email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if !looks_like_email || email.len() > MAX_EMAIL_BYTES || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("The e-mail address must look like name@example.org".to_owned());
    }
    check_new_password(&asked.password)?;
    parse_languages(&asked.languages)
}

/// Language codes between spaces, commas or plus signs, as people type them.
fn parse_languages(text: &str) -> Result<Vec<String>, String> {
    let mut languages: Vec<String> = Vec::new();
    for code in text.split(|c: char| c.is_whitespace() || c == ',' || c == '+').filter(|code| !code.is_empty()) {
        if !is_language_code(code) {
            return Err("Languages are codes such as eng, deu or chi_sim, with spaces between them".to_owned());
        }
        if !languages.iter().any(|known| known == code) {
            languages.push(code.to_owned());
        }
    }
    match languages.len() {
        1..=MAX_LANGUAGES => Ok(languages),
        _ => Err(format!("Name 1 to {MAX_LANGUAGES} languages")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_as_people_type_them_and_are_never_paths() {
        assert_eq!(parse_languages("eng, deu+fra eng"), Ok(vec!["eng".into(), "deu".into(), "fra".into()]));
        assert!(parse_languages("../etc").is_err());
        assert!(parse_languages("  ").is_err());
    }
}
