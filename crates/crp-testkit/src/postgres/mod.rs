//! PostgreSQL for tests: one server for all of them, databases in it, and servers of a test's own that can be crashed.

mod own;
mod shared;

use std::{
    env, fs,
    net::TcpStream,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

pub use own::OwnPostgres;
pub use shared::shared;

use crate::programs::output_of;

/// A database of the shared server, empty; dropped, it goes.
#[derive(Debug)]
pub struct FreshDatabase {
    server: String,
    name: String,
    programs: PathBuf,
}

impl FreshDatabase {
    /// A new one; says `SKIPPED` where there is no PostgreSQL.
    ///
    /// # Panics
    /// If the server does not make it.
    pub fn make() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let (Some(server), Some(programs)) = (shared(), programs()) else {
            crate::programs::skipped("PostgreSQL is not installed");
            return None;
        };
        let name = format!("crp_e2e_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let database = Self { server, name, programs };
        output_of(database.command("createdb").arg(&database.name));
        Some(database)
    }

    /// Its URL, which holds no secret.
    ///
    /// # Panics
    /// If the server's URL is none.
    pub fn url(&self) -> String {
        let (before, _) = self.server.rsplit_once('/').expect("the URL of a database");
        format!("{before}/{}", self.name)
    }

    /// Runs a statement in it, past the program under test.
    ///
    /// # Panics
    /// If the database refuses it.
    pub fn run(&self, statement: &str) {
        let mut psql = Command::new(self.programs.join("psql"));
        output_of(psql.args(["--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]).arg(self.url()));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--maintenance-db").arg(&self.server);
        command
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let _ = self.command("dropdb").args(["--force", "--if-exists"]).arg(&self.name).output();
    }
}

/// The newest `/usr/lib/postgresql/*/bin`, or wherever the path leads to all of the programs.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let mut found: Vec<PathBuf> =
        installed.chain(on_path).filter(|folder| NEEDED.iter().all(|program| folder.join(program).exists())).collect();
    found.sort();
    found.pop()
}

/// What has to stand in one folder.
const NEEDED: [&str; 5] = ["initdb", "postgres", "pg_isready", "createdb", "psql"];

/// Whether a server listens and takes logins: it answers a request for TLS with one byte.
fn answers(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0u8; 1];
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).is_ok() && stream.read_exact(&mut answer).is_ok()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
