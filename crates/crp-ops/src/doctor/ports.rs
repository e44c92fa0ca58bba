//! Whether a server could listen where it is told to.

use std::{io::ErrorKind, net::TcpListener};

use super::{Check, Listener};

/// `server_runs`: a server works on this data directory, so its ports are taken by right.
pub(super) fn check(listener: Listener, server_runs: bool) -> Check {
    const NAME: &str = "port";
    let Listener { address, setting } = listener;
    match TcpListener::bind(address) {
        Ok(_) => Check::ok(NAME, format!("{address} is free ({setting})")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && server_runs => {
            Check::ok(NAME, format!("{address} is in use; a server runs on this data directory ({setting})"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let found = format!("{address} is in use{} ({setting})", likely_owner(address.port()));
            Check::fail(NAME, found, format!("Stop the program that has the port, or choose another with {setting}."))
        }
        Err(error) => Check::fail(
            NAME,
            format!("Nothing can listen on {address}: {error} ({setting})"),
            format!("Choose another address with {setting}."),
        ),
    }
}

/// Who usually has a port, as the middle of a sentence.
pub fn likely_owner(port: u16) -> &'static str {
    match port {
        9100 => ", probably by Prometheus' node_exporter, whose usual port it is",
        8080 => ", probably by another web server",
        9090 => ", probably by Prometheus",
        _ => ", probably by another crPipeline or another server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_taken_port_is_a_failure_unless_our_own_server_has_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = Listener { address: taken.local_addr().unwrap(), setting: "CRPIPELINE_LISTEN" };
        let found = check(listener, false);
        assert_eq!(found.outcome, Outcome::Fail);
        assert!(found.remedy.unwrap().contains("CRPIPELINE_LISTEN"));
        assert_eq!(check(listener, true).outcome, Outcome::Ok);
        drop(taken);
        assert_eq!(check(listener, false).outcome, Outcome::Ok);
    }
}
