//! Every way out of the sandbox that we can think of, tried from inside where a document's bytes are read, and without it as a control.
#![allow(unsafe_code, reason = "attackers do not ask the compiler")]

mod probes;

use std::{
    ffi::CString,
    fs, io,
    net::{TcpStream, UdpSocket},
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::PathBuf,
    process::{Command, ExitCode},
    ptr,
};

use crp_model::{Code, Failure, PageNo};

/// A folder that any user may write, for attacks on files.
const SCRATCH: &str = "CRP_ATTACK_SCRATCH";
/// A port of the loopback interface on which someone listens.
const PORT: &str = "CRP_ATTACK_PORT";

/// An attempt; `Ok` when it got out.
type Attempt = Box<dyn Fn() -> io::Result<()> + Send>;

/// An attempt that is a function, with its name.
type Named = (&'static str, fn() -> io::Result<()>);

/// Runs all attempts in the sandbox and answers with the ones that got out. Never lets the page be read.
pub(crate) fn from_inside(_page: PageNo) -> Result<(), Failure> {
    let mut attempts = named(&BASIC);
    attempts.extend(probes::all());
    // Whatever holds for the thread that reads the document holds for one that it starts.
    attempts.push(("all_of_it_from_a_thread".to_owned(), Box::new(from_a_thread)));
    attempts.extend(named(&PRIVILEGED));
    attempts.extend(named(&FINAL));
    Err(Failure::new(Code::PageFailed, report(&attempts)))
}

/// Runs the attempts without the sandbox and prints which got out: all that any process may make, and those calls to the kernel
/// that it does not refuse itself.
pub(crate) fn without_sandbox() -> ExitCode {
    println!("{}", report(&named(&BASIC)));
    println!("{}", report(&probes::all()));
    let refused: Vec<String> = probes::all().into_iter().filter(|(_, attempt)| attempt().is_err()).map(|(name, _)| name).collect();
    println!("refused by the kernel itself: {}", refused.join(" "));
    ExitCode::SUCCESS
}

fn named(attempts: &[Named]) -> Vec<(String, Attempt)> {
    attempts.iter().map(|(name, attempt)| ((*name).to_owned(), Box::new(*attempt) as Attempt)).collect()
}

fn report(attempts: &[(String, Attempt)]) -> String {
    let out: Vec<&str> = attempts.iter().filter(|(_, attempt)| attempt().is_ok()).map(|(name, _)| name.as_str()).collect();
    format!("{} tried, {} out: {}", attempts.len(), out.len(), out.join(" "))
}

fn from_a_thread() -> io::Result<()> {
    let tried = std::thread::Builder::new().spawn(|| probes::all().iter().any(|(_, attempt)| attempt().is_ok()))?;
    match tried.join() {
        Ok(false) => Err(io::Error::other("nothing got out")),
        _ => Ok(()),
    }
}

/// What any process may do; without the sandbox, all of these succeed.
const BASIC: [Named; 38] = [
    ("read_passwd", || fs::read("/etc/passwd").map(drop)),
    ("read_own_program", || fs::File::open("/proc/self/exe").map(drop)),
    ("read_own_environment", || fs::read("/proc/self/environ").map(drop)),
    ("read_own_memory", || fs::File::open("/proc/self/mem").map(drop)),
    ("reopen_descriptor", || fs::read_dir("/proc/self/fd").map(drop)),
    ("list_root", || fs::read_dir("/").map(drop)),
    ("list_temp", || fs::read_dir("/tmp").map(drop)),
    ("use_null_device", || fs::File::options().write(true).open("/dev/null").map(drop)),
    ("write_file", || fs::write(scratch("written"), "x")),
    ("make_folder", || fs::create_dir(scratch("folder"))),
    ("remove_folder", || fs::remove_dir(scratch("folder"))),
    ("rename_file", || fs::rename(scratch("a"), scratch("renamed"))),
    ("link_file", || fs::hard_link(scratch("b"), scratch("linked"))),
    ("symbolic_link", || std::os::unix::fs::symlink("/etc/passwd", scratch("symlink"))),
    ("read_link", || fs::read_link("/proc/self/exe").map(drop)),
    ("remove_file", || fs::remove_file(scratch("c"))),
    ("change_mode", || fs::set_permissions(scratch("b"), fs::Permissions::from_mode(0o777))),
    ("cut_file", || truncate(&scratch("b"))),
    ("change_folder", || std::env::set_current_dir("/tmp")),
    ("tcp", || TcpStream::connect(("127.0.0.1", port())).map(drop)),
    ("udp", || UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("unix_socket", || UnixDatagram::unbound().map(drop)),
    ("netlink", || call(libc::SYS_socket, [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0, 0, 0])),
    ("socket_pair", || UnixDatagram::pair().map(drop)),
    ("signal_parent", || call(libc::SYS_kill, [parent(), 0, 0, 0, 0])),
    ("signal_parents_thread", || call(libc::SYS_tgkill, [parent(), parent(), 0, 0, 0])),
    ("handle_of_parent", || call(libc::SYS_pidfd_open, [parent(), 0, 0, 0, 0])),
    ("own_a_pipe_for_parent", own_a_pipe_for_parent),
    ("outlive_parent", || call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG.into(), 0, 0, 0, 0])),
    ("fork", fork),
    ("run_program", || Command::new("/bin/true").status().map(drop)),
    ("read_process_memory", read_process_memory),
    ("file_in_memory", || call(libc::SYS_memfd_create, [c"x".as_ptr() as i64, 0, 0, 0, 0])),
    ("shared_memory", || call(libc::SYS_shmget, [libc::IPC_PRIVATE.into(), 4096, 0o600, 0, 0])),
    ("watch_files", || call(libc::SYS_inotify_init1, [0, 0, 0, 0, 0])),
    ("set_own_limit", || rlimit::setrlimit(rlimit::Resource::CORE, 0, 0)),
    ("inherited_descriptor", inherited_descriptor),
    // Last, since a traced process stops at the next signal.
    ("be_traced", || call(libc::SYS_ptrace, [libc::PTRACE_TRACEME.into(), 0, 0, 0, 0])),
];

