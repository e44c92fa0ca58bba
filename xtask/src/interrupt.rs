//! Ctrl-C and SIGTERM: passed on to the program that runs, so that everything started here ends before we do.

use std::{
    process::{Child, Command, ExitStatus},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

static ASKED_TO_STOP: AtomicBool = AtomicBool::new(false);
static FOREGROUND: Mutex<Option<Pid>> = Mutex::new(None);

/// Starts to listen; from here on a signal no longer ends this process by itself.
pub(crate) fn listen() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listening for signals")?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                ASKED_TO_STOP.store(true, Ordering::SeqCst);
                let group = *FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(group) = group {
                    // A group that has just ended is no error.
                    let _ = kill_process_group(group, if signal == SIGINT { Signal::INT } else { Signal::TERM });
                }
            }
        })
        .context("listening for signals")?;
    Ok(())
}

/// Whether somebody pressed Ctrl-C or sent SIGTERM.
pub(crate) fn was_asked_to_stop() -> bool {
    ASKED_TO_STOP.load(Ordering::SeqCst)
}

/// Starts `command` in a process group of its own, so that the terminal's Ctrl-C reaches it once, through us.
pub(crate) fn start(command: &mut Command) -> Result<Running> {
    use std::os::unix::process::CommandExt as _;
    if was_asked_to_stop() {
        bail!("interrupted");
    }
    let program = command.get_program().to_string_lossy().into_owned();
    // The lock is held across the start: a signal that arrives now waits until it knows whom to tell.
    let mut foreground = FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.process_group(0).spawn().with_context(|| format!("starting {program}"))?;
    *foreground = Some(Pid::from_child(&child));
    Ok(Running { child })
}

/// Starts `command` in the process group of `leader`, so that signals reach both.
pub(crate) fn start_beside(command: &mut Command, leader: &Running) -> Result<Child> {
    use std::os::unix::process::CommandExt as _;
    if was_asked_to_stop() {
        bail!("interrupted");
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let group = i32::try_from(leader.child.id()).context("a process id that is no process id")?;
    command.process_group(group).spawn().with_context(|| format!("starting {program}"))
}

/// The program that runs in the foreground.
pub(crate) struct Running {
    /// For its pipes.
    pub(crate) child: Child,
}

impl Running {
    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        self.child.wait().context("waiting for a program")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
        *FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
