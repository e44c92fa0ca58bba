//! The bucket is away for ten minutes under load: uploads are refused, tasks wait and spend no attempt, and everything goes on by
//! itself. The process has its time from a faster clock, so that the ten minutes are ten to it, by each of its clocks and waits.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crp_model::ObjectKey;
use crp_testkit::{
    Api, Server, Upload,
    fast_clock::FastClock,
    poll::{PATIENCE, until},
    s3_server::{Fault, S3Server},
    scrape::Scrape,
};
use futures_util::future::join_all;
use http::Method;

use super::{
    checker::{self, Counted},
    installation::Installation,
    load::{self, Accepted, Known},
    run::Run,
    sabotage, stops,
    storm::{look_at_all, open_jobs},
};

const PAGE_MILLISECONDS: u32 = 200;
/// How much faster the clock of the process is meanwhile. On a busy machine a twentieth of every patience has to be enough.
const RATE: u32 = 20;
/// How long the bucket is away, by the clock of the process.
const AWAY: Duration = Duration::from_secs(600);
/// The process notices an outage only when operations failed in spite of their repetitions; it has to count at least so much of it.
const NOTICED: f64 = 450.0;
/// After this time nothing is under way any more that began before the bucket counted as away: a write may be repeated for 90 seconds,
/// the last time for a minute, and one whose answer is missing is followed by a read that looks whether it was done.
const UNDER_WAY: Duration = Duration::from_secs(300);
/// Trials within ten minutes: one every 5 to 10 seconds, or every 35 where each waits 15 seconds for both of its answers.
const TRIALS: std::ops::RangeInclusive<usize> = 14..=130;
/// Longest from the bucket's return until it does not count as away any more: a trial that waits in vain for both of its answers, a
/// pause, and a trial.
const BACK_SECONDS: f64 = 40.0;

/// Runs it, once for each way of being away.
pub(crate) async fn run() {
    let mut run = Run::named("bucket_away_for_ten_minutes");
    let ways = [Fault::Status(503), Fault::Hang, Fault::Reset, Fault::Error(403, "AccessDenied")];
    let (mut jobs, mut refused, mut trials, mut waited) = (0, 0, 0, 0);
    let (mut back, mut told) = (Vec::new(), Vec::new());
    let rounds = run.size(1, ways.len() as u64).min(ways.len() as u64);
    for (number, way) in (0..rounds).zip(ways) {
        // Its clock stays ahead, which a bucket minds when it is much: each way has a process and a clock of its own.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Some(clock) = FastClock::build(folder.path()) else { return };
        let Some(installation) = installation(&clock).await else { return };
        let server = installation.start(installation.server_plan()).await;
        let api = installation.admin().await;
        let known = load::without_faults(&api, load::documents(1)).await;
        let world = World { installation: &installation, clock: &clock, server: &server, api: &api, known: &known };
        let course = Course { number, way, rate: RATE, away: AWAY, early: 10, late: 4 };
        let outage = world.play(&run, &course).await;
        run.complain(outage.complaints());
        run.complain(outage.too_short());
        run.complain(world.complaints(&outage.accepted).await);
        jobs += outage.accepted.len() as u64;
        refused += outage.refusals.len() as u64;
        trials += outage.trials as u64;
        waited += outage.waiting as u64;
        back.push(outage.back);
        told.push(outage.told_seconds);
        if number == 0 {
            let course = Course { number: rounds, way: Fault::Hang, rate: 1, away: Duration::from_secs(30), early: 3, late: 1 };
            let short = world.play(&run, &course).await;
            run.control("the same with a clock as slow as ours", &short.too_short());
            sabotage::without_a_document(&mut run, &api, &known, &outage.accepted[0]).await;
            stops::killed_instead(&mut run, &installation, &api, &known, server).await;
        }
    }
    run.did("outages of ten minutes", rounds);
    run.did("jobs", jobs);
    run.did("uploads that were refused and sent again", refused);
    run.did("trials", trials);
    run.did("tasks that waited to its end", waited);
    let longest = back.iter().max().map_or(f64::NAN, Duration::as_secs_f64);
    let shortest = told.into_iter().fold(f64::INFINITY, f64::min);
    run.figure("an outage as the process tells it, shortest", shortest, "s", None);
    run.figure("from the bucket's return until it does not count as away any more, longest", longest, "s", Some(BACK_SECONDS));
    run.end();
}

