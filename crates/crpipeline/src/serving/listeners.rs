//! Binds addresses, and says who probably has a port that is taken.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use crp_model::{Code, Failure};
use crp_ops::doctor::likely_owner;
use tokio::net::TcpListener;

/// What listens, and how its address is changed.
#[derive(Debug)]
pub(super) struct Purpose {
    what: &'static str,
    environment: &'static str,
    flag: &'static str,
}

/// API and UI.
pub(super) const API: Purpose = Purpose { what: "web and API", environment: "CRPIPELINE_LISTEN", flag: "--listen" };
/// Metrics.
pub(super) const METRICS: Purpose = Purpose { what: "metrics", environment: "CRPIPELINE_METRICS_LISTEN", flag: "--metrics-listen" };

/// Listens on `address`.
///
/// # Errors
/// `port_in_use`, or `invalid_configuration` for an address that this machine does not have or this user may not take.
pub(super) async fn bind(address: SocketAddr, purpose: &Purpose) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| refused(address, purpose, &error))
}

fn refused(address: SocketAddr, purpose: &Purpose, error: &std::io::Error) -> Failure {
    let Purpose { what, environment, flag } = purpose;
    let choose = format!("choose another with {environment} or {flag}");
    match error.kind() {
        ErrorKind::AddrInUse => {
            let message = format!("Port {} for {what} ({address}) is in use{}", address.port(), likely_owner(address.port()));
            Failure::new(Code::PortInUse, message).with_remedy(format!("Stop the program that has the port, or {choose}."))
        }
        _ => Failure::new(Code::InvalidConfiguration, format!("Nothing can listen on {address} for {what}: {error}"))
            .with_remedy(format!("Use an address of this machine and a port that this user may take (1024 or more), or {choose}.")),
    }
}

/// The address as people type it: 0.0.0.0 is no place to go to.
///
/// # Errors
/// `internal` when the system does not tell the address.
pub(super) fn url(listener: &TcpListener) -> Result<String, Failure> {
    let bound =
        listener.local_addr().map_err(|error| Failure::new(Code::Internal, format!("The bound address cannot be told: {error}")))?;
    Ok(url_of(bound))
}

fn url_of(bound: SocketAddr) -> String {
    let reachable = if bound.ip().is_unspecified() { SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port()) } else { bound };
    format!("http://{reachable}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_names_itself_its_likely_owner_and_the_setting() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let failure = bind(address, &METRICS).await.unwrap_err();
        assert_eq!(failure.code, Code::PortInUse);
        assert!(failure.message.contains(&address.port().to_string()) && failure.remedy.contains("CRPIPELINE_METRICS_LISTEN"), "{failure}");
        let busy = std::io::Error::from(ErrorKind::AddrInUse);
        let failure = refused("127.0.0.1:9100".parse().unwrap(), &METRICS, &busy);
        assert!(failure.message.contains("node_exporter"), "{failure}");
        let failure = refused("127.0.0.1:8080".parse().unwrap(), &API, &busy);
        assert!(failure.message.contains("another web server") && failure.remedy.contains("CRPIPELINE_LISTEN"), "{failure}");
    }

    #[test]
    fn the_address_told_is_one_that_can_be_opened() {
        assert_eq!(url_of("0.0.0.0:8080".parse().unwrap()), "http://127.0.0.1:8080");
        assert_eq!(url_of("[::]:1".parse().unwrap()), "http://127.0.0.1:1");
        assert_eq!(url_of("[::1]:1".parse().unwrap()), "http://[::1]:1");
    }
}
