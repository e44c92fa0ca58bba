//! The PostgreSQL of the tests: the one that CRP_TEST_POSTGRES_URL names, or one started for this test run and gone with it.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::parent_id,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use fs4::FileExt;

/// A superuser's URL; `None` where PostgreSQL is not installed.
pub(super) fn url() -> Option<String> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| env::var("CRP_TEST_POSTGRES_URL").ok().or_else(shared_cluster)).clone()
}

/// One cluster for all processes of a test run: they have the same parent, and the cluster watches that.
fn shared_cluster() -> Option<String> {
    let programs = programs()?;
    let folder = env::temp_dir().join(format!("crp-test-postgres-{}", parent_id()));
    fs::create_dir_all(&folder).expect("a folder for PostgreSQL");
    // PostgreSQL refuses to run as root and gets a user of its own, who must be able to write here.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("a folder for everybody");
    let lock = fs::File::create(folder.join("lock")).expect("a lock");
    FileExt::lock(&lock).expect("the lock");
    let note = folder.join("port");
    let known = fs::read_to_string(&note).ok().and_then(|text| text.parse::<u16>().ok());
    let port = known.filter(|port| answers(*port)).unwrap_or_else(|| start(&programs, &folder));
    fs::write(&note, port.to_string()).expect("the port is noted");
    Some(format!("postgres://postgres@127.0.0.1:{port}/postgres"))
}

/// The newest `/usr/lib/postgresql/*/bin`, or wherever the path leads.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let mut found: Vec<PathBuf> = installed.chain(on_path).filter(|folder| folder.join("initdb").exists()).collect();
    found.sort();
    found.pop()
}

fn start(programs: &Path, folder: &Path) -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let as_postgres = if is_root() { "setpriv --reuid=postgres --regid=postgres --clear-groups" } else { "" };
    // The server ends when the process that runs the tests has ended.
    let script = format!(
        "cd '{folder}' && rm -rf data && {as_postgres} '{programs}/initdb' -D data -U postgres -A trust --no-sync >initdb.log 2>&1 || exit 1
         {as_postgres} '{programs}/postgres' -D data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder}' \
             -c fsync=off -c max_connections=400 >server.log 2>&1 &
         server=$!
         while [ -d /proc/{parent} ] || ps -p {parent} >/dev/null 2>&1; do sleep 1; done
         kill -INT $server; wait $server; rm -rf '{folder}'",
        folder = folder.display(),
        programs = programs.display(),
        parent = parent_id(),
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[allow(clippy::zombie_processes, reason = "it outlives this process, which is one of many that use it")]
    command.spawn().expect("PostgreSQL starts");
    let deadline = Instant::now() + Duration::from_secs(120);
    while !answers(port) {
        assert!(Instant::now() < deadline, "PostgreSQL does not answer; see {}/*.log", folder.display());
        thread::sleep(Duration::from_millis(50));
    }
    port
}

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
