//! Reads and writes networks; a single address stands for the network of that one address.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Reads a list of `10.0.0.0/8` or `10.0.0.1`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: &String| {
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| D::Error::custom(format!("\"{text}\" is neither a network such as 10.0.0.0/8 nor an address such as 10.0.0.1")))
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(network).collect()
}

/// Writes the networks as texts.
pub(crate) fn serialize<S: Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}