async fn installation(clock: &FastClock) -> Option<Installation> {
    let mut installation = Installation::one_process_on_s3(PAGE_MILLISECONDS).await?;
    for (name, value) in clock.environment() {
        installation.set(name, value);
    }
    installation.set("CRPIPELINE_PAGES_PER_TASK", "3");
    // Six seconds of ours: the machine may stand still for a moment, and who lets a lease run out spends an attempt.
    installation.set("CRPIPELINE_LEASE_SECONDS", "120");
    Some(installation)
}

struct World<'a> {
    installation: &'a Installation,
    clock: &'a FastClock,
    server: &'a Server,
    api: &'a Api,
    known: &'a [Known],
}

/// How an outage is to go.
struct Course {
    /// Another one has other documents.
    number: u64,
    way: Fault,
    /// How much faster the clock of the process is.
    rate: u32,
    /// How long the bucket is away by that clock.
    away: Duration,
    /// Uploads before it, and uploads that are sent again and again meanwhile.
    early: u64,
    late: u64,
}

/// What was seen of an outage.
#[derive(Default)]
struct Outage {
    accepted: Vec<Accepted>,
    /// What is wrong with each upload that was refused; mostly nothing.
    refusals: Vec<Option<String>>,
    /// Uploads that were taken while the bucket counted as away.
    taken: usize,
    /// How long it was away, as the process told.
    told_seconds: f64,
    trials: usize,
    /// Requests that were no trials although the bucket counted as away.
    others: Vec<String>,
    /// Tasks that waited when the bucket came back, and tasks that were worked on although it was away.
    waiting: f64,
    running: f64,
    /// From its return until it did not count as away any more, by our clock.
    back: Duration,
}

impl Outage {
    /// Everything that should have been otherwise while the bucket was away.
    fn complaints(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self.refusals.iter().flatten().cloned().collect();
        if self.refusals.is_empty() {
            wrong.push("no upload was refused".to_owned());
        }
        if self.taken > 0 {
            wrong.push(format!("{} uploads were taken although their bytes had no place", self.taken));
        }
        if self.waiting < 1.0 || self.running > 0.0 {
            wrong.push(format!("at its end {} tasks waited and {} were worked on", self.waiting, self.running));
        }
        wrong.extend(self.others.iter().map(|request| format!("sent although the bucket counted as away: {request}")));
        wrong
    }

    /// What tells that it was no outage of ten minutes to the process, by its clock and by its waits.
    fn too_short(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.told_seconds.is_nan() || self.told_seconds < NOTICED {
            wrong.push(format!("to the process the outage lasted {} s", self.told_seconds));
        }
        if !TRIALS.contains(&self.trials) {
            wrong.push(format!("{} trials were sent", self.trials));
        }
        wrong
    }
}

/// What the lanes of uploads and the outage tell each other.
#[derive(Default)]
struct Board {
    is_away: AtomicBool,
    refusals: Mutex<Vec<Option<String>>>,
    /// Uploads that were taken while it was away.
    taken: AtomicUsize,
}