/// What takes privileges, a newer kernel or another configuration to succeed even without the sandbox.
const PRIVILEGED: [Named; 23] = [
    ("read_shadow", || fs::read("/etc/shadow").map(drop)),
    ("read_parents_environment", || fs::read(format!("/proc/{}/environ", parent())).map(drop)),
    ("signal_init", || call(libc::SYS_kill, [1, 0, 0, 0, 0])),
    ("signal_group", || call(libc::SYS_kill, [0, 0, 0, 0, 0])),
    ("signal_everyone", || call(libc::SYS_kill, [-1, 0, 0, 0, 0])),
    ("trace_parent", || call(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), parent(), 0, 0, 0])),
    ("new_user_namespace", || call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0])),
    ("new_mount_namespace", || call(libc::SYS_unshare, [libc::CLONE_NEWNS.into(), 0, 0, 0, 0])),
    ("clone_into_namespace", || call(libc::SYS_clone, [i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD), 0, 0, 0, 0])),
    ("clone_by_the_new_call", || call(libc::SYS_clone3, [ptr::null::<u8>() as i64, 88, 0, 0, 0]).or_else(past_the_filter)),
    ("io_uring", || call(libc::SYS_io_uring_setup, [1, ptr::null::<u8>() as i64, 0, 0, 0]).or_else(past_the_filter)),
    ("bpf", || call(libc::SYS_bpf, [0, ptr::null::<u8>() as i64, 0, 0, 0]).or_else(past_the_filter)),
    ("performance_events", || call(libc::SYS_perf_event_open, [ptr::null::<u8>() as i64, 0, -1, -1, 0]).or_else(past_the_filter)),
    ("page_faults", || call(libc::SYS_userfaultfd, [0, 0, 0, 0, 0])),
    ("keys", || call(libc::SYS_keyctl, [0, -3, 0, 0, 0])),
    ("mount", || call(libc::SYS_mount, [c"none".as_ptr() as i64, c"/tmp".as_ptr() as i64, c"tmpfs".as_ptr() as i64, 0, 0])),
    ("change_root", || call(libc::SYS_chroot, [c"/".as_ptr() as i64, 0, 0, 0, 0])),
    ("change_user", || call(libc::SYS_setuid, [0, 0, 0, 0, 0])),
    ("second_numbering", || call(0x4000_0000 | libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0])),
    ("raise_own_processor_time", raise_own_processor_time),
    ("three_gibibytes", three_gibibytes),
    ("write_to_what_was_inherited", probes::write_to_what_was_inherited),
    ("hang_up_the_terminal", || call(libc::SYS_vhangup, [0; 5])),
];

