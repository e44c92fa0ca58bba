//! A storage that stays away: when it is left alone, what is told meanwhile, and how it is found back.

#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, ManualClock, Sha256Hash, Timestamp};
use crp_objects::{Objects, PutError, S3Settings};
use crp_testkit::{
    poll,
    s3_server::{Fault, S3Server},
};
use futures_util::TryStreamExt;
use http::Method;
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, read_all, settings, some_bytes};

/// Longer than the pause between two trials.
const A_PAUSE: Duration = Duration::from_secs(6);

/// A bucket whose clock stands still until it is moved, with one object in it.
async fn with_clock(change: fn(&mut S3Settings)) -> (Setup, Arc<ManualClock>) {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let (ambient, clock) = Ambient::manual(Timestamp(1_700_000_000_000_000), 1);
    let mut settings = settings(&server);
    change(&mut settings);
    let objects = Objects::open_s3(settings, metrics.clone(), ambient).unwrap();
    objects.put_bytes(&key("a/there"), some_bytes(5000)).await.unwrap();
    (Setup { objects, metrics, server: Some(server), folder: None }, clock)
}

async fn put(s: &Setup) -> Result<(), Failure> {
    s.objects.put_bytes(&key("a/new"), some_bytes(100)).await.map(drop)
}

async fn get(s: &Setup) -> Result<Bytes, Failure> {
    s.objects.get_bytes(&key("a/there"), 5000).await.map(Option::unwrap)
}

