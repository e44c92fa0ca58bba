//! A storage that fails: what is tried again, what is given up, and what is counted.

#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use std::time::Duration;

use bytes::Bytes;
use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, Sha256Hash, Timestamp, labels::StorageOperation};
use crp_objects::{Addressing, Encryption, Objects, PutError, S3Settings};
use crp_testkit::s3_server::{Fault, S3Server};
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use secrecy::SecretString;
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, read_all, settings, some_bytes};

/// The operations of the door, each by the name under which it is counted.
const OPERATIONS: [&str; 9] = ["put", "put stream", "multipart", "get", "get range", "head", "delete", "list", "probe"];

async fn run(objects: &Objects, operation: &str) -> Result<(), Failure> {
    let (new, there) = (key(&format!("organizations/o/{operation}")), key("organizations/o/there"));
    match operation {
        "put" => objects.put_bytes(&new, some_bytes(1000)).await.map(drop),
        "put stream" => storage_of(objects.put_stream(&new, in_odd_chunks(some_bytes(1000)), u64::MAX).await),
        "multipart" => storage_of(objects.put_stream(&new, in_odd_chunks(some_bytes(20 * MEBIBYTE)), u64::MAX).await),
        "get" => objects.get_bytes(&there, 5000).await.map(|b| assert_eq!(b.unwrap(), some_bytes(5000))),
        "get range" => match objects.get_range(&there, 10..20).await? {
            Some(download) => download.stream.try_collect::<Vec<Bytes>>().await.map(|b| assert_eq!(b.concat(), some_bytes(5000)[10..20])),
            None => panic!("the object is there"),
        },
        "head" => objects.head(&there).await.map(|size| assert_eq!(size, Some(5000))),
        "delete" => objects.delete(&key("organizations/o/absent")).await,
        "list" => objects.list("organizations/").try_collect::<Vec<_>>().await.map(|found| assert!(!found.is_empty())),
        "probe" => objects.probe().await,
        _ => unreachable!(),
    }
}

fn storage_of<T>(result: Result<T, PutError>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(PutError::Storage(failure)) => Err(failure),
        Err(other) => panic!("not the storage: {other}"),
    }
}

fn label(operation: &str) -> &str {
    match operation {
        "put stream" | "probe" => "put",
        "get range" => "get",
        other => other,
    }
}

