//! Claim and complete, each committed, by several callers at once, while many tasks wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crp_model::WorkerId;
use crp_store::{Store, StoreError, tasks};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{Outcome, Target, fill, raw::Raw, spread::spread, tell};

/// Which depths, and how many callers at each.
#[derive(Deserialize)]
pub(crate) struct Plan {
    organizations: u32,
    depths: Vec<Depth>,
    /// The longest that one measurement takes.
    seconds: u64,
}

/// A number of waiting tasks, at least as large as the one before.
#[derive(Deserialize)]
struct Depth {
    waiting: u64,
    callers: Vec<u32>,
}

const LEASE: Duration = Duration::from_secs(600);

pub(crate) async fn measure(target: &Target, plan: &Plan) -> Outcome<()> {
    let most = plan.depths.iter().flat_map(|depth| &depth.callers).copied().max().unwrap_or(1);
    let store = target.open(most).await?;
    let mut raw = Raw::connect(target).await?;
    fill::organizations(&store, plan.organizations).await?;
    let mut jobs = 0;
    for depth in &plan.depths {
        let wanted = (depth.waiting / fill::PAGES).max(1);
        eprintln!("{}: {} organizations, {} tasks waiting …", target.engine(), plan.organizations, depth.waiting);
        // Slices, so that no transaction grows without bound.
        while jobs < wanted {
            let next = wanted.min(jobs + 10_000);
            fill::waiting(&mut raw, plan.organizations, jobs + 1, next).await?;
            jobs = next;
        }
        raw.settle().await?;
        for &callers in &depth.callers {
            let most = if depth.waiting < 10_000 { depth.waiting / 2 / depth.callers.len() as u64 } else { u64::MAX };
            let run = all_callers(&store, callers, most, Duration::from_secs(plan.seconds)).await?;
            tell(&run.told(target, plan.organizations, depth.waiting, callers));
        }
    }
    store.close().await;
    Ok(())
}

/// What callers did together.
struct Run {
    elapsed: Duration,
    claims: Vec<Duration>,
    completions: Vec<Duration>,
}

impl Run {
    fn told(mut self, target: &Target, organizations: u32, waiting: u64, callers: u32) -> serde_json::Value {
        json!({
            "measure": "claims", "engine": target.engine(), "organizations": organizations, "waiting": waiting, "callers": callers,
            "tasks": self.completions.len(), "tasks_per_second": self.completions.len() as f64 / self.elapsed.as_secs_f64(),
            "claim_ms": spread(&mut self.claims), "complete_ms": spread(&mut self.completions),
        })
    }
}

async fn all_callers(store: &Store, callers: u32, most: u64, longest: Duration) -> Outcome<Run> {
    let started = Instant::now();
    let taken = Arc::new(AtomicU64::new(0));
    let running: Vec<_> = (0..callers).map(|_| tokio::spawn(caller(store.clone(), taken.clone(), most, started + longest))).collect();
    let (mut claims, mut completions) = (Vec::new(), Vec::new());
    for one in running {
        let (claimed, completed) = one.await?.map_err(|error| error.failure().to_string())?;
        claims.extend(claimed);
        completions.extend(completed);
    }
    Ok(Run { elapsed: started.elapsed(), claims, completions })
}

/// Claims pages and completes them until the time or the tasks are over. What became ready by a completion, the assembly of a whole
/// document, is left where it is: it waits behind the others.
async fn caller(store: Store, taken: Arc<AtomicU64>, most: u64, until: Instant) -> Result<(Vec<Duration>, Vec<Duration>), StoreError> {
    let worker = WorkerId::new(store.ambient());
    let (mut claims, mut completions) = (Vec::new(), Vec::new());
    while Instant::now() < until && taken.fetch_add(1, Ordering::Relaxed) < most {
        let started = Instant::now();
        let Some(task) = tasks::claim(&store, worker, LEASE).await? else { break };
        claims.push(started.elapsed());
        let started = Instant::now();
        tasks::finish_pages(&store, &task).await?;
        completions.push(started.elapsed());
    }
    Ok((claims, completions))
}
