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
    check_new_password(password).map_err(|what| {
        Failure::new(Code::InvalidConfiguration, format!("CRPIPELINE_ADMIN_PASSWORD cannot be used: {what}"))
            .with_remedy("Choose a longer password; it is set on the first start only.")
    })?;
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
