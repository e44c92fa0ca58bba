//! The time below which nobody gets: warm engines that recognise pixels in memory and walk over the result once, nothing else.
//!
//! The processes prepare all their pages first, exactly as the product does. Then they start together; the slowest one counts.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::{
    documents::Document,
    results::Run,
    tools::{Settings, release},
};
use crate::{interrupt, run::told};

/// What a process says when its pages are ready.
const READY: &str = "ready";

/// What a process says at its end.
#[derive(Debug, Deserialize)]
struct Recognised {
    pages: usize,
    wall_seconds: f64,
    cpu_seconds: f64,
}

/// So many processes share the pages of a document.
pub(super) fn processes(document: &Document, settings: &Settings) -> usize {
    settings.jobs.min(document.pages).max(1)
}

/// Recognises the document once.
pub(super) fn run(document: &Document, settings: &Settings) -> Result<Run> {
    let count = processes(document, settings);
    let command = |first: usize| {
        let mut command = Command::new(release("document-child"));
        command.args(["lower-bound", &settings.languages, &first.to_string(), &count.to_string()]).args(&document.files);
        command.env("OMP_THREAD_LIMIT", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let mut leader = interrupt::start(&mut command(0))?;
    let mut others = Others(Vec::new());
    for first in 1..count {
        others.0.push(interrupt::start_beside(&mut command(first), &leader)?);
    }
    let mut children: Vec<&mut Child> = std::iter::once(&mut leader.child).chain(&mut others.0).collect();
    let mut says = Vec::new();
    for child in &mut children {
        let mut from = BufReader::new(child.stdout.take().context("a process without a pipe")?);
        let line = line(&mut from)?;
        if line != READY {
            bail!("a process of the lower bound {}: {line}", told(child.wait()?));
        }
        says.push(from);
    }
    for child in &mut children {
        child.stdin.take().context("a process without a pipe")?.write_all(b"go\n").context("starting the lower bound")?;
    }
    let mut ended: Vec<Recognised> = Vec::new();
    for (child, mut from) in children.into_iter().zip(says) {
        let line = line(&mut from)?;
        let status = child.wait().context("waiting for the lower bound")?;
        ensure!(status.success(), "a process of the lower bound {}", told(status));
        ended.push(serde_json::from_str(&line).with_context(|| format!("the lower bound says {line:?}"))?);
    }
    drop(leader);
    together(&ended, document.pages)
}

/// What the processes say as one run.
fn together(ended: &[Recognised], pages: usize) -> Result<Run> {
    let read: usize = ended.iter().map(|one| one.pages).sum();
    ensure!(read == pages, "the lower bound read {read} of {pages} pages");
    Ok(Run {
        wall_seconds: ended.iter().map(|one| one.wall_seconds).fold(0.0, f64::max),
        cpu_seconds: ended.iter().map(|one| one.cpu_seconds).sum(),
    })
}

fn line(from: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line).context("reading from the lower bound")?;
    if interrupt::was_asked_to_stop() {
        bail!("interrupted");
    }
    Ok(line.trim_end().to_owned())
}

/// Processes that end with this.
struct Others(Vec<Child>);

impl Drop for Others {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended is no error.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_process_counts_and_no_page_is_missing() {
        let one = |pages, wall_seconds, cpu_seconds| Recognised { pages, wall_seconds, cpu_seconds };
        let run = together(&[one(2, 3.0, 2.9), one(1, 4.0, 3.9)], 3).unwrap();
        assert_eq!((run.wall_seconds, (run.cpu_seconds * 10.0).round()), (4.0, 68.0));
        assert!(together(&[one(2, 3.0, 2.9)], 3).unwrap_err().to_string().contains("2 of 3 pages"));
    }
}
