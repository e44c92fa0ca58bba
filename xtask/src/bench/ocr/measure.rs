//! Runs one program and measures it: wall-clock time, processor time, memory and temporary files of its whole process tree.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::process_tree;
use crate::{
    interrupt,
    run::{shown, told},
};

/// The shortest time between two looks at memory and files.
const SAMPLE_EVERY: Duration = Duration::from_millis(50);
/// Looking takes at most this part of the time, so that it does not slow down what it looks at.
const SAMPLING_SHARE: u32 = 50;
/// A program that was interrupted gets so long to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// Lines of a log that are shown when a run fails.
const SHOWN_LOG_LINES: usize = 8;

/// What one run took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// From the start of the first process to the end of the last.
    pub(super) wall_seconds: f64,
    /// User and system time of all processes.
    pub(super) cpu_seconds: f64,
    /// Memory and files over time.
    pub(super) samples: Vec<Sample>,
}

/// What one look showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Since the start.
    pub(super) seconds: f64,
    /// PSS of all processes; `None` if it could not be read.
    pub(super) memory_bytes: Option<u64>,
    /// Files in the temporary and in the output folder, and those without a name.
    pub(super) file_bytes: u64,
}

impl Measured {
    /// The most memory that was seen.
    pub(super) fn peak_memory_bytes(&self) -> Option<u64> {
        self.samples.iter().filter_map(|sample| sample.memory_bytes).max()
    }

    /// The most bytes in files that were seen beyond those of the finished output.
    pub(super) fn peak_temporary_bytes(&self, output_bytes: u64) -> u64 {
        self.samples.iter().map(|sample| sample.file_bytes.saturating_sub(output_bytes)).max().unwrap_or(0)
    }
}

/// The folders of one run.
pub(super) struct RunFolders {
    /// Where the outputs go.
    pub(super) output: PathBuf,
    /// `TMPDIR`.
    pub(super) temporary: PathBuf,
    log: PathBuf,
}

impl RunFolders {
    /// New and empty ones in `parent`.
    pub(super) fn new(parent: &Path) -> Result<Self> {
        if parent.exists() {
            fs::remove_dir_all(parent).with_context(|| format!("removing {}", parent.display()))?;
        }
        let folders = Self { output: parent.join("output"), temporary: parent.join("temporary"), log: parent.join("log.txt") };
        for folder in [&folders.output, &folders.temporary] {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        Ok(folders)
    }

    fn file_bytes(&self) -> u64 {
        process_tree::folder_bytes(&self.output) + process_tree::folder_bytes(&self.temporary)
    }
}

/// Runs `command` to its end, at most for `limit`.
///
/// # Errors
/// When it cannot be started, fails, or takes too long; the message ends with what it said last.
pub(super) fn measure(command: &mut Command, folders: &RunFolders, limit: Duration) -> Result<Measured> {
    let log = File::create(&folders.log).with_context(|| format!("making {}", folders.log.display()))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).env("TMPDIR", &folders.temporary);
    let cpu_before = process_tree::ended_processor_seconds()?;
    let (ended, sampler) = channel::<()>();
    let start = Instant::now();
    let mut running = interrupt::start(command)?;
    let group = Pid::from_child(&running.child);
    let (status, wall_seconds, (samples, timed_out)) = thread::scope(|scope| {
        let watch = scope.spawn(|| watch(start, folders, limit, group, sampler));
        let status = running.child.wait().context("waiting for a program");
        let wall_seconds = start.elapsed().as_secs_f64();
        drop(ended);
        (status, wall_seconds, watch.join().unwrap_or_default())
    });
    drop(running);
    process_tree::end_leftovers();
    let cpu_seconds = process_tree::ended_processor_seconds()? - cpu_before;
    if interrupt::was_asked_to_stop() {
        bail!("interrupted");
    }
    let status = status?;
    if timed_out {
        bail!("was ended after {} s; {}", limit.as_secs(), last_words(&folders.log));
    }
    if !status.success() {
        bail!("`{}` {}; {}", shown(command).chars().take(200).collect::<String>(), told(status), last_words(&folders.log));
    }
    Ok(Measured { wall_seconds, cpu_seconds, samples })
}

/// Looks at the process tree until the program has ended, and ends it when its time is up.
fn watch(start: Instant, folders: &RunFolders, limit: Duration, group: Pid, ended: Receiver<()>) -> (Vec<Sample>, bool) {
    let (mut samples, mut timed_out, mut asked_to_stop) = (Vec::new(), false, None);
    let mut pause = SAMPLE_EVERY;
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(pause) {
        let began = Instant::now();
        let pids = process_tree::descendants();
        samples.push(Sample {
            seconds: start.elapsed().as_secs_f64(),
            memory_bytes: process_tree::memory_bytes(&pids),
            file_bytes: folders.file_bytes() + process_tree::unlinked_bytes(&pids),
        });
        if interrupt::was_asked_to_stop() {
            asked_to_stop.get_or_insert(began);
        }
        let stays = asked_to_stop.is_some_and(|asked: Instant| asked.elapsed() > GRACE);
        timed_out |= start.elapsed() > limit;
        if stays || timed_out {
            // A group that has just ended is no error.
            let _ = kill_process_group(group, Signal::KILL);
        }
        pause = SAMPLE_EVERY.max(began.elapsed() * SAMPLING_SHARE);
    }
    (samples, timed_out)
}

fn last_words(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(samples: &[(f64, u64, u64)]) -> Measured {
        let sample = |&(seconds, memory, file_bytes): &(f64, u64, u64)| Sample { seconds, memory_bytes: Some(memory), file_bytes };
        Measured { wall_seconds: 10.0, cpu_seconds: 0.0, samples: samples.iter().map(sample).collect() }
    }

    #[test]
    fn peaks_are_those_of_the_whole_run() {
        let run = measured(&[(0.5, 10, 0), (1.0, 30, 500), (5.0, 90, 900), (9.9, 40, 700)]);
        assert_eq!(run.peak_memory_bytes(), Some(90));
        assert_eq!(run.peak_temporary_bytes(700), 200, "what becomes the output is not temporary");
        assert_eq!(run.peak_temporary_bytes(1000), 0);
    }

    #[test]
    fn the_last_words_of_a_program_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, (0..20).map(|n| format!("line {n}\n\n")).collect::<String>()).unwrap();
        let words = last_words(&log);
        assert!(words.starts_with("line 12") && words.ends_with("line 19"), "{words}");
        fs::write(&log, "").unwrap();
        assert_eq!(last_words(&log), "it said nothing");
    }
}
