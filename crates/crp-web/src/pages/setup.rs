//! The first start: one page asks for the organization, its languages and its administrator.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{Html, IntoResponse, Redirect, Response},
};
use crp_model::pipeline::{MAX_LANGUAGES, is_language_code};
use crp_store::setup::{self, NewInstallation};
use http::StatusCode;
use serde::Deserialize;

use super::html::{alert, escape, field, page};
use crate::{
    Web,
    auth::{password::check_new_password, secret, sign_in::MAX_EMAIL_BYTES},
    extract::{FormBody, QueryOf},
    problem::{Problem, Refusal},
};

/// Longest name of an organization or a person, in bytes.
const MAX_NAME_BYTES: usize = 200;

#[derive(Deserialize)]
pub(crate) struct SetupQuery {
    #[serde(default)]
    token: String,
}

/// What the page asks for.
#[derive(Deserialize)]
pub(crate) struct SetupForm {
    token: String,
    organization: String,
    languages: String,
    name: String,
    email: String,
    password: String,
}

pub(crate) async fn get_setup(State(web): State<Arc<Web>>, QueryOf(query): QueryOf<SetupQuery>) -> Result<Html<String>, Problem> {
    check_token(&web, &query.token).await?;
    let empty = SetupForm {
        token: query.token,
        organization: String::new(),
        languages: "eng".to_owned(),
        name: String::new(),
        email: String::new(),
        password: String::new(),
    };
    Ok(form(&empty, None))
}

pub(crate) async fn post_setup(State(web): State<Arc<Web>>, FormBody(asked): FormBody<SetupForm>) -> Result<Response, Problem> {
    check_token(&web, &asked.token).await?;
    let languages = match check(&asked) {
        Ok(languages) => languages,
        Err(trouble) => return Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&asked, Some(&trouble))).into_response()),
    };
    let email = asked.email.trim().to_lowercase();
    let name = asked.name.trim();
    let new = NewInstallation {
        organization_name: asked.organization.trim().to_owned(),
        languages,
        display_name: if name.is_empty() { email.clone() } else { name.to_owned() },
        email,
        password_hash: web.passwords.hash(asked.password, &web.ambient).await?,
    };
    setup::create_first(&web.store, new).await?;
    tracing::info!("crPipeline is set up; the one-time link has ended");
    Ok(Redirect::to("/sign-in").into_response())
}

async fn check_token(web: &Web, token: &str) -> Result<(), Problem> {
    if secret::looks_right(token) && setup::setup_token_is_valid(&web.store, secret::digest(token)).await? {
        return Ok(());
    }
    Err(Problem::new(Refusal::SetupLinkInvalid, "This is not the one-time link of this server, or its 24 hours have passed"))
}

/// The languages, or the first thing that is wrong.
fn check(asked: &SetupForm) -> Result<Vec<String>, String> {
    let organization = asked.organization.trim();
    if organization.is_empty() || organization.len() > MAX_NAME_BYTES || organization.chars().any(char::is_control) {
        return Err(format!("The organization needs a name of up to {MAX_NAME_BYTES} bytes"));
    }
    if asked.name.len() > MAX_NAME_BYTES || asked.name.chars().any(char::is_control) {
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

fn form(asked: &SetupForm, trouble: Option<&str>) -> Html<String> {
    let main = format!(
        "{}<p>This page works once. It makes the organization and its administrator.</p>\n\
         <form method=\"post\" action=\"/setup\">\n<input type=\"hidden\" name=\"token\" value=\"{}\">\n{}{}{}{}{}<button>Set up</button>\n</form>",
        alert(trouble),
        escape(&asked.token),
        field("Organization", "organization", "text", &asked.organization, "maxlength=\"200\" required autofocus", ""),
        field(
            "Languages of its documents",
            "languages",
            "text",
            &asked.languages,
            "required spellcheck=\"false\"",
            "Tesseract's codes with spaces between them, for example: eng deu. Each must be installed; <code>crpipeline doctor</code> lists them."
        ),
        field("Your name", "name", "text", &asked.name, "autocomplete=\"name\" maxlength=\"200\"", ""),
        field("Your e-mail", "email", "email", &asked.email, "autocomplete=\"username\" maxlength=\"254\" required", ""),
        field(
            "Your password",
            "password",
            "password",
            "",
            "autocomplete=\"new-password\" minlength=\"12\" maxlength=\"1024\" required",
            "12 characters or more."
        ),
    );
    page("Set up crPipeline", &main)
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