/// What ends this process if it gets out, so it comes last.
const FINAL: [Named; 2] = [("become_another_program", become_another_program), ("threads_are_allowed", threads_are_forbidden)];

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(SCRATCH).unwrap_or_default()).join(name)
}

fn port() -> u16 {
    std::env::var(PORT).ok().and_then(|port| port.parse().ok()).unwrap_or(1)
}

fn parent() -> i64 {
    std::os::unix::process::parent_id().into()
}

fn call(number: i64, [a, b, c, d, e]: [i64; 5]) -> io::Result<()> {
    // SAFETY: the arguments are numbers, null, or strings that live; what the kernel does with them is what is being tried.
    match unsafe { libc::syscall(number, a, b, c, d, e) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A call that fails only because our arguments are no good has got past the filter; only the lack of a right, or of the call, is a wall.
fn past_the_filter(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS) | None => Err(error),
        Some(_) => Ok(()),
    }
}

fn truncate(path: &std::path::Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    call(libc::SYS_truncate, [path.as_ptr() as i64, 0, 0, 0, 0])
}

/// The kernel can be told to signal another process whenever a pipe of ours has something to read.
fn own_a_pipe_for_parent() -> io::Result<()> {
    let (reader, _writer) = io::pipe()?;
    call(libc::SYS_fcntl, [std::os::fd::AsRawFd::as_raw_fd(&reader).into(), libc::F_SETOWN.into(), parent(), 0, 0])
}

fn fork() -> io::Result<()> {
    // SAFETY: the copy ends at once and touches nothing.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: as above.
        0 => unsafe { libc::_exit(0) },
        // SAFETY: waiting for it, so that no signal about it comes late.
        copy => unsafe { libc::waitpid(copy, ptr::null_mut(), 0) != -1 }.then_some(()).ok_or_else(io::Error::last_os_error),
    }
}

fn read_process_memory() -> io::Result<()> {
    let secret = *b"secret";
    let mut copy = [0u8; 6];
    let from = libc::iovec { iov_base: secret.as_ptr().cast_mut().cast(), iov_len: 6 };
    let to = libc::iovec { iov_base: copy.as_mut_ptr().cast(), iov_len: 6 };
    // SAFETY: both ranges are ours and live.
    match unsafe { libc::process_vm_readv(std::process::id().cast_signed(), &raw const to, 1, &raw const from, 1, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Descriptors above the child's own handful would be the parent's.
fn inherited_descriptor() -> io::Result<()> {
    // SAFETY: asking for the flags of a number changes nothing.
    let open: Vec<i32> = (3..4096).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } != -1).collect();
    // In the sandbox two pipes and the document are its own; without it nothing is, and the test leaks one on purpose.
    let own = if std::env::var_os("CRP_FAULT").is_some_and(|fault| fault == "attack") { 3 } else { 0 };
    if open.len() > own { Ok(()) } else { Err(io::Error::other("nothing was inherited")) }
}

fn raise_own_processor_time() -> io::Result<()> {
    let (_, hard) = rlimit::getrlimit(rlimit::Resource::CPU)?;
    rlimit::setrlimit(rlimit::Resource::CPU, hard, hard)
}

fn three_gibibytes() -> io::Result<()> {
    // SAFETY: mapping fresh memory touches no other.
    let memory = unsafe {
        libc::mmap(ptr::null_mut(), 3 << 30, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
    };
    if memory == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn become_another_program() -> io::Result<()> {
    let arguments = [c"true".as_ptr(), ptr::null()];
    call(libc::SYS_execve, [c"/bin/true".as_ptr() as i64, arguments.as_ptr() as i64, ptr::null::<u8>() as i64, 0, 0])
}

/// The sandbox must not be so tight that reading fails: threads are wanted.
fn threads_are_forbidden() -> io::Result<()> {
    match std::thread::Builder::new().spawn(|| 1 + 1).map(std::thread::JoinHandle::join) {
        Ok(Ok(2)) => Err(io::Error::other("threads are allowed, as they should be")),
        _ => Ok(()),
    }
}
