//! Access: what a route declares about its callers, and the guard that holds it to that.

use std::sync::Arc;

use axum::{extract::Request, middleware::Next, response::Response};
use crp_model::{Permission, labels::DenialKind};
use http::header::EXPECT;

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
pub(crate) async fn guard(access: Access, mut request: Request, next: Next) -> Result<Response, Problem> {
    let web = request.extensions().get::<Arc<Web>>().cloned().ok_or_else(|| Problem::internal("The frame is missing"))?;
    match admit(access, &web, &mut request).await {
        Ok(()) => Ok(next.run(request).await),
        Err(problem) => {
            // A client in the middle of an upload reads the answer only when its sending does not break; one that asked first waits.
            if !request.headers().contains_key(EXPECT) {
                incoming::linger(request.into_body()).await;
            }
            Err(problem)
        }
    }
}

/// Lets the request in or refuses it.
async fn admit(access: Access, web: &Web, request: &mut Request) -> Result<(), Problem> {
    match access {
        Access::Public => Ok(()),
        Access::Setup if crp_store::setup::is_set_up(&web.store).await? => {
            Err(Problem::new(Refusal::NotFound, "crPipeline is already set up"))
        }
        Access::Setup => Ok(()),
        Access::SignedIn | Access::May(_) => {
            let caller = principal::authenticate(web, request.headers()).await?;
            if let Access::May(permission) = access
                && !caller.principal().role.may(permission)
            {
                web.metrics.authorization_denied_total.inc(DenialKind::Role);
                let role = caller.principal().role.as_str();
                return Err(Problem::new(Refusal::RoleMayNot, format!("The role \"{role}\" does not have this permission")));
            }
            request.extensions_mut().insert(caller);
            Ok(())
        }
    }
}
