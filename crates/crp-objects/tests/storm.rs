//! A storm: a third of all requests fail in every way that is known. In the end every operation has ended well, no byte is another,
//! and the counter of errors is what the server's own record of its faults says it must be.

#[path = "storm/record.rs"]
mod record;
#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, ManualClock, ObjectKey, Sha256Hash, Timestamp};
use crp_objects::{Objects, PutError};
use crp_testkit::s3_server::{Fault, S3Server};
use futures_util::TryStreamExt;
use record::{Doing, Prediction};
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, read_all, settings, some_bytes};

/// Tasks at the same time, and the rounds of each.
const TASKS: usize = 6;
const ROUNDS: usize = 8;
/// One small and one of several parts, in bytes.
const SMALL: usize = 5000;
const LARGE: usize = 9 * MEBIBYTE;
/// More repetitions than chance asks for.
const PATIENCE: usize = 100;

const FAULTS: [Fault; 14] = [
    Fault::Status(503),
    Fault::Status(500),
    Fault::Status(429),
    Fault::Reset,
    Fault::ResetWhile,
    Fault::LoseAnswer,
    Fault::TruncateBody,
    Fault::FlipByte,
    Fault::FlipUpload,
    Fault::Trickle,
    Fault::Hang,
    Fault::Error(400, "ExpiredToken"),
    Fault::Error(403, "RequestTimeTooSkewed"),
    Fault::Error(404, "NoSuchBucket"),
];

/// One call of an operation.
struct Call {
    doing: Doing,
    /// Key or prefix; nobody else has it.
    name: String,
    /// The requests between its begin and its end, those of others among them.
    requests: Range<usize>,
    ended: Result<(), Failure>,
}

/// What a task works with.
#[derive(Clone)]
struct Sailor {
    s: Arc<Setup>,
    clock: Arc<ManualClock>,
    work: Arc<tempfile::TempDir>,
}

impl Sailor {
    /// Repeats an operation until it has ended well.
    async fn insist(&self, calls: &mut Vec<Call>, doing: Doing, name: String) {
        for _ in 0..PATIENCE {
            let begin = self.s.server().recorded();
            let ended = self.once(doing, &name).await;
            let is_well = ended.is_ok();
            calls.push(Call { doing, name: name.clone(), requests: begin..self.s.server().recorded(), ended });
            if is_well {
                return;
            }
            // Left alone until a trial has found it back; the pause between trials passes at once.
            while self.s.objects.away().is_some() {
                self.clock.advance(Duration::from_secs(6));
                tokio::task::yield_now().await;
            }
        }
        panic!("{doing:?} {name} never ended well: {:?}", calls.last().map(|call| &call.ended));
    }

    async fn once(&self, doing: Doing, name: &str) -> Result<(), Failure> {
        let (objects, key) = (&self.s.objects, key(name));
        match doing {
            Doing::Put => objects.put_bytes(&key, some_bytes(SMALL)).await.map(drop),
            Doing::Create => storage_of(objects.put_stream(&key, in_odd_chunks(some_bytes(SMALL)), u64::MAX).await),
            Doing::Parts => storage_of(objects.put_stream(&key, in_odd_chunks(some_bytes(LARGE)), u64::MAX).await),
            Doing::Fetch => self.fetch(&key).await,
            Doing::Head => objects.head(&key).await.map(|size| assert_eq!(size, Some(SMALL as u64))),
            Doing::Delete => objects.delete(&key).await,
            Doing::List => objects.list(name).try_collect::<Vec<_>>().await.map(|found| assert_eq!(found.len(), 2, "{name}")),
        }
    }

    async fn fetch(&self, key: &ObjectKey) -> Result<(), Failure> {
        let bytes = some_bytes(SMALL);
        let path = self.work.path().join(key.as_str().replace('/', "-"));
        self.s.objects.fetch_to(key, &path, Some((SMALL as u64, Sha256Hash::of(&bytes)))).await?;
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        Ok(())
    }
}

fn storage_of<T>(result: Result<T, PutError>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(PutError::Storage(failure)) => Err(failure),
        Err(other) => panic!("not the storage: {other}"),
    }
}

async fn sail(sailor: Sailor, task: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    for round in 0..ROUNDS {
        let folder = format!("organizations/t{task}r{round}/");
        let [put, created, parts] = ["put", "created", "parts"].map(|name| format!("{folder}{name}"));
        sailor.insist(&mut calls, Doing::Put, put.clone()).await;
        sailor.insist(&mut calls, Doing::Create, created.clone()).await;
        sailor.insist(&mut calls, Doing::Fetch, put.clone()).await;
        sailor.insist(&mut calls, Doing::Fetch, created.clone()).await;
        sailor.insist(&mut calls, Doing::Head, put.clone()).await;
        sailor.insist(&mut calls, Doing::List, folder).await;
        sailor.insist(&mut calls, Doing::Delete, created).await;
        if task == 0 && round % 4 == 0 {
            sailor.insist(&mut calls, Doing::Parts, parts).await;
        }
    }
    calls
}

