//! Runs a test again inside network and mount namespaces of its own, where every port is free and `/etc/hosts` is the test's.
//!
//! The stories about literal addresses (`localhost:9100`, `crpipeline:9100`) need it: outside, somebody may listen there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    poll::{PATIENCE, until},
    programs::{program, skipped},
};

/// Set inside.
const INSIDE: &str = "CRP_INSIDE_NAMESPACE";

/// Where a test is after [`enter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Inside: the test goes on.
    Inside,
    /// Outside: the test ran inside and is over, or was skipped loudly.
    Outside,
}

/// Runs the test `name` of the module `module` (`module_path!()`) again in namespaces of its own.
///
/// A machine that forbids namespaces, or lacks `unshare` or `ip`, skips it and says so.
///
/// # Panics
/// If the test fails inside, or the name is not that of exactly one test.
pub fn enter(module: &str, name: &str) -> Place {
    if std::env::var_os(INSIDE).is_some() {
        command("ip", &["link", "set", "lo", "up"]);
        return Place::Inside;
    }
    let Some(unshare) = usable_unshare() else { return Place::Outside };
    let path = module.split_once("::").map_or_else(|| name.to_owned(), |(_, module)| format!("{module}::{name}"));
    let mut again = unshare;
    again.arg(std::env::current_exe().expect("the program of this test"));
    again.args(["--exact", &path, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let output = again.output().expect("unshare can be started");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("---- inside the namespace ----\n{said}{complained}---- outside again ----");
    assert!(output.status.success(), "{path} failed inside its namespace: {}", output.status);
    assert!(said.contains("test result: ok. 1 passed; 0 failed"), "{path} is not the name of one test");
    Place::Outside
}

/// `unshare` with the options that this machine allows.
fn usable_unshare() -> Option<Command> {
    let unshare = program("unshare")?;
    ip()?;
    for options in [["--user", "--map-root-user", "--net", "--mount"].as_slice(), &["--net", "--mount"]] {
        let with_options = || {
            let mut command = Command::new(&unshare);
            command.args(options);
            command
        };
        let tried = with_options().args(["sh", "-c", "mount --bind /etc/hosts /etc/hosts"]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Some(with_options());
        }
    }
    skipped("this machine forbids network namespaces");
    None
}

/// Every process that is started from here on reads `contents` in the file at `path`, which must exist.
///
/// The file is gone with the returned folder. Only inside.
///
/// # Panics
/// If it cannot be mounted.
pub fn replace_file(path: &Path, contents: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, contents).expect("the folder can be written");
    command("mount", &["--bind", &file.display().to_string(), &path.display().to_string()]);
    folder
}

/// Connects this network namespace, as `ours`, with that of the process `pid`, as `theirs`, by a cable. Only inside.
///
/// `unshare --net PROGRAM` starts a program in a network of its own; addresses are IPv4 addresses of one /24 network.
///
/// # Panics
/// If the cable cannot be laid.
pub async fn connect(pid: u32, ours: &str, theirs: &str) {
    until("the process to have a network of its own", PATIENCE, async || {
        let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
        (of("self")? != of(&pid.to_string())?).then_some(())
    })
    .await;
    let pid = pid.to_string();
    command("ip", &["link", "add", "crp-ours", "type", "veth", "peer", "name", "crp-theirs"]);
    command("ip", &["link", "set", "crp-theirs", "netns", &pid]);
    command("ip", &["addr", "add", &format!("{ours}/24"), "dev", "crp-ours"]);
    command("ip", &["link", "set", "crp-ours", "up"]);
    let there = |arguments: &[&str]| {
        let ip = ip().expect("ip was there a moment ago").display().to_string();
        command("nsenter", &[&["-t", &pid, "-n", &ip], arguments].concat());
    };
    there(&["link", "set", "lo", "up"]);
    there(&["addr", "add", &format!("{theirs}/24"), "dev", "crp-theirs"]);
    there(&["link", "set", "crp-theirs", "up"]);
}

/// `ip`, which may stand where only an administrator's search path goes.
fn ip() -> Option<PathBuf> {
    ["/usr/sbin/ip", "/sbin/ip"].map(PathBuf::from).into_iter().find(|path| path.is_file()).or_else(|| program("ip"))
}

fn command(name: &str, arguments: &[&str]) {
    let program = if name == "ip" { ip().expect("ip is installed") } else { name.into() };
    crate::programs::output_of(Command::new(program).args(arguments));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_every_port_is_free_and_the_hosts_are_the_tests() {
        let _busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let before = std::fs::read_to_string("/etc/hosts").unwrap();
        if enter(module_path!(), "inside_every_port_is_free_and_the_hosts_are_the_tests") == Place::Outside {
            assert_eq!(std::fs::read_to_string("/etc/hosts").unwrap(), before, "outside nothing has changed");
            return;
        }
        for port in [25, 3000, 8080, 9090, 9093, 9100] {
            std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
        let _folder = replace_file(Path::new("/etc/hosts"), "127.0.0.1 localhost\n127.0.0.9 crpipeline\n");
        assert!(std::fs::read_to_string("/etc/hosts").unwrap().contains("crpipeline"));
    }
}
