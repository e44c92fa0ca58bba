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

/// Kills this process, as `kill -9` would, when `CRPIPELINE_TEST_KILL_AT=<step>[:n]` names this step (its n-th time).
#[cfg(debug_assertions)]
pub(crate) fn reached(step: Step) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };
    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = std::env::var("CRPIPELINE_TEST_KILL_AT").ok()?;
        let (name, time) = text.split_once(':').map_or((text.as_str(), 1), |(name, n)| (name, n.parse().unwrap_or(1)));
        Some((name.to_owned(), time))
    });
    static TIMES: AtomicU32 = AtomicU32::new(0);
    if let Some((name, time)) = &*WANTED
        && name == step.as_str()
        && TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *time
    {
        eprintln!("killed at step {name} as CRPIPELINE_TEST_KILL_AT asks");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