/// Sails through one storm with clients that try `attempts` times.
///
/// # Errors
/// What is not as the server's record says it must be.
async fn storm(seed: u64, attempts: u32) -> Result<(), String> {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let (ambient, clock) = Ambient::manual(Timestamp(1_700_000_000_000_000), seed);
    let mut settings = settings(&server);
    settings.retry.max_attempts = attempts;
    settings.retry.attempt_timeout = Duration::from_secs(3);
    let objects = Objects::open_s3(settings, metrics.clone(), ambient).unwrap();
    let s = Arc::new(Setup { objects, metrics, server: Some(server), folder: None });
    s.server().storm(seed, 30, &FAULTS);
    let sailor = Sailor { s: s.clone(), clock, work: Arc::new(tempfile::tempdir().unwrap()) };
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(sail(sailor.clone(), task))).collect();
    let mut calls = Vec::new();
    for task in tasks {
        calls.extend(task.await.unwrap());
    }
    let requests = s.server().recorded();
    s.server().fail_all(None);
    s.objects.probe().await.unwrap();
    untouched_bytes(&s).await;
    judge(&s, &calls, requests)
}

/// All that was stored is what a calm day would have left.
async fn untouched_bytes(s: &Setup) {
    let far_away = Ambient::system().now().plus(Duration::from_secs(3600));
    s.objects.sweep_partial(far_away).await.unwrap();
    assert_eq!(s.leftovers().await, 0);
    let mut found: Vec<String> = s.all().await.into_iter().map(|listed| listed.key.as_str().to_owned()).collect();
    found.retain(|name| name.starts_with("organizations/"));
    let mut wanted: Vec<String> = (0..TASKS).flat_map(|t| (0..ROUNDS).map(move |r| format!("organizations/t{t}r{r}/put"))).collect();
    wanted.extend((0..ROUNDS).step_by(4).map(|round| format!("organizations/t0r{round}/parts")));
    wanted.sort();
    assert_eq!(found, wanted);
    for name in found {
        let size = if Path::new(&name).ends_with("parts") { LARGE } else { SMALL };
        assert!(read_all(&s.objects, &key(&name)).await.unwrap() == some_bytes(size), "{name}");
    }
}

/// Compares every call and the counter with the record.
fn judge(s: &Setup, calls: &[Call], requests: usize) -> Result<(), String> {
    let record = s.server().record();
    let mut errors = record::errors_of_trials(&record[..requests]);
    let (mut repeated, mut refused) = (0, 0);
    for call in calls {
        let own = record::of(&record[call.requests.clone()], &call.name);
        let (predicted, of_storage) = record::predict(call.doing, &own);
        for label in of_storage {
            *errors.entry(label).or_default() += 1;
        }
        let came = match &call.ended {
            Ok(()) => Prediction::Well,
            Err(failure) if failure.message.contains("away since") => Prediction::Refused,
            Err(failure) if failure.code == Code::StorageUnavailable => Prediction::Failed,
            Err(_) => Prediction::Damaged,
        };
        if came != predicted {
            return Err(format!("{:?} {} was to be {predicted:?} and ended {:?}: {own:#?}", call.doing, call.name, call.ended));
        }
        repeated += u32::from(call.ended.is_err());
        refused += u32::from(came == Prediction::Refused);
    }
    let counted: BTreeMap<&str, u64> = s.errors().into_iter().collect();
    println!(
        "{} calls, {requests} requests, {} faults, {repeated} repeated, {refused} refused, {counted:?}",
        calls.len(),
        s.server().injected()
    );
    if counted != errors {
        return Err(format!("s3_errors_total is {counted:?}, the record says {errors:?}"));
    }
    if counted.values().sum::<u64>() < 10 {
        return Err("the storm was too weak to prove anything".to_owned());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_ends_well_in_a_storm_and_exactly_its_failures_are_counted() {
    // `CRP_STORMS=20` sails through twenty of them.
    let storms = std::env::var("CRP_STORMS").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    for seed in 1..=storms {
        storm(seed, record::ATTEMPTS).await.unwrap_or_else(|told| panic!("seed {seed}: {told}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_try_again_is_found_out() {
    let found = storm(1, 1).await;
    assert!(found.as_ref().is_err_and(|told| told.contains("GivenUpTooEarly")), "{found:?}");
}
