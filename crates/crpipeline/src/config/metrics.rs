//! `[metrics]`: where Prometheus scrapes.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::{Section, Setting, Shape};

/// Where Prometheus scrapes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsSettings {
    /// Address and port of `/metrics`, `/livez` and `/readyz`, as IP:PORT. Keep it out of reach of strangers.
    #[serde(deserialize_with = "super::address::deserialize")]
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9100)) }
    }
}

impl Section for MetricsSettings {
    const NAME: &'static str = "metrics";
    const SETTINGS: &'static [Setting] = &[Setting::new("listen", "CRPIPELINE_METRICS_LISTEN", Shape::Text)];
}
