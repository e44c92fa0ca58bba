//! A clock that passes faster, for the real binary: a library that is loaded before its own makes all of its clocks and waits faster.
//!
//! Nothing in the binary knows of it. Whatever it measures time with and however it waits, ten minutes are ten minutes to it. The
//! processor is as fast as ever, so that work seems to take longer than it does.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::programs;

const SOURCE: &str = include_str!("fast_clock/clock.c");
/// A change of the rate is told so long before it holds, since processes look at different moments.
const NOTICE: i64 = 100_000_000;

/// From `since` on, in nanoseconds since the machine's start, clocks are `ahead` and pass `rate` times as fast.
#[derive(Clone, Copy, Debug)]
struct Change {
    rate: i64,
    since: i64,
    ahead: i64,
}

/// The clock of every process that has its [`environment`](Self::environment).
#[derive(Debug)]
pub struct FastClock {
    library: PathBuf,
    path: PathBuf,
    page: File,
    /// How often the rate was changed, and the last time. The last two changes stand in the page.
    changes: Mutex<(i64, Change)>,
}

impl FastClock {
    /// A clock that passes like any other until it is told to [`run`](Self::run); says `SKIPPED` where there is no C compiler.
    ///
    /// # Panics
    /// If the compiler refuses the library or the folder cannot be written.
    pub fn build(folder: &Path) -> Option<Self> {
        let compiler = programs::program("cc")?;
        let (source, library, path) = (folder.join("clock.c"), folder.join("libclock.so"), folder.join("clock"));
        fs::write(&source, SOURCE).expect("the folder can be written");
        programs::output_of(Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-w", "-o"]).arg(&library).arg(&source).arg("-ldl"));
        let page = File::create(&path).expect("the folder can be written");
        page.set_len(4096).expect("the folder has room");
        let calm = Change { rate: 1, since: 0, ahead: 0 };
        let clock = Self { library, path, page, changes: Mutex::new((0, calm)) };
        clock.write(0, calm);
        Some(clock)
    }

    /// The variables with which a process takes its time from here.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.library.display().to_string()), ("CRP_TEST_CLOCK", self.path.display().to_string())]
    }

    /// From now on it passes so many times as fast as the real one.
    pub fn run(&self, rate: u32) {
        let since = since_boot() + NOTICE;
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, last) = *changes;
        let change = Change { rate: rate.into(), since, ahead: last.ahead_at(since) };
        self.write(number + 1, change);
        *changes = (number + 1, change);
    }

    /// What it shows; only the difference between two moments means something.
    pub fn now(&self) -> Duration {
        let boot = since_boot();
        let (_, last) = *self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_nanos(u64::try_from(boot + last.ahead_at(boot)).unwrap_or_default())
    }

    fn write(&self, number: i64, change: Change) {
        let at = 8 + 24 * (number & 1).unsigned_abs();
        let bytes = [change.rate, change.since, change.ahead].map(i64::to_ne_bytes).concat();
        // The number comes last: whoever reads it finds what it stands for.
        self.page.write_all_at(&bytes, at).expect("the page can be written");
        self.page.write_all_at(&number.to_ne_bytes(), 0).expect("the page can be written");
    }
}

impl Change {
    fn ahead_at(self, boot: i64) -> i64 {
        self.ahead + (self.rate - 1) * (boot - self.since).max(0)
    }
}

/// Nanoseconds since the machine's start, in steps of ten milliseconds.
fn since_boot() -> i64 {
    let text = fs::read_to_string("/proc/uptime").expect("the time since the machine's start");
    let (seconds, hundredths) = text.split(' ').next().and_then(|text| text.split_once('.')).expect("seconds with hundredths");
    let number = |text: &str| text.parse::<i64>().expect("a number");
    number(seconds) * 1_000_000_000 + number(hundredths) * 10_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Sleeps for a while and says how long that was by its two clocks, in milliseconds.
    const SLEEPER: &str = "import time\na,b=time.time(),time.monotonic()\ntime.sleep(SECONDS)\n\
                           print(round((time.time()-a)*1000),round((time.monotonic()-b)*1000))";

    fn sleeps(clock: &FastClock, seconds: u32) -> Option<(Duration, Vec<u64>)> {
        let python = programs::program("python3")?;
        let started = Instant::now();
        let mut command = Command::new(python);
        command.args(["-c", &SLEEPER.replace("SECONDS", &seconds.to_string())]).envs(clock.environment());
        let said = String::from_utf8(programs::output_of(&mut command)).unwrap();
        Some((started.elapsed(), said.split_whitespace().map(|number| number.parse().unwrap()).collect()))
    }

    #[test]
    fn a_process_sees_ten_minutes_pass_in_a_moment_by_each_of_its_clocks() {
        let folder = tempfile::tempdir().unwrap();
        let Some(clock) = FastClock::build(folder.path()) else { return };
        let Some((_, calm)) = sleeps(&clock, 1) else { return };
        assert!(calm.iter().all(|shown| (1000..30_000).contains(shown)), "{calm:?}");
        clock.run(600);
        let before = clock.now();
        let (took, shown) = sleeps(&clock, 600).unwrap();
        assert!(shown.iter().all(|shown| *shown >= 600_000), "{shown:?}");
        assert!(took < Duration::from_secs(120), "{took:?}");
        assert!(clock.now() - before >= Duration::from_secs(500), "{:?}", clock.now() - before);
        // It does not go back when it goes on at the usual pace.
        let fast = clock.now();
        clock.run(1);
        assert!(clock.now() >= fast);
    }
}
