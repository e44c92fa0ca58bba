//! Reads a listen address, with an error that shows how one looks.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads `IP:PORT`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(format!("{error}, write it as IP:PORT such as 127.0.0.1:8080")))
}
