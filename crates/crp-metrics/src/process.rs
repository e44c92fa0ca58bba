//! What the operating system says about this process, read from /proc for each scrape.

use std::{fmt, fs, path::PathBuf, sync::OnceLock};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use crate::declare::{Entry, Kind, Scope, family_name};

/// The metrics about the process, with the names that all Prometheus clients use. Where /proc is absent, so are they.
pub(crate) static PROCESS: [Entry; 6] = [
    process("process_cpu_seconds_total", Kind::Counter, "Processor time spent by this process in user and kernel mode"),
    process("process_resident_memory_bytes", Kind::Gauge, "Memory of this process that is in RAM"),
    process("process_virtual_memory_bytes", Kind::Gauge, "Address space of this process"),
    process("process_open_fds", Kind::Gauge, "Open file descriptors"),
    process("process_max_fds", Kind::Gauge, "Limit on open file descriptors"),
    process("process_start_time_seconds", Kind::Gauge, "Start of this process in seconds since 1970-01-01T00:00:00Z"),
];

const fn process(name: &'static str, kind: Kind, help: &'static str) -> Entry {
    Entry { name, kind, help, labels: &[], buckets: &[], scope: Scope::Instance }
}

/// Reads /proc whenever it is asked.
#[derive(Debug)]
pub(crate) struct ProcessCollector {
    proc: PathBuf,
    /// Worked out once: the kernel's time of its start moves with every step of the clock, and a process that seems to start
    /// again and again would alarm somebody.
    started: OnceLock<f64>,
}

impl ProcessCollector {
    /// Of the process that asks.
    pub(crate) fn of_this_process() -> Self {
        Self::reading(PathBuf::from("/proc"))
    }

    fn reading(proc: PathBuf) -> Self {
        Self { proc, started: OnceLock::new() }
    }

    fn started(&self, start_ticks: Option<f64>, boot_seconds: Option<f64>, ticks: f64) -> Option<f64> {
        let now_told = start_ticks.zip(boot_seconds).map(|(start, boot)| boot + start / ticks)?;
        Some(*self.started.get_or_init(|| now_told))
    }

    /// The values in the order of [`PROCESS`], with `None` for what cannot be read.
    fn read(&self) -> [Option<f64>; 6] {
        let text = |path: &str| fs::read_to_string(self.proc.join(path)).unwrap_or_default();
        let ticks = fs::read(self.proc.join("self/auxv")).ok().and_then(|auxv| ticks_per_second(&auxv)).unwrap_or(USUAL_TICKS);
        let stat = text("self/stat");
        let (status, limits) = (text("self/status"), text("self/limits"));
        [
            cpu_ticks(&stat).map(|cpu| cpu / ticks),
            kibibytes(&status, "VmRSS:").map(|kib| kib * 1024.0),
            kibibytes(&status, "VmSize:").map(|kib| kib * 1024.0),
            // One of them is the descriptor that reads the folder.
            fs::read_dir(self.proc.join("self/fd")).ok().map(|fds| fds.count().saturating_sub(1) as f64),
            max_fds(&limits),
            self.started(start_ticks(&stat), boot_seconds(&text("stat")), ticks),
        ]
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (entry, value) in PROCESS.iter().zip(self.read()) {
            let Some(value) = value else { continue };
            let (counter, gauge) = (ConstCounter::new(value), ConstGauge::new(value));
            let kind = if entry.kind == Kind::Counter { counter.metric_type() } else { gauge.metric_type() };
            let help = format!("{}.", entry.help);
            let described = encoder.encode_descriptor(family_name(entry), &help, None, kind)?;
            if entry.kind == Kind::Counter { counter.encode(described)? } else { gauge.encode(described)? }
        }
        Ok(())
    }
}

/// Clock ticks per second on every platform that Linux has today; used where the kernel does not tell.
const USUAL_TICKS: f64 = 100.0;

/// `AT_CLKTCK` of the auxiliary vector (getauxval(3)), which is pairs of native words.
fn ticks_per_second(auxv: &[u8]) -> Option<f64> {
    const AT_CLKTCK: usize = 17;
    let words: Vec<usize> =
        auxv.chunks_exact(size_of::<usize>()).filter_map(|word| word.try_into().ok().map(usize::from_ne_bytes)).collect();
    words.chunks_exact(2).find(|pair| pair[0] == AT_CLKTCK && pair[1] > 0).map(|pair| pair[1] as f64)
}

/// Field `number` of proc_pid_stat(5), counted from 1; the second is a name that may hold spaces and parentheses.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_ticks(stat: &str) -> Option<f64> {
    Some(stat_field(stat, 14)? + stat_field(stat, 15)?)
}

fn start_ticks(stat: &str) -> Option<f64> {
    stat_field(stat, 22)
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn kibibytes(status: &str, field: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The soft limit; infinity where there is none.
fn max_fds(limits: &str) -> Option<f64> {
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_ascii_whitespace().next()?;
    if soft == "unlimited" { Some(f64::INFINITY) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use prometheus_client::{encoding::text::encode_registry, registry::Registry};

    use super::*;

    const STAT: &str = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 12345 999 7 1\n";

    fn render(collector: ProcessCollector) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(collector));
        let mut text = String::new();
        encode_registry(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn a_process_is_read_from_proc() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir_all(proc.path().join("self/fd/0")).unwrap();
        fs::create_dir_all(proc.path().join("self/fd/1")).unwrap();
        fs::write(proc.path().join("stat"), "cpu 1 2 3\nbtime 1700000000\n").unwrap();
        fs::write(proc.path().join("self/stat"), STAT).unwrap();
        fs::write(proc.path().join("self/status"), "Name:\ta\nVmSize:\t    2000 kB\nVmRSS:\t    1000 kB\n").unwrap();
        let limits = "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 4096                 files\n";
        fs::write(proc.path().join("self/limits"), limits).unwrap();
        let collector = ProcessCollector::reading(proc.path().to_owned());
        let read = collector.read();
        assert_eq!(read, [Some(3.0), Some(1_024_000.0), Some(2_048_000.0), Some(1.0), Some(1024.0), Some(1_700_000_123.45)]);
        // The clock was set: the process did not start again.
        fs::write(proc.path().join("stat"), "btime 1700000001\n").unwrap();
        assert_eq!(collector.read()[5], Some(1_700_000_123.45));
    }

    #[test]
    fn the_kernel_may_count_other_ticks_than_usual() {
        let auxv: Vec<u8> = [6_usize, 4096, 17, 250, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(ticks_per_second(&auxv), Some(250.0));
        assert_eq!(ticks_per_second(&auxv[..16]), None);
        assert_eq!(ticks_per_second(&[1, 2, 3]), None);
    }

    #[test]
    fn without_proc_there_are_no_process_metrics_and_no_error() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(render(ProcessCollector::reading(empty.path().to_owned())), "");
    }

    #[test]
    fn unreadable_lines_leave_out_their_metric_alone() {
        assert_eq!(cpu_ticks("garbage"), None);
        assert_eq!(cpu_ticks("1 (a) S 1"), None);
        assert_eq!(max_fds("Max open files            unlimited            unlimited            files\n"), Some(f64::INFINITY));
        assert_eq!(kibibytes("VmRSS:\t lots\n", "VmRSS:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_every_value() {
        let read = ProcessCollector::of_this_process().read();
        assert!(read.iter().all(Option::is_some), "{read:?}");
        assert!(read[1].unwrap() > 100_000.0, "a running process has memory: {read:?}");
        assert!(read[5].unwrap() > 1_600_000_000.0, "it started in this century: {read:?}");
    }
}