impl World<'_> {
    fn s3(&self) -> &S3Server {
        self.installation.s3.as_ref().expect("a bucket")
    }

    /// Uploads, has the bucket away for a while, and waits until everything has gone on.
    async fn play(&self, run: &Run, course: &Course) -> Outage {
        let (mut chance, number) = (run.chance(course.number), course.number);
        let mut picks = |count: u64| -> Vec<usize> { (0..count).map(|_| load::pick(self.known, &mut chance)).collect() };
        let (early, late) = (picks(course.early), picks(course.late));
        let mut outage = Outage::default();
        for (at, known) in early.iter().enumerate() {
            let ids = load::upload(self.api, &self.known[*known].document, &format!("early-{number}-{at}")).await;
            outage.accepted.push(Accepted { known: *known, ids });
        }
        until("work to run", PATIENCE, async || (!self.server.readers().is_empty()).then_some(())).await;
        let board = Board::default();
        let lanes = join_all(late.iter().enumerate().map(|(at, known)| self.upload(&board, *known, format!("late-{number}-{at}"))));
        let ((), accepted) = tokio::join!(self.be_away(&board, &mut outage, course), lanes);
        outage.accepted.extend(accepted);
        until("the jobs to end", PATIENCE, async || open_jobs(self.api).await.filter(|(open, _)| *open == 0)).await;
        outage.refusals = board.refusals.into_inner().unwrap_or_else(PoisonError::into_inner);
        outage.taken = board.taken.into_inner();
        outage
    }

    /// Takes the bucket away, notes what happens meanwhile, and brings it back.
    async fn be_away(&self, board: &Board, outage: &mut Outage, course: &Course) {
        let (s3, log) = (self.s3(), self.server.log().len());
        let (begin, sent) = (self.clock.now(), s3.recorded());
        s3.fail_all(Some(course.way));
        self.clock.run(course.rate);
        until("the bucket to count as away", PATIENCE, async || {
            (self.server.scrape().await.value("crpipeline_storage_breaker_open", &[]) == 1.0).then_some(())
        })
        .await;
        board.is_away.store(true, Ordering::SeqCst);
        let quiet_from = self.clock.now() + UNDER_WAY;
        let mut quiet = None;
        until("the outage to pass", PATIENCE, async || {
            let now = self.clock.now();
            if now >= quiet_from && quiet.is_none() {
                quiet = Some(s3.recorded());
            }
            (now - begin >= course.away).then_some(())
        })
        .await;
        let scrape = self.server.scrape().await;
        let tasks = |state| scrape.value("crpipeline_queue_jobs", &[("state", state)]);
        (outage.waiting, outage.running) = (tasks("queued") + tasks("retry"), tasks("running"));
        let record = s3.record();
        let is_trial = |uri: &http::Uri| uri.path().ends_with(ObjectKey::probe().as_str());
        outage.trials = record[sent..].iter().filter(|request| is_trial(&request.uri) && request.method == Method::PUT).count();
        let after = &record[quiet.unwrap_or(record.len())..];
        outage.others = after.iter().filter(|request| !is_trial(&request.uri)).map(|one| format!("{} {}", one.method, one.uri)).collect();
        board.is_away.store(false, Ordering::SeqCst);
        // From here on it has to go on by itself, at the usual pace.
        self.clock.run(1);
        s3.fail_all(None);
        let returned = Instant::now();
        let told = async || self.server.log()[log..].split("The object storage is back after ").nth(1).map(str::to_owned);
        let told = until("the bucket to be back", PATIENCE, told).await;
        outage.back = returned.elapsed();
        outage.told_seconds = told.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::NAN);
    }

    /// Uploads as often as it is told to come back, and not before.
    async fn upload(&self, board: &Board, known: usize, key: String) -> Accepted {
        let document = &self.known[known].document;
        let upload = Upload::of(&document.name, &document.bytes).through(document.pipeline).keyed(&key);
        let mut next = Duration::ZERO;
        let accepted = async || {
            if self.clock.now() < next {
                return None;
            }
            let was_away = board.is_away.load(Ordering::SeqCst);
            let answer = self.api.upload(&upload).await;
            if answer.status == 202 {
                board.taken.fetch_add(usize::from(was_away), Ordering::SeqCst);
                return Some(answer.ids());
            }
            let seconds = answer.header("retry-after").parse::<u32>().ok().filter(|seconds| *seconds > 0);
            let is_well = answer.status == 503 && answer.problem_code() == "storage_unavailable" && seconds.is_some();
            let wrong =
                (!is_well).then(|| format!("an upload was answered with {} and Retry-After {seconds:?}: {}", answer.status, answer.text()));
            board.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(wrong);
            next = self.clock.now() + Duration::from_secs(seconds.unwrap_or(1).into());
            None
        };
        let ids = until("an upload to be taken", PATIENCE * 2, accepted).await;
        Accepted { known, ids }
    }

    /// Everything that is wrong when all is over: with the jobs, with their attempts, with what was counted.
    async fn complaints(&self, accepted: &[Accepted]) -> Vec<String> {
        let scrape = self.server.settled().await;
        let (_, all) = until("the figures", PATIENCE, async || open_jobs(self.api).await).await;
        let counted = Counted { jobs_total: scrape.sum("jobs_total"), final_jobs: all as f64, running: 0.0 };
        let seen = look_at_all(self.api, accepted).await;
        let mut wrong = checker::complaints(self.known, accepted, &seen, counted);
        wrong.extend(stops::spent(&seen));
        wrong.extend(counted_for_nothing(&scrape));
        wrong.extend(self.installation.leftovers(&[]).await);
        wrong
    }
}

/// Counters that an outage does not move, and the gauge that says that it is over.
fn counted_for_nothing(scrape: &Scrape) -> Vec<String> {
    let still = ["crpipeline_job_retries_total", "crpipeline_job_lease_expired_total", "crpipeline_job_failures_total"];
    let moved = still.into_iter().chain(["crpipeline_storage_breaker_open"]).filter(|name| scrape.sum(name) != 0.0);
    moved.map(|name| format!("{name} is {}", scrape.sum(name))).collect()
}
