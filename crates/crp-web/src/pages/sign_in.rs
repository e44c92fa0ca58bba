//! The plain sign-in page, and the button that signs out.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{Html, IntoResponse, Redirect, Response},
};
use crp_store::setup;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::html::{alert, field, page};
use crate::{
    Web,
    auth::{
        principal::Caller,
        sign_in::{Credentials, begin},
        sign_out::sign_out,
    },
    extract::FormBody,
    frame::address::ClientAddress,
    problem::Problem,
};

pub(crate) async fn get_sign_in(State(web): State<Arc<Web>>) -> Result<Html<String>, Problem> {
    if setup::is_set_up(&web.store).await? {
        return Ok(form("", None));
    }
    let text =
        "<p>crPipeline is not set up yet. Open the one-time link that the server printed into its log; a restart prints a new one.</p>";
    Ok(page("Sign in", text))
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    email: String,
    password: String,
}

pub(crate) async fn post_sign_in(
    State(web): State<Arc<Web>>,
    address: ClientAddress,
    headers: HeaderMap,
    FormBody(SignInForm { email, password }): FormBody<SignInForm>,
) -> Response {
    match begin(&web, address, &headers, Credentials { email: email.clone(), password }).await {
        Ok((_, cookie)) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        // What the person can mend is told beside the form; the rest is an error page.
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED || problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let text = format!("{}. {}", problem.detail, problem.remedy);
            (problem.status, form(&email, Some(&text))).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn post_sign_out(state: State<Arc<Web>>, caller: Caller) -> Result<Response, Problem> {
    let signed_out = sign_out(state, caller).await?.into_response();
    let mut response = Redirect::to("/sign-in").into_response();
    response.headers_mut().extend(signed_out.headers().clone());
    Ok(response)
}

fn form(email: &str, trouble: Option<&str>) -> Html<String> {
    let main = format!(
        "{}<form method=\"post\" action=\"/sign-in\">\n{}{}<button>Sign in</button>\n</form>",
        alert(trouble),
        field("E-mail", "email", "email", email, "autocomplete=\"username\" maxlength=\"254\" required autofocus", ""),
        field("Password", "password", "password", "", "autocomplete=\"current-password\" maxlength=\"1024\" required", ""),
    );
    page("Sign in", &main)
}
