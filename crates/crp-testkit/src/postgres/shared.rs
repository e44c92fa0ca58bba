//! The PostgreSQL of all tests: the one that CRP_TEST_POSTGRES_URL names, or one started for this test run and gone with it.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::parent_id},
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use fs4::FileExt;

use super::{answers, is_root, programs};

/// A superuser's URL; `None` where PostgreSQL is not installed and CRP_TEST_POSTGRES_URL is not set.
pub fn shared() -> Option<String> {
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
