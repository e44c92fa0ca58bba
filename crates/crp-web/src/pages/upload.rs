//! The upload form of the plain start page.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Redirect,
};

use crate::{Web, auth::principal::Caller, documents::upload::receive, problem::Problem};

pub(crate) async fn post_upload(State(web): State<Arc<Web>>, caller: Caller, request: Request) -> Result<Redirect, Problem> {
    receive(&web, &caller.scope(), request).await?;
    Ok(Redirect::to("/"))
}
