//! Closes the sandbox: no files, no network, no new programs or processes, no word to any other process. There is no way back.

use crp_model::{Code, Failure, SandboxRequirement};

use crate::SandboxLevel;

/// Locks this process in as well as the kernel can; the level says how well that is.
///
/// # Errors
/// `sandbox_missing` when that is not as well as required; `internal` when the process already has threads (they would stay outside)
/// or the kernel refuses what it offers.
pub(super) fn close(required: SandboxRequirement) -> Result<SandboxLevel, Failure> {
    let level = close_what_there_is()?;
    level.satisfies(required)?;
    Ok(level)
}

#[cfg(target_os = "linux")]
fn close_what_there_is() -> Result<SandboxLevel, Failure> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(refused(&format!("{threads} threads run already")));
    }
    let landlock_abi = close_files()?;
    let seccomp = super::syscalls::close().map_err(|e| refused(&e.to_string()))?;
    Ok(SandboxLevel { landlock_abi, seccomp })
}

/// Other systems have resource limits only.
#[cfg(not(target_os = "linux"))]
fn close_what_there_is() -> Result<SandboxLevel, Failure> {
    Ok(SandboxLevel::default())
}

/// Denies every access to files and TCP ports, signals to other processes and abstract sockets; gives the interface's version.
#[cfg(target_os = "linux")]
fn close_files() -> Result<u32, Failure> {
    use landlock::{ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetStatus, Scope};

    // Rights that this kernel does not know are left out; the version reported tells.
    let newest = ABI::V7;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))
        .and_then(|r| r.handle_access(AccessNet::from_all(newest)))
        .and_then(|r| r.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|e| refused(&e.to_string()))?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => 0,
        (_, LandlockStatus::Available { effective_abi, .. }) => (effective_abi as i32).unsigned_abs(),
        _ => 0,
    })
}

#[cfg(target_os = "linux")]
fn refused(what: &str) -> Failure {
    Failure::new(Code::Internal, format!("The sandbox for documents could not be closed: {what}"))
}
