//! What the handlers share: the doors to database, objects and metrics, the settings, and the login guard.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, Failure, Limits, Timestamp};
use crp_objects::{Objects, Reserve};
use crp_store::Store;
use tokio::sync::Mutex;

use crate::{
    auth::{
        password::{PasswordCost, PasswordHashing},
        secret,
    },
    ops::health::Readiness,
};

/// How the web side behaves.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// The address that people type, such as `https://scans.example.org`; `https` makes cookies `Secure` and `__Host-`.
    pub public_url: Option<String>,
    /// Where the dashboards of the installation are, for a link to them.
    pub dashboards_url: Option<String>,
    /// Networks of reverse proxies whose `X-Forwarded-For` counts; nobody else's does.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// What a document may cost.
    pub limits: Limits,
    /// How long a session lasts, from sign-in on.
    pub session_lifetime: Duration,
    /// What hashing a password costs.
    pub password_cost: PasswordCost,
    /// How many sign-ins may wait for the hashing of their password; the next one is told to come back.
    pub max_waiting_sign_ins: usize,
    /// How long the body of a request may stay silent.
    pub body_idle_timeout: Duration,
    /// What stays free on the disks of documents and rows; without it `/readyz` says no and uploads are refused.
    pub reserve: Reserve,
    /// Whether downloads are sent on to the bucket by a link that holds for a minute.
    pub presigned_downloads: bool,
    /// Days that a document lies in the trash before it is deleted for good.
    pub trash_days: u32,
    /// Whether this process also works on jobs; if not, `/readyz` does not speak of workers.
    pub has_worker: bool,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            dashboards_url: None,
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            session_lifetime: Duration::from_secs(24 * 3600),
            password_cost: PasswordCost::default(),
            max_waiting_sign_ins: 64,
            body_idle_timeout: Duration::from_secs(30),
            reserve: Reserve { disks: vec![PathBuf::from(".")], min_free_bytes: Reserve::USUAL_BYTES },
            presigned_downloads: false,
            trash_days: 30,
            has_worker: true,
        }
    }
}

impl WebSettings {
    /// Whether people reach us over TLS only, so that cookies may say so.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Scheme, host and port of the public address, as browsers send them in `Origin`.
    pub(crate) fn origin(&self) -> Option<String> {
        let uri: http::Uri = self.public_url.as_deref()?.parse().ok()?;
        let (scheme, authority) =
            (uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?, uri.authority()?.as_str().to_ascii_lowercase());
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        Some(format!("{scheme}://{}", authority.strip_suffix(default_port).unwrap_or(&authority)))
    }
}

/// The web side of one process. Build it once and hand out its routers.
#[derive(Debug)]
pub struct Web {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) metrics: Metrics,
    pub(crate) settings: WebSettings,
    pub(crate) ambient: Ambient,
    pub(crate) passwords: PasswordHashing,
    /// When this process began to serve.
    pub(crate) started_at: Timestamp,
    /// The last answer of `/readyz`, and when it was found.
    pub(crate) readiness: Mutex<Option<(Timestamp, Readiness)>>,
}

impl Web {
    /// The web side on these doors. Makes one password hash, for sign-ins of users that do not exist.
    ///
    /// # Errors
    /// `invalid_configuration` when the public address or the cost of hashing makes no sense.
    pub fn new(store: Store, objects: Objects, metrics: Metrics, ambient: Ambient, settings: WebSettings) -> Result<Arc<Self>, Failure> {
        if let Some(url) = &settings.public_url
            && settings.origin().is_none()
        {
            let message = format!("CRPIPELINE_PUBLIC_URL is \"{url}\"; it must look like https://scans.example.org");
            return Err(Failure::new(crp_model::Code::InvalidConfiguration, message));
        }
        let passwords = PasswordHashing::new(settings.password_cost, settings.max_waiting_sign_ins, &ambient)?;
        let started_at = ambient.now();
        Ok(Arc::new(Self { store, objects, metrics, settings, ambient, passwords, started_at, readiness: Mutex::new(None) }))
    }

    /// The API, the pages, `/livez` and `/readyz`: everything of the main listener.
    pub fn api_router(self: &Arc<Self>) -> axum::Router {
        crate::router::main_listener(self.clone())
    }

    /// `/metrics`, `/livez` and `/readyz`: everything of the ops listener.
    pub fn ops_router(self: &Arc<Self>) -> axum::Router {
        crate::ops::router(self.clone())
    }

    /// Makes the one-time link to the set-up page, valid for 24 hours; an earlier link stops working.
    /// `listening` is used as the origin when no public address is configured, e.g. `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn issue_setup_link(&self, listening: &str) -> Result<String, Failure> {
        let token = self.ambient.new_secret();
        let expires = self.ambient.now().plus(Duration::from_secs(24 * 3600));
        crp_store::setup::put_setup_token(&self.store, secret::digest(&token), expires).await.map_err(|e| e.failure())?;
        let origin = self.settings.public_url.as_deref().unwrap_or(listening);
        Ok(format!("{}/setup?token={token}", origin.trim_end_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_written_as_browsers_write_it() {
        let origin = |url: &str| WebSettings { public_url: Some(url.to_owned()), ..WebSettings::default() }.origin();
        assert_eq!(origin("https://Scans.Example.org:443/"), Some("https://scans.example.org".to_owned()));
        assert_eq!(origin("http://localhost:8080"), Some("http://localhost:8080".to_owned()));
        assert_eq!(origin("httpx://x"), None);
        assert_eq!(origin("scans.example.org"), None);
    }
}
