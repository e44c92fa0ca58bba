//! All processes that descend from this one: their memory, their processor time and the files they have opened and removed.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

/// Makes orphans of what runs here our children, so that none is lost; asks the kernel for what the bench needs.
///
/// # Errors
/// Where the kernel does not tell the memory of processes, which is everywhere but on Linux.
pub(super) fn adopt_orphans() -> Result<()> {
    ensure!(Path::new("/proc/self/smaps_rollup").exists(), "the bench reads memory from /proc/PID/smaps_rollup, which only Linux has");
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).context("adopting orphans")?;
    Ok(())
}

/// Every process below this one.
pub(super) fn descendants() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in pids {
        if let Some(parent) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| field(&stat, 4)) {
            children.entry(parent as u32).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![std::process::id()]);
    while let Some(pid) = next.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(&below);
        next.extend(below);
    }
    found
}

/// Memory of the processes together, pages that several share counted once (PSS), in bytes. `None` if there is none of which it
/// could be read, and if there is one of which we may not: a sum without it would be wrong.
pub(super) fn memory_bytes(pids: &[u32]) -> Option<u64> {
    let mut sum = None;
    for pid in pids {
        let rollup = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            Ok(rollup) => rollup,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
            // One that has just ended has no memory; the next sample does not list it.
            Err(_) => continue,
        };
        let kibibytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_ascii_whitespace().next()?.parse::<u64>().ok());
        if let Some(kibibytes) = kibibytes {
            sum = Some(sum.unwrap_or(0) + kibibytes * 1024);
        }
    }
    sum
}

/// Bytes on disk of files that the processes hold open and that have no name any more.
pub(super) fn unlinked_bytes(pids: &[u32]) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let of_memory = fs::read_link(entry.path()).is_ok_and(|target| target.starts_with("/memfd:") || target.starts_with("/dev/shm"));
            let Ok(file) = fs::metadata(entry.path()) else { continue };
            if file.is_file() && file.nlink() == 0 && !of_memory && seen.insert((file.dev(), file.ino())) {
                bytes += file.blocks() * BLOCK_BYTES;
            }
        }
    }
    bytes
}

/// Bytes on disk of everything in a folder.
pub(super) fn folder_bytes(folder: &Path) -> u64 {
    let (mut bytes, mut folders) = (0, vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.blocks() * BLOCK_BYTES,
                // Gone since the folder was listed.
                Err(_) => {}
            }
        }
    }
    bytes
}

/// Processor seconds, user and system, of all processes below this one that have ended.
pub(super) fn ended_processor_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("reading our own processor time")?;
    let (user, system) = (field(&stat, 16), field(&stat, 17));
    let ticks = user.zip(system).map(|(user, system)| user + system).context("/proc/self/stat is shorter than expected")?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
}

/// Ends whatever a program has left behind, and collects it, so that its time is counted and the next run is alone.
pub(super) fn end_leftovers() {
    for pid in descendants() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // One that has just ended is no error.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    // Until there are no children left, which is an error to the kernel.
    while let Ok(Some(_)) = wait(WaitOptions::empty()) {}
}

/// A number of /proc/PID/stat, counted from 1 as its manual does; the name in field 2 may contain blanks and parentheses.
fn field(stat: &str, number: usize) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(number - 3)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{io::Write as _, process::Command};

    use super::*;

    #[test]
    fn fields_are_counted_past_any_process_name() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 250 31 12 3 20 0 1 0 100 1000 10";
        assert_eq!([4, 14, 16, 17].map(|number| field(stat, number)), [Some(7), Some(250), Some(12), Some(3)]);
        assert_eq!(field("nonsense", 4), None);
    }

    #[test]
    fn a_grandchild_is_found_and_its_memory_told() {
        // The shell waits for its own child, so there are two below us.
        let mut shell = Command::new("sh").args(["-c", "sleep 1000 & echo $!; wait"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        let found = descendants();
        let bytes = memory_bytes(&[grandchild]);
        kill_process(Pid::from_raw(grandchild as i32).unwrap(), Signal::KILL).unwrap();
        shell.wait().unwrap();
        assert!(found.contains(&grandchild) && found.contains(&shell.id()), "{found:?}");
        assert!(bytes.unwrap() > 0);
        assert_eq!(memory_bytes(&[u32::MAX]), None, "what cannot be read is unknown, not nothing");
    }

    #[test]
    fn files_count_in_their_folder_and_as_long_as_they_are_open_also_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let path = folder.path().join("sub/file");
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(&[7; 100_000]).unwrap();
        file.sync_all().unwrap();
        assert!(folder_bytes(folder.path()) >= 100_000);
        fs::remove_file(&path).unwrap();
        assert_eq!(folder_bytes(folder.path()), 0);
        let ours = [std::process::id()];
        assert!(unlinked_bytes(&ours) >= 100_000);
        let with_twice = unlinked_bytes(&[ours[0], ours[0]]);
        drop(file);
        assert!(with_twice - unlinked_bytes(&ours) < 200_000, "a file counts once");
    }
}
