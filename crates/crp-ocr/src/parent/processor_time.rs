//! Processor time of a child: the parent raises the soft limit page by page, the child cannot.

/// Seconds of processor time beyond the wall-clock limit before the kernel steps in; the wall clock comes first then.
const GRACE_SECONDS: u64 = 2;

/// Lets the process `pid` use `seconds` more of processor time from now on, at most its hard limit.
#[cfg(target_os = "linux")]
pub(super) fn allow(pid: u32, seconds: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // Without /proc nothing is known about the past; the limit from the start then stays in force.
    let Some(used) = used_seconds(pid) else { return };
    let soft = used.saturating_add(seconds).saturating_add(GRACE_SECONDS);
    // Setting gives back what was there; only then is the hard limit known, which must not change.
    let keep = Rlimit { current: Some(soft), maximum: hard_limit(pid) };
    let allowed = Rlimit { current: Some(keep.maximum.map_or(soft, |hard| hard.min(soft))), maximum: keep.maximum };
    if let Err(error) = prlimit(Some(process), Resource::Cpu, allowed) {
        tracing::debug!(%error, "the processor time of a document process could not be raised");
    }
}

/// Other systems cannot set limits of another process; its first limit and the wall clock hold.
#[cfg(not(target_os = "linux"))]
pub(super) fn allow(_pid: u32, _seconds: u64) {}

/// Processor seconds that the process has used, rounded up.
#[cfg(target_os = "linux")]
fn used_seconds(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    Some(used_ticks(&stat)?.div_ceil(ticks))
}

/// Fields 14 and 15 of /proc/PID/stat; the name in field 2 may contain blanks and parentheses.
#[cfg(target_os = "linux")]
fn used_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The hard limit on processor seconds; `None` if there is none or it is unknown.
#[cfg(target_os = "linux")]
fn hard_limit(pid: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max cpu time"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_past_any_process_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 31 0 0 20 0 1 0 100 1000 10";
        assert_eq!(used_ticks(stat), Some(281));
        assert_eq!(used_ticks("nonsense"), None);
        assert!(used_seconds(std::process::id()).is_some());
    }

    #[test]
    fn the_soft_limit_moves_and_the_hard_one_stays() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let before = hard_limit(child.id());
        allow(child.id(), 500);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let line = limits.lines().find(|l| l.starts_with("Max cpu time")).unwrap().to_owned();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(line.split_ascii_whitespace().nth(3), Some("502"), "{line}");
        assert_eq!(hard_limit(std::process::id()), before);
    }
}
