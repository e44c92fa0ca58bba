//! Starting and stopping: the runtime, the signals, and what a panic leaves in the log.

use std::process::ExitCode;

use crp_model::{Code, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit;

/// Runs a command on the runtime of all processors.
pub(crate) fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    log_panics();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            // A thread that hangs on a dead disk must not keep the process.
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            code
        }
        Err(error) => exit::with_failure(&Failure::new(Code::Internal, format!("The runtime cannot start: {error}"))),
    }
}

/// Ends when Ctrl-C or SIGTERM comes; listens from the call on.
///
/// # Errors
/// `internal` when the system gives no signals.
pub(crate) fn interrupted() -> Result<impl Future<Output = ()> + use<>, Failure> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

/// A token that the first Ctrl-C or SIGTERM cancels; the second ends the process at once.
///
/// # Errors
/// `internal` when the system gives no signals.
pub(crate) fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let mut signals = Signals::listen()?;
    let stopping = CancellationToken::new();
    let token = stopping.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("Stopping; running work is finished or handed back. A second signal ends the process at once");
        token.cancel();
        signals.next().await;
        tracing::warn!("Ended at once by a second signal; the next start takes up what was left");
        std::process::exit(i32::from(exit::INTERRUPTED));
    });
    Ok(stopping)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let no_signals = |error| Failure::new(Code::Internal, format!("Signals cannot be received: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A panic is a line of the log like any other. It is counted where it is caught, so that it counts once.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no text)");
        tracing::error!(place = %place, thread = std::thread::current().name().unwrap_or(""), "A defect in crPipeline: {message}");
    }));
}
