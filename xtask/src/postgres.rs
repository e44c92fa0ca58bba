//! A PostgreSQL server to throw away: own folder, free port on 127.0.0.1. It ends with this value.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{interrupt, needs};

/// The longest that a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a new cluster and starts it; quick instead of durable.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(QUICK)
    }

    /// The same with the settings of a new installation: a commit waits for the disk. For measurements.
    pub(crate) fn start_durable() -> Result<Self> {
        Self::start_with(&[])
    }

    fn start_with(settings: &[&str]) -> Result<Self> {
        let programs = needs::postgres_programs().context("PostgreSQL's server programs (initdb, postgres) are not installed")?;
        let user = unprivileged_user()?;
        let folder = new_folder(user.as_ref())?;
        Self::start_in(&programs, user.as_ref(), &folder, settings).inspect_err(|_| {
            let _ = fs::remove_dir_all(&folder);
        })
    }

    fn start_in(programs: &Path, user: Option<&User>, folder: &Path, settings: &[&str]) -> Result<Self> {
        let data = folder.join("data");
        let mut initdb = as_user(user, &programs.join("initdb"), folder);
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--pgdata"]).arg(&data);
        let made = initdb.output().context("starting initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr).trim());

        // The port is free now and may be taken a moment later, so a server that ends at once gets another chance.
        for _ in 0..3 {
            let port = free_port()?;
            let log = fs::File::create(folder.join("log"))?;
            let server = as_user(user, &programs.join("postgres"), folder)
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
                .args(settings.iter().flat_map(|setting| ["-c", setting]))
                .stdout(Stdio::from(log.try_clone()?))
                .stderr(Stdio::from(log))
                .process_group(0)
                .spawn()
                .context("starting postgres")?;
            let mut postgres = Self { server, folder: folder.to_path_buf(), port };
            if postgres.wait_until_ready(&programs.join("pg_isready"))? {
                return Ok(postgres);
            }
            // Only the server is gone; the folder serves the next try.
            postgres.folder = PathBuf::new();
        }
        bail!("PostgreSQL does not start: {}", fs::read_to_string(folder.join("log")).unwrap_or_default().trim());
    }

    /// Waits for the server to answer; false when it has ended instead.
    fn wait_until_ready(&mut self, pg_isready: &Path) -> Result<bool> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            ensure!(!interrupt::was_asked_to_stop(), "interrupted");
            if self.server.try_wait()?.is_some() {
                return Ok(false);
            }
            let port = self.port.to_string();
            let answer =
                Command::new(pg_isready).args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-p", &port]).status()?;
            if answer.success() {
                return Ok(true);
            }
            sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL did not answer within {} seconds", PATIENCE.as_secs());
    }

    /// Where tests find it; they make databases of their own in it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// What it calls itself.
    pub(crate) fn version() -> Option<String> {
        let output = Command::new(needs::postgres_programs()?.join("postgres")).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: clients are thrown out, no data is written.
        if let Ok(None) = self.server.try_wait() {
            let _ = kill_process(Pid::from_child(&self.server), Signal::INT);
            let start = Instant::now();
            while matches!(self.server.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
                sleep(Duration::from_millis(20));
            }
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The data is worth nothing after the tests.
const QUICK: &[&str] = &["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB"];

/// A user of the system.
struct User {
    id: u32,
    group: u32,
}

/// PostgreSQL refuses to run as root: then it is the user `postgres` that its package made. Otherwise nobody else is needed.
fn unprivileged_user() -> Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("looking for the user postgres")?;
    user_named("postgres", &users).map(Some).context("PostgreSQL refuses to run as root, and there is no user postgres in /etc/passwd")
}

fn user_named(name: &str, passwd: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [found, _, id, group, ..] = fields.as_slice() else { return None };
        (*found == name).then_some(User { id: id.parse().ok()?, group: group.parse().ok()? })
    })
}

fn as_user(user: Option<&User>, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    // A developer's own PostgreSQL must not leak in.
    for variable in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE"] {
        command.env_remove(variable);
    }
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    command
}

fn new_folder(user: Option<&User>) -> Result<PathBuf> {
    let folder = env::temp_dir().join(format!("crpipeline-test-postgres-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    if let Some(user) = user {
        chown(&folder, Some(user.id), Some(user.group))?;
    }
    Ok(folder)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nmypostgres:x:7:8::/:/bin/sh\npostgres:x:105:109:,,,:/var/lib/postgresql:/bin/bash\n";
        let user = user_named("postgres", passwd).unwrap();
        assert_eq!((user.id, user.group), (105, 109));
        assert!(user_named("nobody", passwd).is_none());
    }

    #[test]
    fn a_server_answers_and_leaves_nothing_behind() {
        if needs::postgres_programs().is_none() {
            println!("SKIPPED: PostgreSQL is not installed");
            return;
        }
        let postgres = Postgres::start().unwrap();
        let (folder, pid) = (postgres.folder.clone(), Pid::from_child(&postgres.server));
        assert!(postgres.url().starts_with("postgres://postgres@127.0.0.1:"));
        assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, postgres.port)).is_ok());
        drop(postgres);
        assert!(!folder.exists());
        assert!(rustix::process::test_kill_process(pid).is_err(), "the server is gone");
    }
}
