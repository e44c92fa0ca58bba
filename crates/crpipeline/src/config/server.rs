//! `[server]`: where API and UI listen, and how the process ends.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape, Wrong};

/// Where API and UI listen, and how the process ends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSettings {
    /// Address and port of API and UI, as IP:PORT. Port 0 takes a free one; the ready line of the log names it.
    #[serde(deserialize_with = "super::address::deserialize")]
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// The address under which people reach the server, for links and cookies. With `https://` cookies are `Secure` and carry the
    /// `__Host-` prefix. Without it: the listen address over plain HTTP.
    pub(crate) public_url: Option<String>,
    /// Where people find the dashboards, such as `https://grafana.example.org/d/crp-operations`: the web app links to it. Without it
    /// there is no link.
    pub(crate) dashboards_url: Option<String>,
    /// Networks of the reverse proxies whose `X-Forwarded-For` counts, such as `10.0.0.0/8`. Everybody else's is ignored.
    #[serde(with = "super::networks")]
    #[schemars(with = "Vec<String>")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Seconds in which running work is finished or handed back after SIGTERM or Ctrl-C; after them the process ends.
    pub(crate) shutdown_grace_seconds: u32,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            dashboards_url: None,
            trusted_proxies: Vec::new(),
            shutdown_grace_seconds: 10,
        }
    }
}

impl Section for ServerSettings {
    const NAME: &'static str = "server";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("listen", "CRPIPELINE_LISTEN", Shape::Text),
        Setting::new("public_url", "CRPIPELINE_PUBLIC_URL", Shape::Text),
        Setting::new("dashboards_url", "CRPIPELINE_DASHBOARDS_URL", Shape::Text),
        Setting::new("trusted_proxies", "CRPIPELINE_TRUSTED_PROXIES", Shape::List),
        Setting::new("shutdown_grace_seconds", "CRPIPELINE_SHUTDOWN_GRACE_SECONDS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        // It becomes a link: nothing but an address of the web may stand behind it.
        let is_web_address = |url: &String| {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
        };
        if self.dashboards_url.as_ref().is_some_and(|url| !is_web_address(url)) {
            return Err(Wrong::new("dashboards_url", "it is no address that begins with https:// or http://"));
        }
        let Some(url) = &self.public_url else { return Ok(()) };
        let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let authority = authority.ok_or_else(|| Wrong::new("public_url", "it begins with neither https:// nor http://"))?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let is_host = !authority.is_empty() && authority.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        if is_host {
            Ok(())
        } else {
            Err(Wrong::new("public_url", "it is not scheme and host alone, such as https://documents.example.org"))
        }
    }
}
