//! Starts a child: cleared environment, no descriptors but a socket and two pipes, on a thread that lives as long as we do.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as Socket, process::CommandExt},
    },
    process::Stdio,
    sync::{OnceLock, mpsc},
    thread,
};

use tokio::{net::UnixStream, process::Child, runtime::Handle, sync::oneshot};

use crate::{ChildCommand, settings::PARENT_VARIABLE};

/// Freed memory that a child may keep, in bytes, as text for its C library.
const KEPT_BYTES: &str = "134217728";

/// Starts `command`; the socket is the other end of its standard input.
///
/// The kernel kills a child when the *thread* that started it ends, and a runtime's threads come and go; hence the thread of its own.
pub(super) async fn spawn(command: &ChildCommand) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = Socket::pair()?;
    ours.set_nonblocking(true)?;
    let child = spawn_with(prepare(command, theirs)).await?;
    Ok((child, UnixStream::from_std(ours)?))
}

async fn spawn_with(command: std::process::Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let (answer, answered) = oneshot::channel();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        // If even this thread cannot be had, the channel is closed and every order says so.
        let _ = thread::Builder::new().name("child-spawner".to_owned()).spawn(move || inbox.into_iter().for_each(Order::carry_out));
        orders
    });
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    spawner.send(Order { command, runtime: Handle::current(), answer }).map_err(|_| gone(()))?;
    answered.await.map_err(|_| gone(()))?
}

struct Order {
    command: std::process::Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

impl Order {
    fn carry_out(self) {
        let _in_runtime = self.runtime.enter();
        // Dropped at the end: our copy of the child's end of the socket must not outlive this.
        let mut command = tokio::process::Command::from(self.command);
        // If nobody waits any more, the answer is dropped, and the child with it.
        let _ = self.answer.send(command.kill_on_drop(true).spawn());
    }
}

fn prepare(command: &ChildCommand, theirs: Socket) -> std::process::Command {
    let mut prepared = std::process::Command::new(&command.program);
    prepared
        .args(&command.args)
        .env_clear()
        // Without this limit the same page takes four to nine times as long when several children run.
        .env("OMP_THREAD_LIMIT", "1")
        .env("MALLOC_ARENA_MAX", "2")
        // The engine takes and gives back the same large pieces for every line of text. Kept instead of returned to the kernel,
        // they save about 2 % of a page's processor time; the peak stays the same.
        .env("MALLOC_MMAP_THRESHOLD_", KEPT_BYTES)
        .env("MALLOC_TRIM_THRESHOLD_", KEPT_BYTES)
        .env("LANG", "C")
        .env("RUST_BACKTRACE", "0")
        .env(PARENT_VARIABLE, std::process::id().to_string())
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C on the terminal is for us; we decide what becomes of the child.
        .process_group(0);
    prepared
}
