//! Resource limits of the child: address space, processor time, file size, descriptors; and that it never outlives its parent.

use std::io;

use crp_model::Limits;
use rlimit::Resource;

use crate::settings::PARENT_VARIABLE;

/// Descriptors that a child may have at once: its own five and those that loading the engine opens.
const MAX_DESCRIPTORS: u64 = 64;

/// Asks the kernel to kill this process when its parent dies; false if it is dead already. Elsewhere the closed socket ends it.
pub(super) fn die_with_parent() -> bool {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        let _ = rustix::thread::set_name(c"crp-document");
    }
    // A parent that died before the kernel was asked sends no signal; then this process has another one by now.
    let told = std::env::var(PARENT_VARIABLE).ok().and_then(|pid| pid.parse::<u32>().ok());
    told.is_none_or(|parent| parent == std::os::unix::process::parent_id())
}

/// Sets the limits. The parent raises the soft limit of processor time page by page; the hard one is what a whole document may cost.
pub(super) fn apply(limits: &Limits, writes_output: bool) -> io::Result<()> {
    const MEBIBYTE: u64 = 1024 * 1024;
    let memory = limits.max_child_memory_mebibytes.saturating_mul(MEBIBYTE);
    set(Resource::CORE, 0, 0)?;
    set(Resource::NOFILE, MAX_DESCRIPTORS, MAX_DESCRIPTORS)?;
    let file_size = if writes_output { limits.max_output_mebibytes.saturating_mul(MEBIBYTE) } else { 0 };
    set(Resource::FSIZE, file_size, file_size)?;
    ignore_file_size_signal();
    let opening = u64::from(limits.document_timeout_seconds);
    let document = opening.saturating_mul(2).saturating_add(u64::from(limits.max_pages).saturating_mul(limits.page_timeout_seconds.into()));
    set(Resource::CPU, opening + 1, document.max(opening + 1))?;
    set(Resource::AS, memory, memory)
}

/// Lowers a limit, never beyond what this process was given.
fn set(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, given) = resource.get()?;
    let hard = hard.min(given);
    resource.set(soft.min(hard), hard)
}

/// A write over the limit then fails with an error that can be told, instead of killing the process.
#[allow(unsafe_code, reason = "signal dispositions have no safe interface")]
fn ignore_file_size_signal() {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
