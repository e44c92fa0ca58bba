//! What must hold when all is over. It knows nothing about how a run was disturbed.

use super::{
    account::Seen,
    load::{Accepted, Known},
};

/// How often something happened, summed over every process that ever ran, as far as they were asked before they died.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// `jobs_total`.
    pub(crate) jobs_total: f64,
    /// Jobs that are final in the database.
    pub(crate) final_jobs: f64,
    /// `crpipeline_jobs_running` of the processes that still run.
    pub(crate) running: f64,
}

/// Everything that is wrong with what became of the accepted uploads; nothing, if all is well.
pub(crate) fn complaints(known: &[Known], accepted: &[Accepted], seen: &[Seen], counted: Counted) -> Vec<String> {
    let mut complaints = Vec::new();
    if seen.len() != accepted.len() {
        complaints.push(format!("{} uploads were accepted, {} were looked at", accepted.len(), seen.len()));
    }
    for (accepted, seen) in accepted.iter().zip(seen) {
        complaints.extend(of_one(&known[accepted.known], seen));
    }
    let mut jobs: Vec<&str> = accepted.iter().map(|accepted| accepted.ids.job.as_str()).collect();
    jobs.sort_unstable();
    jobs.dedup();
    if jobs.len() != accepted.len() {
        complaints.push(format!("{} uploads share {} jobs", accepted.len(), jobs.len()));
    }
    if counted.jobs_total > counted.final_jobs {
        complaints.push(format!("jobs_total is {} in all, the database has {} final jobs", counted.jobs_total, counted.final_jobs));
    }
    if counted.running != 0.0 {
        complaints.push(format!("crpipeline_jobs_running is {} although nothing runs", counted.running));
    }
    complaints
}

fn of_one(known: &Known, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    match &seen.content {
        None => wrong.push("lost: the document is not there".to_owned()),
        Some(sha256) if *sha256 != known.document.sha256 => wrong.push("the document's bytes are others".to_owned()),
        Some(_) => {}
    }
    if seen.status != "succeeded" {
        wrong.push(format!("the job is {:?}", seen.status));
    }
    wrong.extend(seen.damage.iter().cloned());
    if seen.outcome != known.outcome {
        wrong.push(difference(known, seen));
    }
    let finals = seen.events.iter().filter(|(_, name)| ["succeeded", "failed", "cancelled"].contains(&name.as_str())).count();
    if finals != 1 || seen.events.last().is_none_or(|(_, name)| name != "succeeded") {
        wrong.push(format!("{finals} final events: {:?}", seen.events));
    }
    let numbers: Vec<i64> = seen.events.iter().map(|(id, _)| *id).collect();
    if numbers != (1..=numbers.len() as i64).collect::<Vec<_>>() {
        wrong.push(format!("the numbers of events have gaps or come twice: {numbers:?}"));
    }
    wrong.into_iter().map(|what| format!("{} (job {}): {what}", known.document.name, seen.ids.job)).collect()
}

/// Where it is not what a run without faults made of the same document.
fn difference(known: &Known, seen: &Seen) -> String {
    let (expected, found) = (&known.outcome, &seen.outcome);
    if expected.pages != found.pages {
        return format!("its pages differ: {:?} instead of {:?}", found.pages, expected.pages);
    }
    if expected.artifacts != found.artifacts {
        return format!("its artifacts differ: {:?} instead of {:?}", found.artifacts, expected.artifacts);
    }
    format!("its tasks differ: {:?} {:?} instead of {:?} {:?}", found.tasks, found.stages, expected.tasks, expected.stages)
}
