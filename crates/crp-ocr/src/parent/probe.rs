//! Asks a child what this machine can do: which engine there is, and how well a child is locked in.

use crp_model::{Failure, Limits, SandboxRequirement};

use super::{
    patience, plausible,
    process::{ChildProcess, Patience},
};
use crate::{
    ChildCommand, EngineProbe, SandboxLevel,
    protocol::{Answer, Request, Task},
};

/// A process that is only asked what it can do gets this long.
const PROBE_SECONDS: u64 = 30;

/// Asks, in a child, what Tesseract there is.
///
/// # Errors
/// `tesseract_missing`, `language_missing` if there is no language data at all, and those of a process that misbehaves.
pub async fn probe_engine(command: &ChildCommand) -> Result<EngineProbe, Failure> {
    let (mut process, patience, answer) = probe(command, Task::ProbeEngine, "looking for Tesseract").await?;
    match answer {
        Answer::Engine(probe) => Ok(EngineProbe {
            version: plausible::text(&probe.version),
            data_path: plausible::text(&probe.data_path),
            languages: probe.languages.iter().map(|l| plausible::text(l)).collect(),
            sandbox: probe.sandbox,
        }),
        _ => Err(process.answer_invalid("another answer than to the probe", &patience).await),
    }
}

/// Asks a child how well it is locked in on this machine; needs no Tesseract.
///
/// # Errors
/// Those of a process that misbehaves.
pub async fn probe_sandbox(command: &ChildCommand) -> Result<SandboxLevel, Failure> {
    let (mut process, patience, answer) = probe(command, Task::ProbeSandbox, "trying the sandbox").await?;
    match answer {
        Answer::Started { sandbox } => Ok(sandbox),
        _ => Err(process.answer_invalid("another answer than to the probe", &patience).await),
    }
}

async fn probe(command: &ChildCommand, task: Task, doing: &str) -> Result<(ChildProcess, Patience, Answer), Failure> {
    let mut process = ChildProcess::start(command, None).await?;
    let patience = patience(PROBE_SECONDS, doing);
    let answer =
        process.ask(&Request::Start { task, limits: Limits::default(), sandbox: SandboxRequirement::BestEffort }, &patience).await?;
    Ok((process, patience, answer.message))
}
