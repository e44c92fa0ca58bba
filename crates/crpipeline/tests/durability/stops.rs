//! SIGTERM under load: the process ends within its grace period and a second, no attempt is spent, nothing is lost.

use std::time::Instant;

use crp_testkit::{
    Api, Server,
    poll::{PATIENCE, until},
};

use super::{
    account::Seen,
    checker::{self, Counted},
    installation::{Installation, SetUp, answers},
    load::{self, Accepted, Known},
    run::Run,
    storm::{look_at_all, open_jobs},
};

/// Some tasks end within the grace period, some do not.
const PAGE_MILLISECONDS: u32 = 300;
const GRACE_SECONDS: f64 = 1.0;

/// Runs it.
pub(crate) async fn run(name: &str, set_up: SetUp) {
    let mut run = Run::named(name);
    let Some(mut installation) = Installation::new(set_up, PAGE_MILLISECONDS).await else { return };
    installation.set("CRPIPELINE_SHUTDOWN_GRACE_SECONDS", GRACE_SECONDS.to_string());
    let server = installation.start(installation.server_plan()).await;
    let other = match set_up {
        SetUp::Distributed => Some(installation.start(installation.worker_plan()).await),
        SetUp::OneProcess => None,
    };
    let api = installation.admin().await;
    let known = load::without_faults(&api, load::documents(1)).await;
    // In the distributed set-up the server stays, and its worker is stopped.
    let (_server, mut stopped) = match other {
        Some(worker) => (Some(server), worker),
        None => (None, server),
    };
    let (mut accepted, mut took) = (Vec::new(), Vec::new());
    let rounds = run.size(3, 100);
    let mut chance = run.chance(0);
    for round in 0..rounds {
        for number in 0..3 {
            let at = load::pick(&known, &mut chance);
            let ids = load::upload(&api, &known[at].document, &format!("stops-{round}-{number}")).await;
            accepted.push(Accepted { known: at, ids });
        }
        until("work to run", PATIENCE, async || (!stopped.readers().is_empty()).then_some(())).await;
        let asked = Instant::now();
        let status = stopped.terminate().await;
        took.push(asked.elapsed());
        if !status.success() {
            run.complain(vec![format!("asked to stop, it ended with {status}")]);
        }
        stopped = installation.start(installation.worker_plan()).await;
        answers(&api).await;
    }
    until("the jobs to end", PATIENCE * 4, async || open_jobs(&api).await.filter(|(open, _)| *open == 0)).await;
    let seen = look_at_all(&api, &accepted).await;
    run.did("stops", rounds);
    run.did("jobs", accepted.len() as u64);
    let most = took.iter().max().map_or(f64::NAN, std::time::Duration::as_secs_f64);
    run.spread("from SIGTERM to the end of the process", took, None);
    run.figure("from SIGTERM to the end of the process, longest", most, "s", Some(GRACE_SECONDS + 1.0));
    run.complain(checker::complaints(&known, &accepted, &seen, Counted::default()));
    run.complain(spent(&seen));
    killed_instead(&mut run, &installation, &api, &known, stopped).await;
    run.end();
}

/// Attempts that were spent although nothing failed.
pub(crate) fn spent(seen: &[Seen]) -> Vec<String> {
    let several = seen.iter().filter(|seen| seen.attempts.iter().any(|attempts| *attempts != 1));
    several.map(|seen| format!("job {}: attempts of its stages: {:?}", seen.ids.job, seen.attempts)).collect()
}

/// Control: a process that is killed instead of asked spends an attempt.
pub(crate) async fn killed_instead(run: &mut Run, installation: &Installation, api: &Api, known: &[Known], server: Server) {
    let ids = load::upload(api, &known[0].document, "killed-instead").await;
    until("work to run", PATIENCE, async || (!server.readers().is_empty()).then_some(())).await;
    server.kill_9().await;
    let _server = installation.start(installation.worker_plan()).await;
    answers(api).await;
    api.succeeded_job(&ids.job).await;
    run.control("a process was killed instead of asked", &spent(&look_at_all(api, &[Accepted { known: 0, ids }]).await));
}