/// Sends the clock on and waits until a trial has found the storage back.
async fn comes_back(s: &Setup, clock: &ManualClock) {
    clock.advance(A_PAUSE);
    s.objects.back().await;
    assert!(s.objects.away().is_none());
    assert_eq!(s.metrics.storage_breaker_open.get(), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_fails_again_and_again_is_left_alone_and_found_back() {
    let (s, clock) = with_clock(|_| {}).await;
    s.objects.probe().await.unwrap();
    s.server().fail_all(Some(Fault::Status(503)));
    for _ in 0..3 {
        put(&s).await.unwrap_err();
        get(&s).await.unwrap_err();
    }
    assert_eq!((s.metrics.storage_breaker_open.get(), s.metrics.storage_up.get()), (1.0, 0.0));
    let (sent, errors) = (s.server().requests(), s.errors());
    assert_eq!(errors, vec![("get", 3), ("put", 3)]);

    // Nothing is sent and nothing is counted, and the reason is told.
    for failure in [put(&s).await.unwrap_err(), get(&s).await.unwrap_err(), s.objects.probe().await.unwrap_err()] {
        assert_eq!((failure.code, failure.retryable), (Code::StorageUnavailable, true));
        assert!(failure.message.contains("503 SlowDown") && failure.message.contains("away since 2023-11-14T22:13:20Z"), "{failure}");
    }
    for failure in [
        s.objects.head(&key("a/there")).await.map(drop),
        s.objects.delete(&key("a/there")).await,
        s.objects.list("").try_collect::<Vec<_>>().await.map(drop),
        s.objects.sweep_partial(Timestamp(0)).await.map(drop),
    ] {
        assert!(failure.unwrap_err().message.contains("away since"));
    }
    let stream = s.objects.put_stream(&key("a/stream"), in_odd_chunks(some_bytes(9 * MEBIBYTE)), u64::MAX).await;
    assert!(matches!(stream, Err(PutError::Storage(_))));
    assert_eq!((s.server().requests(), s.errors()), (sent, errors));

    // When it is time, one write and one read are sent, once each. They fail and are counted.
    clock.advance(A_PAUSE);
    put(&s).await.unwrap_err();
    poll::until("the trial", poll::PATIENCE, async || (s.errors() == vec![("get", 4), ("put", 4)]).then_some(())).await;
    assert_eq!(s.server().requests(), sent + 2);
    put(&s).await.unwrap_err();
    assert_eq!((s.server().requests(), s.metrics.storage_up.get()), (sent + 2, 0.0));

    s.server().fail_all(None);
    assert!(put(&s).await.is_err(), "nobody has tried it yet");
    comes_back(&s, &clock).await;
    assert_eq!(s.metrics.storage_up.get(), 1.0);
    put(&s).await.unwrap();
    assert_eq!((get(&s).await.unwrap(), s.errors()), (some_bytes(5000), vec![("get", 4), ("put", 4)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_takes_nothing_still_gives_what_it_has_and_is_not_called_up() {
    let (s, clock) = with_clock(|_| {}).await;
    s.objects.probe().await.unwrap();
    s.server().fail_where(None, Fault::Status(500), |method, _| *method == Method::PUT);
    for _ in 0..3 {
        s.objects.probe().await.unwrap_err();
    }
    assert!(put(&s).await.unwrap_err().message.contains("away since"));
    assert_eq!(get(&s).await.unwrap(), some_bytes(5000));
    clock.advance(A_PAUSE);
    s.objects.probe().await.unwrap_err();
    assert!(s.objects.away().is_some() && s.metrics.storage_up.get() == 0.0);
    assert_eq!((get(&s).await.unwrap(), s.errors()), (some_bytes(5000), vec![("put", 4)]));
    s.server().fail_all(None);
    comes_back(&s, &clock).await;
    put(&s).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_and_a_clock_that_is_off_are_told_with_what_to_do_and_heal_by_themselves() {
    for (fault, told, remedy) in [
        (Fault::Error(400, "ExpiredToken"), "400 ExpiredToken", "AWS_SESSION_TOKEN"),
        (Fault::Error(403, "ExpiredToken"), "403 ExpiredToken", "AWS_SESSION_TOKEN"),
        (Fault::Error(403, "RequestTimeTooSkewed"), "403 RequestTimeTooSkewed", "clock"),
        (Fault::Error(403, "AccessDenied"), "403 AccessDenied", "AWS_SECRET_ACCESS_KEY"),
    ] {
        let (s, clock) = with_clock(|_| {}).await;
        s.server().fail_all(Some(fault));
        let before = s.server().requests();
        for _ in 0..3 {
            let failure = put(&s).await.unwrap_err();
            assert_eq!(failure.code, Code::StorageUnavailable);
            assert!(failure.message.contains(told) && failure.remedy.contains(remedy), "{failure}");
        }
        assert_eq!(s.server().requests() - before, 3, "trying again at once does not help");
        let refused = put(&s).await.unwrap_err();
        assert!(refused.message.contains(told) && refused.remedy.contains(remedy), "{refused}");
        assert_eq!((s.errors(), s.retries()), (vec![("put", 3)], vec![]));
        s.server().fail_all(None);
        comes_back(&s, &clock).await;
        put(&s).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_vanishes_is_no_absent_object_and_all_goes_on_when_it_is_there_again() {
    let (s, clock) = with_clock(|_| {}).await;
    s.server().set_bucket(false);
    let failures = [
        s.objects.head(&key("a/there")).await.map(drop).unwrap_err(),
        get(&s).await.unwrap_err(),
        s.objects.list("").try_collect::<Vec<_>>().await.map(drop).unwrap_err(),
    ];
    for failure in failures {
        assert!(failure.code == Code::StorageUnavailable && failure.remedy.contains("creates the bucket"), "{failure}");
    }
    for _ in 0..3 {
        assert!(put(&s).await.unwrap_err().message.contains("NoSuchBucket"));
    }
    assert!(put(&s).await.unwrap_err().message.contains("away since"));
    s.server().set_bucket(true);
    comes_back(&s, &clock).await;
    assert_eq!(s.objects.head(&key("a/there")).await.unwrap(), None, "the new bucket is empty");
    put(&s).await.unwrap();
    assert_eq!(s.objects.head(&key("a/new")).await.unwrap(), Some(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_hangs_is_away_as_soon_as_a_probe_has_waited_long_enough() {
    let (s, clock) = with_clock(|settings| settings.retry.attempt_timeout = Duration::from_millis(500)).await;
    s.server().fail_all(Some(Fault::Hang));
    let objects = s.objects.clone();
    let probe = tokio::spawn(async move { objects.probe_with_patience(Duration::from_millis(50)).await });
    poll::until("the breaker", poll::PATIENCE, async || s.objects.away()).await;
    assert!(get(&s).await.unwrap_err().message.contains("has not answered for 0.05 s"));
    probe.abort();
    s.server().fail_all(None);
    comes_back(&s, &clock).await;
    get(&s).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_to_a_probe_from_before_the_outage_does_not_call_the_storage_up() {
    let (s, clock) = with_clock(|settings| settings.retry.attempt_timeout = Duration::from_secs(2)).await;
    s.objects.probe().await.unwrap();
    s.server().fail_next_of(Method::GET, 1, Fault::Hang);
    s.objects.probe_with_patience(Duration::from_secs(1)).await.unwrap();
    assert_eq!((s.metrics.storage_up.get(), s.metrics.storage_breaker_open.get()), (0.0, 1.0));
    comes_back(&s, &clock).await;
    assert_eq!(s.metrics.storage_up.get(), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_change_on_their_way_in_are_refused_and_sent_again() {
    let (s, _clock) = with_clock(|_| {}).await;
    for (name, size, operation) in [("a/small", 5000, "put"), ("a/large", 9 * MEBIBYTE, "multipart")] {
        let before = s.retries();
        s.server().fail_next_of(Method::PUT, 1, Fault::FlipUpload);
        s.objects.put_stream(&key(name), in_odd_chunks(some_bytes(size)), u64::MAX).await.unwrap();
        assert_ne!(s.retries(), before, "{operation}");
        assert_eq!(read_all(&s.objects, &key(name)).await.unwrap(), some_bytes(size));
    }
    assert_eq!((s.errors(), s.retries()), (vec![], vec![("put", 1), ("multipart", 1)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_change_on_their_way_out_are_fetched_again_and_never_taken() {
    let (s, _clock) = with_clock(|_| {}).await;
    let work = tempfile::tempdir().unwrap();
    let (file, expected) = (work.path().join("x"), Some((5000, Sha256Hash::of(&some_bytes(5000)))));
    s.server().fail_next(1, Fault::FlipByte);
    s.objects.fetch_to(&key("a/there"), &file, expected).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), some_bytes(5000));
    std::fs::remove_file(&file).unwrap();
    s.server().fail_next(2, Fault::FlipByte);
    let failure = s.objects.fetch_to(&key("a/there"), &file, expected).await.unwrap_err();
    assert_eq!((failure.code, file.exists(), s.errors()), (Code::ObjectDamaged, false, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checked_download_gives_its_last_bytes_only_when_all_are_right() {
    let (s, _clock) = with_clock(|_| {}).await;
    s.objects.put_bytes(&key("a/big"), some_bytes(MEBIBYTE)).await.unwrap();
    s.objects.put_bytes(&key("a/none"), Bytes::new()).await.unwrap();
    for (name, size, fault, is_right) in [
        ("a/big", MEBIBYTE, None, true),
        ("a/big", MEBIBYTE, Some(Fault::FlipByte), false),
        ("a/there", 5000, None, true),
        ("a/none", 0, None, true),
    ] {
        fault.into_iter().for_each(|fault| s.server().fail_next(1, fault));
        let download = s.objects.get(&key(name)).await.unwrap().unwrap().checked(Sha256Hash::of(&some_bytes(size)));
        let (mut got, mut stream) = (0, download.stream);
        let ended = loop {
            match stream.try_next().await {
                Ok(Some(bytes)) => got += bytes.len(),
                Ok(None) => break None,
                Err(failure) => break Some(failure.code),
            }
        };
        let wanted = if is_right { None } else { Some(Code::ObjectDamaged) };
        assert_eq!((ended, got == size), (wanted, is_right), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_only_trickles_is_asked_for_again_and_given_up_in_the_end() {
    let (s, _clock) = with_clock(|settings| settings.retry.attempt_timeout = Duration::from_millis(300)).await;
    s.server().fail_next(3, Fault::Trickle);
    assert_eq!(get(&s).await.unwrap(), some_bytes(5000));
    assert_eq!((s.errors(), s.retries()), (vec![], vec![("get", 3)]));
    s.server().fail_all(Some(Fault::Trickle));
    let failure = get(&s).await.unwrap_err();
    assert!(failure.message.contains("less than 1024 bytes per second came for 0.3 s (4 attempts)"), "{failure}");
    assert_eq!(s.errors(), vec![("get", 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_in_the_middle_of_a_body_is_retried() {
    let (s, _clock) = with_clock(|_| {}).await;
    for size in [MEBIBYTE, 9 * MEBIBYTE] {
        s.server().fail_next_of(Method::PUT, 2, Fault::ResetWhile);
        let name = key(&format!("a/{size}"));
        s.objects.put_stream(&name, in_odd_chunks(some_bytes(size)), u64::MAX).await.unwrap();
        assert_eq!(read_all(&s.objects, &name).await.unwrap(), some_bytes(size));
    }
    assert_eq!((s.errors(), s.retries()), (vec![], vec![("put", 2), ("multipart", 2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attempt_begins_after_the_budget() {
    let (s, _clock) = with_clock(|settings| settings.retry.budget = Duration::ZERO).await;
    s.server().fail_all(Some(Fault::Status(503)));
    put(&s).await.unwrap_err();
    assert_eq!((s.errors(), s.retries()), (vec![("put", 1)], vec![]));
}