async fn with_an_object() -> Setup {
    let s = Setup::s3().await;
    s.objects.put_bytes(&key("organizations/o/there"), some_bytes(5000)).await.unwrap();
    s
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_passes_is_retried_and_is_no_error() {
    for fault in [Fault::Status(503), Fault::Status(500), Fault::Status(429), Fault::Reset, Fault::LoseAnswer] {
        let s = with_an_object().await;
        for operation in OPERATIONS {
            let before: u64 = s.retries().iter().map(|(_, n)| n).sum();
            s.server().fail_next(2, fault);
            run(&s.objects, operation).await.unwrap_or_else(|f| panic!("{fault:?} {operation}: {f}"));
            let after: u64 = s.retries().iter().map(|(_, n)| n).sum();
            assert_eq!(after - before, 2, "{fault:?} {operation}");
        }
        assert_eq!(s.errors(), vec![], "{fault:?}");
        s.objects.probe().await.unwrap();
        assert_eq!(s.metrics.storage_up.get(), 1.0);
        assert_eq!(s.server().injected(), 2 * OPERATIONS.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_stays_is_one_error_of_its_operation() {
    for fault in [Fault::Status(500), Fault::Status(503), Fault::Reset] {
        for operation in OPERATIONS {
            let s = with_an_object().await;
            // The upload in parts begins well, so that there is something to clean up.
            let after_begin = operation == "multipart";
            s.server().fail_where(None, fault, move |method, uri| !after_begin || (method == Method::PUT && uri.query().is_some()));
            let failure = run(&s.objects, operation).await.unwrap_err();
            assert_eq!(failure.code, Code::StorageUnavailable, "{fault:?} {operation}: {failure}");
            assert!(failure.retryable && failure.message.contains("4 attempts"), "{failure}");
            if fault == Fault::Status(503) && operation != "head" {
                assert!(failure.message.contains("503 SlowDown: Injected by the test"), "{failure}");
            }
            assert_eq!(s.errors(), vec![(label(operation), 1)], "{fault:?} {operation}");
            assert_eq!(s.metrics.storage_up.get(), 0.0);
            s.server().fail_all(None);
            assert_eq!(s.leftovers().await, 0, "{fault:?} {operation}");
            run(&s.objects, operation).await.unwrap();
            // One operation that works again says nothing of the others; the probe tries both ways.
            assert_eq!(s.metrics.storage_up.get(), if operation == "probe" { 1.0 } else { 0.0 }, "{operation}");
            s.objects.probe().await.unwrap();
            assert_eq!(s.metrics.storage_up.get(), 1.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_at_every_step_of_an_upload_in_parts_does_no_harm() {
    let bytes = some_bytes(17 * MEBIBYTE);
    for (step, (method, query)) in
        [(Method::POST, "uploads"), (Method::PUT, "partNumber=2"), (Method::POST, "uploadId=")].into_iter().enumerate()
    {
        let s = Setup::s3().await;
        s.server().fail_where(Some(1), Fault::LoseAnswer, move |m, uri| *m == method && uri.query().is_some_and(|q| q.contains(query)));
        let k = key("organizations/o/u");
        let stored = s.objects.put_stream(&k, in_odd_chunks(bytes.clone()), u64::MAX).await.unwrap();
        assert_eq!(s.server().injected(), 1, "step {step}");
        assert_eq!(Sha256Hash::of(&read_all(&s.objects, &k).await.unwrap()), stored.sha256);
        assert_eq!((s.errors(), s.retries()), (vec![], vec![("multipart", 1)]));
        // An upload whose beginning was never answered has no id that we know; the sweep finds it.
        let unknown = usize::from(step == 0);
        assert_eq!(s.server().open_uploads().len(), unknown);
        assert_eq!(s.objects.sweep_partial(far_away()).await.unwrap(), unknown as u64);
        assert_eq!(s.leftovers().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_resumed_where_it_broke() {
    let s = Setup::s3().await;
    let (k, bytes) = (key("a/k"), some_bytes(3 * MEBIBYTE));
    let stored = s.objects.put_bytes(&k, bytes.clone()).await.unwrap();
    s.server().fail_next(3, Fault::TruncateBody);
    assert_eq!(read_all(&s.objects, &k).await.unwrap(), bytes);
    assert_eq!((s.errors(), s.retries()), (vec![], vec![("get", 3)]));

    s.server().fail_next(2, Fault::TruncateBody);
    let target = tempfile::tempdir().unwrap();
    s.objects.fetch_to(&k, &target.path().join("x"), Some((stored.size_bytes, stored.sha256))).await.unwrap();
    assert_eq!((s.errors(), s.retries()), (vec![], vec![("get", 5)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_cannot_be_resumed_is_one_error_and_no_file() {
    let s = Setup::s3().await;
    let k = key("a/k");
    s.objects.put_bytes(&k, some_bytes(MEBIBYTE)).await.unwrap();
    s.server().fail_next(1, Fault::TruncateBody);
    s.server().fail_where(None, Fault::Status(500), |_, _| true);
    let work = tempfile::tempdir().unwrap();
    let failure = s.objects.fetch_to(&k, &work.path().join("x"), None).await.unwrap_err();
    assert_eq!(failure.code, Code::StorageUnavailable);
    assert_eq!((s.errors(), s.metrics.storage_up.get()), (vec![("get", 1)], 0.0));
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_of_an_object_are_never_read_as_one() {
    let s = Setup::s3().await;
    let k = key("a/k");
    s.objects.put_bytes(&k, some_bytes(2 * MEBIBYTE)).await.unwrap();
    s.server().fail_next_of(Method::GET, 1, Fault::TruncateBody);
    let download = s.objects.get(&k).await.unwrap().unwrap();
    let mut other = some_bytes(2 * MEBIBYTE).to_vec();
    other.reverse();
    s.objects.put_bytes(&k, other.into()).await.unwrap();
    let failure = download.stream.try_collect::<Vec<Bytes>>().await.unwrap_err();
    assert_eq!((failure.code, s.errors()), (Code::ObjectDamaged, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_is_no_error() {
    let s = Setup::s3().await;
    s.objects.put_bytes(&key("a/k"), some_bytes(4 * MEBIBYTE)).await.unwrap();
    let mut download = s.objects.get(&key("a/k")).await.unwrap().unwrap();
    download.stream.next().await.unwrap().unwrap();
    drop(download);
    assert_eq!((s.errors(), s.retries()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_retried_after_its_timeout() {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let mut impatient = settings(&server);
    impatient.retry.attempt_timeout = Duration::from_millis(300);
    let objects = Objects::open_s3(impatient, metrics.clone(), Ambient::system()).unwrap();
    objects.put_bytes(&key("organizations/o/there"), some_bytes(5000)).await.unwrap();
    let s = Setup { objects, metrics, server: Some(server), folder: None };
    for operation in ["put", "put stream", "get", "head", "delete", "list"] {
        s.server().fail_next(1, Fault::Hang);
        run(&s.objects, operation).await.unwrap();
    }
    assert_eq!(s.errors(), vec![]);
    s.server().fail_all(Some(Fault::Hang));
    let failure = run(&s.objects, "get").await.unwrap_err();
    assert!(failure.message.contains("did not answer within 0.3 s (4 attempts)"), "{failure}");
    assert_eq!(s.errors(), vec![("get", 1)]);
}

#[tokio::test]
async fn a_storage_that_hangs_is_down_long_before_its_operations_have_failed() {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let objects = Objects::open_s3(settings(&server), metrics.clone(), Ambient::system()).unwrap();
    objects.probe().await.unwrap();
    assert_eq!(metrics.storage_up.get(), 1.0);
    server.fail_all(Some(Fault::Hang));
    let probe = tokio::spawn(async move { objects.probe_with_patience(Duration::from_millis(100)).await });
    while metrics.storage_up.get() == 1.0 {
        assert!(!probe.is_finished(), "it hangs");
        tokio::task::yield_now().await;
    }
    assert!(!probe.is_finished() && metrics.s3_errors_total.get(StorageOperation::Put) == 0, "nothing has failed yet");
    probe.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_dropped_while_it_becomes_visible_leaves_nothing() {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let mut impatient = settings(&server);
    impatient.retry.attempt_timeout = Duration::from_secs(2);
    let objects = Objects::open_s3(impatient, metrics.clone(), Ambient::system()).unwrap();
    let s = Setup { objects, metrics, server: Some(server), folder: None };
    for (size, method) in [(1000, Method::PUT), (9 * MEBIBYTE, Method::POST)] {
        // The last request hangs once; by the time it is sent again, its owner is gone.
        let before = s.server().injected();
        s.server().fail_where(Some(1), Fault::Hang, move |m, uri| *m == method && !uri.query().is_some_and(|q| q.contains("uploads")));
        let objects = s.objects.clone();
        let upload = tokio::spawn(async move { objects.put_stream(&key("a/k"), in_odd_chunks(some_bytes(size)), u64::MAX).await });
        while s.server().injected() == before {
            assert!(!upload.is_finished(), "it was to hang");
            tokio::task::yield_now().await;
        }
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        assert_eq!((s.leftovers().await, s.all().await.len(), s.errors()), (0, 0, vec![]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_a_crash_left_open_are_swept_by_age() {
    let s = Setup::s3().await;
    // The aborts fail, as after a crash.
    s.server().fail_where(None, Fault::Status(500), |method, _| *method == Method::DELETE);
    let refused = s.objects.put_stream(&key("organizations/o/u"), in_odd_chunks(some_bytes(20 * MEBIBYTE)), 19 << 20).await;
    assert!(matches!(refused, Err(PutError::TooLarge { .. })), "{refused:?}");
    let foreign = s.objects.put_stream(&key("elsewhere/u"), in_odd_chunks(some_bytes(20 * MEBIBYTE)), 19 << 20).await;
    assert!(foreign.is_err());
    s.objects.finish_cleanups().await;
    s.server().fail_all(None);
    assert_eq!(s.server().open_uploads(), ["elsewhere/u", "organizations/o/u"]);
    assert_eq!(s.objects.sweep_partial(Timestamp(0)).await.unwrap(), 0, "running uploads are younger");
    assert_eq!(s.objects.sweep_partial(far_away()).await.unwrap(), 1);
    assert_eq!(s.server().open_uploads(), ["elsewhere/u"], "what is not ours stays");
    assert_eq!(s.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_many_pages_is_complete_and_survives_faults() {
    let s = Setup::s3().await;
    let folder = s.server().object_file("a");
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..2100 {
        std::fs::write(folder.join(format!("{n:06}")), b"x").unwrap();
    }
    s.server().fail_next(1, Fault::Status(503));
    s.server().fail_next(1, Fault::TruncateBody);
    let found = s.all().await;
    assert!(found.is_sorted_by(|a, b| a.key < b.key));
    assert_eq!((found.len(), s.errors(), s.retries()), (2100, vec![], vec![("list", 2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_an_error_that_says_what_to_check_and_leaks_nothing() {
    let server = S3Server::start().await;
    for (change, marker) in [
        (
            (|s: &mut S3Settings| s.secret_access_key = SecretString::from("another-secret-9876")) as fn(&mut S3Settings),
            "SignatureDoesNotMatch",
        ),
        (|s| s.access_key_id = "NOBODY".to_owned(), "403"),
    ] {
        let mut wrong = settings(&server);
        change(&mut wrong);
        assert!(!format!("{wrong:?}").contains("secret-"), "the secret prints");
        let metrics = Metrics::for_tests();
        let objects = Objects::open_s3(wrong, metrics.clone(), Ambient::system()).unwrap();
        let failure = objects.probe().await.unwrap_err();
        assert_eq!(failure.code, Code::StorageUnavailable);
        assert!(failure.message.contains(marker), "{failure}");
        assert!(failure.remedy.contains("AWS_SECRET_ACCESS_KEY"), "{failure}");
        let text = format!("{failure:?} {objects:?}");
        assert!(!text.contains("secret-") && !text.contains("X-Amz-Signature") && !text.contains("Credential="), "{text}");
        let s = Setup { objects, metrics, server: None, folder: None };
        assert_eq!((s.errors(), s.retries(), s.metrics.storage_up.get()), (vec![("put", 1)], vec![], 0.0));
        assert!(s.objects.sweep_partial(far_away()).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_does_not_exist_is_not_an_absent_object() {
    let server = S3Server::start().await;
    let mut elsewhere = settings(&server);
    elsewhere.bucket = "no-such-bucket".to_owned();
    let metrics = Metrics::for_tests();
    let objects = Objects::open_s3(elsewhere, metrics.clone(), Ambient::system()).unwrap();
    let failure = objects.list("").next().await.unwrap().unwrap_err();
    assert!(failure.code == Code::StorageUnavailable && failure.remedy.contains("S3_BUCKET"), "{failure}");
    let s = Setup { objects, metrics, server: None, folder: None };
    assert_eq!(s.errors(), vec![("list", 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_an_error_that_names_it() {
    let server = S3Server::start().await;
    let (gone, endpoint) = (settings(&server), server.endpoint());
    drop(server);
    tokio::task::yield_now().await;
    let metrics = Metrics::for_tests();
    let objects = Objects::open_s3(gone, metrics.clone(), Ambient::system()).unwrap();
    let failure = objects.head(&key("a/k")).await.unwrap_err();
    assert_eq!(failure.code, Code::StorageUnavailable);
    assert!(failure.message.contains(endpoint.trim_start_matches("http://")), "{failure}");
    let s = Setup { objects, metrics, server: None, folder: None };
    assert_eq!((s.errors(), s.retries()), (vec![("head", 1)], vec![("head", 3)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_storage_is_called_full() {
    let s = Setup::s3().await;
    s.server().fail_all(Some(Fault::Status(507)));
    let failure = s.objects.put_bytes(&key("a/k"), some_bytes(10)).await.unwrap_err();
    assert_eq!((failure.code, s.errors()), (Code::DiskFull, vec![("put", 1)]));
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_name_of_the_setting() {
    let good = S3Settings {
        bucket: "documents".to_owned(),
        endpoint: Some("https://s3.example.com/".to_owned()),
        region: "eu".to_owned(),
        access_key_id: "id".to_owned(),
        secret_access_key: SecretString::from("secret"),
        session_token: None,
        addressing: Addressing::Auto,
        encryption: Encryption::None,
        retry: crp_objects::RetrySettings::default(),
    };
    let open = |change: fn(&mut S3Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Objects::open_s3(settings, Metrics::for_tests(), Ambient::system())
    };
    open(|_| {}).unwrap();
    open(|s| s.endpoint = None).unwrap();
    type Spoil = fn(&mut S3Settings);
    let cases: [(Spoil, &str); 8] = [
        (|s| s.bucket.clear(), "S3_BUCKET"),
        (|s| s.bucket = "a/b".to_owned(), "S3_BUCKET"),
        (|s| s.region.clear(), "AWS_REGION"),
        (|s| s.access_key_id.clear(), "AWS_ACCESS_KEY_ID"),
        (|s| s.secret_access_key = SecretString::from(""), "AWS_SECRET_ACCESS_KEY"),
        (|s| s.endpoint = Some("s3.example.com".to_owned()), "AWS_ENDPOINT_URL"),
        (|s| s.endpoint = Some("ftp://s3.example.com".to_owned()), "AWS_ENDPOINT_URL"),
        (|s| s.endpoint = Some("http://id:hidden@s3.example.com".to_owned()), "AWS_ENDPOINT_URL"),
    ];
    for (change, name) in cases {
        let failure = open(change).unwrap_err();
        assert_eq!(failure.code, Code::InvalidConfiguration);
        assert!(failure.message.contains(name) && !failure.message.contains("hidden"), "{failure}");
    }
}

/// Later than everything that happens here.
fn far_away() -> Timestamp {
    Ambient::system().now().plus(Duration::from_secs(3600))
}
