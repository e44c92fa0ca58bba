//! What an operator may ask of a bucket: encryption, keys that are lent, links.

#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use crp_metrics::Metrics;
use crp_model::{Ambient, Code};
use crp_objects::{Encryption, Objects, S3Settings};
use crp_testkit::s3_server::{Recorded, S3Server};
use http::Method;
use secrecy::SecretString;
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, settings, some_bytes};

async fn with(change: impl FnOnce(&mut S3Settings)) -> Setup {
    let server = S3Server::start().await;
    let metrics = Metrics::for_tests();
    let mut settings = settings(&server);
    change(&mut settings);
    let objects = Objects::open_s3(settings, metrics.clone(), Ambient::system()).unwrap();
    Setup { objects, metrics, server: Some(server), folder: None }
}

/// Stores a small and a large object and reads one back.
async fn use_it(s: &Setup) -> Vec<Recorded> {
    s.objects.put_bytes(&key("a/small"), some_bytes(1000)).await.unwrap();
    s.objects.put_stream(&key("a/large"), in_odd_chunks(some_bytes(9 * MEBIBYTE)), u64::MAX).await.unwrap();
    assert_eq!(s.objects.get_bytes(&key("a/small"), 1000).await.unwrap().unwrap(), some_bytes(1000));
    s.server().record()
}

fn header<'a>(request: &'a Recorded, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_makes_an_object_asks_for_its_encryption_and_nothing_else_does() {
    for (encryption, kind, key_id) in [
        (Encryption::None, None, None),
        (Encryption::Aes256, Some("AES256"), None),
        (Encryption::Kms("arn:aws:kms:eu:1:key/k".to_owned()), Some("aws:kms"), Some("arn:aws:kms:eu:1:key/k")),
    ] {
        let s = with(|settings| settings.encryption = encryption).await;
        let (mut makes, mut others) = (0, 0);
        for request in use_it(&s).await {
            let query = request.uri.query().unwrap_or("");
            let is_making =
                (request.method == Method::PUT && query.is_empty()) || (request.method == Method::POST && query.starts_with("uploads"));
            let wanted = if is_making { (kind, key_id) } else { (None, None) };
            let names = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id");
            assert_eq!((header(&request, names.0), header(&request, names.1)), wanted, "{request:#?}");
            *(if is_making { &mut makes } else { &mut others }) += 1;
        }
        assert!(makes == 2 && others >= 4, "{makes} {others}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lent_key_goes_with_its_token_and_never_prints() {
    let s = with(|settings| {
        settings.session_token = Some(SecretString::from("token-of-the-test"));
        assert!(!format!("{settings:?}").contains("token-of-the-test"));
    })
    .await;
    let requests = use_it(&s).await;
    assert!(requests.len() > 5 && requests.iter().all(|r| header(r, "x-amz-security-token") == Some("token-of-the-test")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_upload_carries_a_checksum() {
    let s = with(|_| {}).await;
    let uploads: Vec<Recorded> = use_it(&s).await.into_iter().filter(|r| r.method == Method::PUT).collect();
    assert_eq!(uploads.len(), 3);
    assert!(uploads.iter().all(|r| header(r, "x-amz-checksum-sha256").is_some()), "{uploads:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_reads_one_object_for_a_minute_and_does_nothing_else() {
    let s = with(|_| {}).await;
    use_it(&s).await;
    let disposition = "attachment; filename=\"a b.pdf\"; filename*=UTF-8''a%20b.pdf";
    let link = s.objects.download_link(&key("a/small"), "application/pdf", disposition).await.unwrap().unwrap();
    assert_eq!(format!("{link:?}"), "DownloadLink(********)");
    let address = link.expose();
    assert!(address.contains("X-Amz-Expires=60&") && !address.contains(s.server().secret_key()), "{address}");

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let told = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((told("content-type"), told("content-disposition")), ("application/pdf".to_owned(), disposition.to_owned()));
    assert_eq!(answer.bytes().await.unwrap(), some_bytes(1000));

    for (what, request) in [
        ("a write", client.put(address).body("other bytes")),
        ("a removal", client.delete(address)),
        ("another object", client.get(address.replace("/small", "/large"))),
        ("a longer time", client.get(address.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))),
        ("another name", client.get(address.replace("a%2520b.pdf", "b%2520b.pdf"))),
        ("another time", client.get(address.replace("X-Amz-Date=20", "X-Amz-Date=19"))),
    ] {
        let status = request.send().await.unwrap().status();
        assert!(status.is_client_error(), "{what}: {status}");
    }
    assert_eq!(s.objects.get_bytes(&key("a/small"), 1000).await.unwrap().unwrap(), some_bytes(1000));
    assert!(s.objects.download_link(&key("a/absent"), "application/pdf", "attachment").await.unwrap().is_none());
    let folder = Setup::folder();
    folder.objects.put_bytes(&key("a/small"), some_bytes(10)).await.unwrap();
    assert!(folder.objects.download_link(&key("a/small"), "application/pdf", "attachment").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_id_that_fits_into_no_header_is_refused_at_the_start() {
    let server = S3Server::start().await;
    let mut settings = settings(&server);
    settings.encryption = Encryption::Kms("a\nb".to_owned());
    let failure = Objects::open_s3(settings, Metrics::for_tests(), Ambient::system()).unwrap_err();
    assert_eq!(failure.code, Code::InvalidConfiguration);
}
