//! The steps of a task at which a crash is interesting. In debug builds the process can be made to die at one of them.

/// A step that a task reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A task was claimed.
    Claimed,
    /// A page was read, nothing of it is written yet.
    PageRead,
    /// A page's objects are written, its row is not.
    PageObjectWritten,
    /// A page's row is committed.
    PageRowWritten,
    /// A stage's objects are written, its rows are not.
    ArtifactsWritten,
    /// Everything but the commit of the task is done.
    BeforeCommit,
    /// The task is committed, nothing is counted yet.
    AfterCommit,
}

impl Step {
    #[cfg(debug_assertions)]
    const fn as_str(self) -> &'static str {
        match self {
            Step::Claimed => "claimed",
            Step::PageRead => "page_read",
            Step::PageObjectWritten => "page_object_written",
            Step::PageRowWritten => "page_row_written",
            Step::ArtifactsWritten => "artifacts_written",
            Step::BeforeCommit => "before_commit",
            Step::AfterCommit => "after_commit",
        }
    }
}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub(crate) fn reached(_step: Step) {}

/// Kills this process, as `kill -9` would, when `CRPIPELINE_TEST_KILL_AT=<step>[:n]` names this step (its n-th time); stops it, until
/// it gets SIGCONT, when `CRPIPELINE_TEST_STOP_AT` does.
#[cfg(debug_assertions)]
pub(crate) fn reached(step: Step) {
    use std::sync::LazyLock;

    use rustix::process::Signal;
    static KILL: LazyLock<Option<Wanted>> = LazyLock::new(|| Wanted::of("CRPIPELINE_TEST_KILL_AT", Signal::KILL));
    static STOP: LazyLock<Option<Wanted>> = LazyLock::new(|| Wanted::of("CRPIPELINE_TEST_STOP_AT", Signal::STOP));
    for wanted in [&*KILL, &*STOP].into_iter().flatten() {
        wanted.reached(step);
    }
}

/// What is to happen at which step.
#[cfg(debug_assertions)]
struct Wanted {
    variable: &'static str,
    signal: rustix::process::Signal,
    step: String,
    time: u32,
    times: std::sync::atomic::AtomicU32,
}

#[cfg(debug_assertions)]
impl Wanted {
    fn of(variable: &'static str, signal: rustix::process::Signal) -> Option<Self> {
        let text = std::env::var(variable).ok()?;
        let (step, time) = text.split_once(':').map_or((text.as_str(), 1), |(step, n)| (step, n.parse().unwrap_or(1)));
        Some(Self { variable, signal, step: step.to_owned(), time, times: 0.into() })
    }

    fn reached(&self, step: Step) {
        let is_now = self.step == step.as_str() && self.times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == self.time;
        if is_now {
            let what = if self.signal == rustix::process::Signal::KILL { "killed" } else { "stopped" };
            eprintln!("{what} at step {} as {} asks", self.step, self.variable);
            let _ = rustix::process::kill_process(rustix::process::getpid(), self.signal);
        }
    }
}
