//! Access: what a route declares about its callers, and the guard that holds it to that.

use std::sync::Arc;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use crp_model::{Permission, labels::DenialKind};
use http::{Method, header::EXPECT};

use crate::{
    Web,
    auth::principal,
    documents::incoming,
    problem::{Problem, Refusal},
};

/// Who may call a route. There is no default: a route cannot be put into the table without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Everybody who is signed in.
    SignedIn,
    /// Whose role has the permission.
    May(Permission),
    /// The holder of the one-time link, as long as the installation is not set up.
    Setup,
}

/// Holds a request to what its route declares; the handler finds the caller in the request.
pub(crate) async fn guard(access: Access, is_page: bool, mut request: Request, next: Next) -> Result<Response, Problem> {
    let web = request.extensions().get::<Arc<Web>>().cloned().ok_or_else(|| Problem::internal("The frame is missing"))?;
    match admit(access, is_page, &web, &mut request).await {
        Ok(None) => Ok(next.run(request).await),
        Ok(Some(elsewhere)) => Ok(elsewhere),
        Err(problem) => {
            // A client in the middle of an upload reads the answer only when its sending does not break; one that asked first waits.
            if !request.headers().contains_key(EXPECT) {
                incoming::linger(request.into_body()).await;
            }
            Err(problem)
        }
    }
}

/// Lets the request in, leads it elsewhere, or refuses it.
async fn admit(access: Access, is_page: bool, web: &Web, request: &mut Request) -> Result<Option<Response>, Problem> {
    match access {
        Access::Public => Ok(None),
        Access::Setup if crp_store::setup::is_set_up(&web.store).await? => Ok(Some(after_setup(request.method()))),
        Access::Setup => Ok(None),
        Access::SignedIn | Access::May(_) => {
            let caller = match principal::authenticate(web, request.headers()).await {
                Ok(caller) => caller,
                Err(problem) if is_page && problem.code == Refusal::NotSignedIn.as_str() => {
                    return Ok(Some(Redirect::to("/sign-in").into_response()));
                }
                Err(problem) => return Err(problem),
            };
            if let Access::May(permission) = access
                && !caller.principal().role.may(permission)
            {
                web.metrics.authorization_denied_total.inc(DenialKind::Role);
                let role = caller.principal().role.as_str();
                return Err(Problem::new(Refusal::RoleMayNot, format!("The role \"{role}\" does not have this permission")));
            }
            request.extensions_mut().insert(caller);
            Ok(None)
        }
    }
}

/// Once set up, the page leads to the sign-in, and nothing can be posted to it any more.
fn after_setup(method: &Method) -> Response {
    if method == Method::GET || method == Method::HEAD {
        Redirect::to("/sign-in").into_response()
    } else {
        Problem::new(Refusal::NotFound, "crPipeline is already set up").into_response()
    }
}
