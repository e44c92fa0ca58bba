//! `kill -9` of every process again and again, at steps of the work that chance picks, while documents are uploaded.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crp_testkit::{
    Api, Server,
    poll::{PATIENCE, until, within},
    scrape::Scrape,
};
use futures_util::{StreamExt as _, future::join_all, stream};
use http::Method;

use super::{
    account::{self, Seen},
    checker::{self, Counted},
    installation::{Installation, KILL_AT, SetUp, answers},
    load::{self, Accepted, Known},
    run::{Chance, Run},
    sabotage,
};

/// Jobs that wait or run at a time; more are not uploaded meanwhile.
const BACKLOG: u64 = 40;
/// How long the engine takes for a page.
const PAGE_MILLISECONDS: u32 = 20;
/// Workers of the distributed set-up.
const WORKERS: usize = 3;
/// Steps of the work with the most times that a process reaches one before it dies there: about two jobs.
const STEPS: [(&str, u64); 7] = [
    ("claimed", 10),
    ("page_read", 8),
    ("page_object_written", 8),
    ("page_row_written", 8),
    ("artifacts_written", 4),
    ("before_commit", 10),
    ("after_commit", 10),
];

/// Runs it.
pub(crate) async fn run(name: &str, set_up: SetUp) {
    let mut run = Run::named(name);
    let Some(mut installation) = Installation::new(set_up, PAGE_MILLISECONDS).await else { return };
    // Ranges of three pages, so that documents fan out. A task that chance kills again and again must not be taken for one that
    // kills its worker; that such a one is given up is another run's matter.
    installation.set("CRPIPELINE_PAGES_PER_TASK", "3");
    installation.set("CRPIPELINE_MAX_ATTEMPTS", "100");
    let storm = Storm::new(&installation, run.size(30, 1000), run.size(40, 2000));
    let (known, api) = storm.prepare(run.size(1, 4) as usize).await;
    let survivors = storm.rage(&run, &api, &known).await;
    run.did("jobs", storm.accepted.lock().map_or(0, |accepted| accepted.len() as u64));
    run.did("kills", storm.kills.load(Ordering::SeqCst));
    run.did("kills of the server", storm.server_kills.load(Ordering::SeqCst));
    let accepted = std::mem::take(&mut *locked(&storm.accepted));
    let counted = storm.counted(&api, &survivors).await;
    let seen = look_at_all(&api, &accepted).await;
    run.complain(checker::complaints(&known, &accepted, &seen, counted));
    run.complain(std::mem::take(&mut *locked(&storm.mishaps)));
    let pids = locked(&storm.pids).clone();
    run.complain(installation.leftovers(&pids).await);
    sabotage::controls(&mut run, &installation, &api, &known, &accepted, counted).await;
    drop(survivors);
    run.end();
}

/// Everything about every job.
pub(crate) async fn look_at_all(api: &Api, accepted: &[Accepted]) -> Vec<Seen> {
    stream::iter(accepted).map(|accepted| account::look_at(api, &accepted.ids)).buffered(4).collect().await
}

/// Jobs that are not final, and all jobs; `None` while the server is away.
pub(crate) async fn open_jobs(api: &Api) -> Option<(u64, u64)> {
    let answer = api.try_send(api.request(Method::GET, "/api/v1/overview")).await.ok().filter(|answer| answer.status == 200)?;
    let jobs = answer.json()["jobs"].clone();
    let of = |state: &str| jobs[state].as_u64().unwrap_or_default();
    let open = of("queued") + of("running");
    Some((open, open + of("succeeded") + of("failed") + of("cancelled")))
}

