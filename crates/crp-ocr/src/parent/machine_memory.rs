//! How much memory this machine or its container has: what reading documents may take when nobody says.

use std::{fs, path::Path};

/// Three quarters of the memory of this machine, or of its container if that is less, in mebibytes; the rest is for other programs
/// and for the system's cache of files. `None` where the system does not tell.
pub fn usual_memory_mebibytes() -> Option<u64> {
    let machine = total_bytes(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let container = limit_of_groups(Path::new("/sys/fs/cgroup"), &groups);
    Some(container.map_or(machine, |limit| limit.min(machine)) / 4 * 3 / (1024 * 1024))
}

/// `MemTotal` of /proc/meminfo.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// The least limit on memory of the groups that this process is in, and of those around them. `groups` is /proc/self/cgroup:
/// `0::/path` of version 2, `7:memory:/path` of version 1.
fn limit_of_groups(root: &Path, groups: &str) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap_or_default(), fields.next().unwrap_or("/"));
        let (folder, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ => (root.join("memory"), "memory.limit_in_bytes"),
        };
        let counts = controllers.is_empty() || controllers.split(',').any(|controller| controller == "memory");
        let around = Path::new(path.trim_start_matches('/')).ancestors().map(move |group| folder.join(group).join(file));
        around.filter(move |_| counts).filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok())
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_machine_is_read() {
        assert_eq!(total_bytes("MemTotal:       24576000 kB\nMemFree: 1 kB\n"), Some(24_576_000 * 1024));
        assert_eq!(total_bytes("nonsense"), None);
        if cfg!(target_os = "linux") {
            assert!(usual_memory_mebibytes().unwrap() > 0);
        }
    }

    #[test]
    fn the_least_limit_of_the_groups_around_a_process_holds() {
        let root = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("system.slice/memory.max", "1000\n");
        put("system.slice/crpipeline.service/memory.max", "max\n");
        put("memory/docker/abc/memory.limit_in_bytes", "500\n");
        put("cpu/memory.limit_in_bytes", "1\n");
        let limit = |groups| limit_of_groups(root.path(), groups);
        assert_eq!(limit("0::/system.slice/crpipeline.service\n"), Some(1000));
        assert_eq!(limit("4:cpu:/\n7:memory:/docker/abc\n"), Some(500));
        assert_eq!(limit("0::/elsewhere\n"), None);
        assert_eq!(limit(""), None);
    }
}
