//! `[login]`: the administrator of the first start, and how long a session lasts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secret::Secret,
    setting::{Section, Setting, Shape, Wrong},
};

/// The administrator of the first start, and how long a session lasts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoginSettings {
    /// E-mail address of the administrator that the first start creates. Without it the log prints a one-time link to `/setup`.
    pub(crate) admin_email: Option<String>,
    /// Password of that administrator. It counts on the first start only; `crpipeline admin reset-password` changes it later.
    #[schemars(with = "Option<String>")]
    pub(crate) admin_password: Option<Secret>,
    /// Hours after which a person has to sign in again.
    pub(crate) session_hours: u32,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self { admin_email: None, admin_password: None, session_hours: 24 }
    }
}

impl Section for LoginSettings {
    const NAME: &'static str = "login";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("admin_email", "CRPIPELINE_ADMIN_EMAIL", Shape::Text),
        Setting::secret("admin_password", "CRPIPELINE_ADMIN_PASSWORD"),
        Setting::new("session_hours", "CRPIPELINE_SESSION_HOURS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if !(1..=24 * 365).contains(&self.session_hours) {
            return Err(Wrong::new("session_hours", "it is not within 1 hour to a year (8760)"));
        }
        match (&self.admin_email, &self.admin_password) {
            (Some(email), _) if !email.contains('@') => Err(Wrong::new("admin_email", "it is no e-mail address")),
            (Some(_), None) => Err(Wrong::new("admin_password", "admin_email is set, so it is needed")),
            (None, Some(_)) => Err(Wrong::new("admin_email", "admin_password is set, so it is needed")),
            _ => Ok(()),
        }
    }
}