struct Storm<'a> {
    installation: &'a Installation,
    kills_wanted: u64,
    jobs_wanted: u64,
    kills: AtomicU64,
    server_kills: AtomicU64,
    begun: AtomicU64,
    over: AtomicBool,
    accepted: Mutex<Vec<Accepted>>,
    /// The last `jobs_total` of every process that ever ran.
    last_counts: Mutex<Vec<f64>>,
    pids: Mutex<Vec<u32>>,
    mishaps: Mutex<Vec<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Storm<'a> {
    fn new(installation: &'a Installation, kills_wanted: u64, jobs_wanted: u64) -> Self {
        Self {
            installation,
            kills_wanted,
            jobs_wanted,
            kills: AtomicU64::new(0),
            server_kills: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            over: AtomicBool::new(false),
            accepted: Mutex::default(),
            last_counts: Mutex::default(),
            pids: Mutex::default(),
            mishaps: Mutex::default(),
        }
    }

    /// Runs every document once without faults.
    async fn prepare(&self, copies: usize) -> (Vec<Known>, Api) {
        let server = self.installation.start(self.installation.server_plan()).await;
        let worker = match self.installation.set_up {
            SetUp::Distributed => Some(self.installation.start(self.installation.worker_plan()).await),
            SetUp::OneProcess => None,
        };
        let api = self.installation.admin().await;
        let known = load::without_faults(&api, load::documents(copies)).await;
        let last = worker.as_ref().unwrap_or(&server);
        let counted = last.settled().await.sum("jobs_total");
        locked(&self.last_counts).push(counted);
        if let Some(worker) = &worker {
            worker.terminate().await;
        }
        server.terminate().await;
        (known, api)
    }

    /// Uploads, kills and restarts until enough was done and everything is final; gives the processes that run then.
    async fn rage(&self, run: &Run, api: &Api, known: &[Known]) -> Vec<Server> {
        let workers = if self.installation.set_up == SetUp::Distributed { WORKERS } else { 1 };
        let seats = join_all((0..workers).map(|seat| self.work(run.chance(seat as u64))));
        let server = async {
            match self.installation.set_up {
                SetUp::Distributed => Some(self.serve(run.chance(10)).await),
                SetUp::OneProcess => None,
            }
        };
        let load = async {
            join_all((0..2).map(|lane| self.upload(run, api, known, run.chance(20 + lane)))).await;
            let all_final = within(PATIENCE * 2, async || open_jobs(api).await.filter(|(open, _)| *open == 0)).await;
            if all_final.is_none() {
                let left = open_jobs(api).await;
                locked(&self.mishaps).push(format!("jobs that never end: {left:?}"));
            }
            self.over.store(true, Ordering::SeqCst);
        };
        let (mut survivors, server, ()) = tokio::join!(seats, server, load);
        survivors.extend(server);
        survivors
    }

    fn goes_on(&self) -> bool {
        self.kills.load(Ordering::SeqCst) < self.kills_wanted
    }

    /// One lane of uploads.
    async fn upload(&self, run: &Run, api: &Api, known: &[Known], mut chance: Chance) {
        loop {
            let number = self.begun.fetch_add(1, Ordering::SeqCst);
            if number >= self.jobs_wanted && (!self.goes_on() || number >= self.jobs_wanted * 3) {
                return;
            }
            until("the backlog to become smaller", PATIENCE * 2, async || open_jobs(api).await.filter(|(open, _)| *open < BACKLOG)).await;
            let at = load::pick(known, &mut chance);
            let ids = load::upload(api, &known[at].document, &format!("storm-{}-{number}", run.chance(number).below(u64::MAX))).await;
            locked(&self.accepted).push(Accepted { known: at, ids });
        }
    }

    /// One place for a process that works: killed at a step, the next one takes its place.
    async fn work(&self, mut chance: Chance) -> Server {
        loop {
            let (step, most) = *chance.pick(&STEPS);
            let at = if self.goes_on() { format!("{step}:{}", 1 + chance.below(most)) } else { String::new() };
            match self.installation.start_or_end(self.installation.worker_plan().env(KILL_AT, at)).await {
                Err(log) => self.died(&log),
                Ok(server) => match self.watch(&server).await {
                    true => return server,
                    false => self.died(&server.log()),
                },
            }
        }
    }

    /// Notes what a process counts until it dies (false) or all is over (true).
    async fn watch(&self, server: &Server) -> bool {
        let client = Api::anonymous("");
        let slot = {
            locked(&self.pids).push(server.pid());
            let mut counts = locked(&self.last_counts);
            counts.push(0.0);
            counts.len() - 1
        };
        loop {
            if within(Duration::from_millis(200), async || (!server.is_alive()).then_some(())).await.is_some() {
                return false;
            }
            if let Ok(answer) = client.try_send(client.request(Method::GET, server.metrics_url())).await
                && answer.status == 200
            {
                locked(&self.last_counts)[slot] = Scrape::parse(&answer.text()).sum("jobs_total");
            }
            if self.over.load(Ordering::SeqCst) {
                return true;
            }
        }
    }

    fn died(&self, log: &str) {
        self.kills.fetch_add(1, Ordering::SeqCst);
        if !log.contains("killed at step") {
            let tail: String = log.lines().rev().take(5).collect::<Vec<_>>().join(" / ");
            locked(&self.mishaps).push(format!("a process ended although nobody killed it: {tail}"));
        }
    }

    /// The place of the server without a worker: killed while uploads are under way, after every few of them.
    async fn serve(&self, mut chance: Chance) -> Server {
        loop {
            let server = self.installation.start(self.installation.server_plan()).await;
            locked(&self.pids).push(server.pid());
            let next = locked(&self.accepted).len() as u64 + 8 + chance.below(24);
            let is_due = async || {
                let due = locked(&self.accepted).len() as u64 >= next && self.goes_on();
                (due || self.over.load(Ordering::SeqCst)).then_some(())
            };
            until("enough uploads", PATIENCE * 20, is_due).await;
            if self.over.load(Ordering::SeqCst) {
                return server;
            }
            server.kill_9().await;
            self.kills.fetch_add(1, Ordering::SeqCst);
            self.server_kills.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn counted(&self, api: &Api, survivors: &[Server]) -> Counted {
        answers(api).await;
        let (open, all) = until("the figures", PATIENCE, async || open_jobs(api).await).await;
        let mut counted = Counted { final_jobs: (all - open) as f64, ..Counted::default() };
        // The last counts are those of a moment ago; what was counted since cannot be more than the database has either.
        for server in survivors {
            let idle = async || Some(server.scrape().await).filter(|scrape| scrape.value("crpipeline_jobs_running", &[]) == 0.0);
            let _ = within(Duration::from_secs(20), idle).await;
            counted.running += server.scrape().await.value("crpipeline_jobs_running", &[]);
        }
        counted.jobs_total = locked(&self.last_counts).iter().sum();
        counted
    }
}
