//! The first start: the administrator of the configuration, or a one-time link to set one up.

use crp_model::{Code, Failure};
use crp_store::setup::{self, NewInstallation};
use crp_web::{PasswordCost, check_new_password, hash_password};

use super::Served;
use crate::config::LoginSettings;

/// Name of the organization that nobody has named.
pub(crate) const FIRST_ORGANIZATION: &str = "Default";

/// Makes sure that somebody can sign in. `listening` is where the server answers.
pub(super) async fn prepare(served: &Served, login: &LoginSettings, listening: &str) -> Result<(), Failure> {
    if setup::is_set_up(&served.store).await.map_err(|e| e.failure())? {
        return Ok(());
    }
    match (&login.admin_email, &login.admin_password) {
        (Some(email), Some(password)) => create(served, email, password.expose()).await,
        _ => {
            let link = served.web.issue_setup_link(listening).await?;
            // A warning, so that it is seen at every usual level: nobody can sign in before it was used.
            tracing::warn!(link = %link, "crPipeline is not set up; open this link within 24 hours to make the first administrator");
            Ok(())
        }
    }
}

async fn create(served: &Served, email: &str, password: &str) -> Result<(), Failure> {
    // The operator decides about the operator's own password: a short one is told, only none at all is refused.
    if password.is_empty() {
        return Err(Failure::new(Code::InvalidConfiguration, "CRPIPELINE_ADMIN_PASSWORD is empty")
            .with_remedy("Give the first administrator a password; it is set on the first start only."));
    }
    if let Err(what) = check_new_password(password) {
        tracing::warn!("CRPIPELINE_ADMIN_PASSWORD is weak: {what}. Change it with `crpipeline admin reset-password`");
    }
    let new = NewInstallation {
        organization_name: FIRST_ORGANIZATION.to_owned(),
        languages: vec!["eng".to_owned()],
        email: email.to_owned(),
        display_name: email.split('@').next().unwrap_or(email).to_owned(),
        password_hash: hash_password(password, PasswordCost::default(), &served.ambient)?,
    };
    setup::create_first(&served.store, new).await.map_err(|e| e.failure())?;
    tracing::info!(email = %email, organization = FIRST_ORGANIZATION, "The first administrator was created");
    Ok(())
}
