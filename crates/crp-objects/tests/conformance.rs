//! What both backends promise, asked of both.

#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use bytes::Bytes;
use crp_model::{Code, Sha256Hash, Timestamp};
use crp_objects::{Backend, PutError};
use futures_util::{StreamExt, TryStreamExt, stream};
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, read_all, some_bytes};
use tokio::sync::oneshot;

macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($setup:ident) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn promise($setup: Setup) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_a_folder() {
                promise(Setup::folder()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_s3() {
                promise(Setup::s3().await).await;
            }
        }
    )* };
}

const NO_LIMIT: u64 = u64::MAX;

on_both! {
    async fn what_was_put_comes_back_with_its_size_and_hash(s) {
        for (at, size) in [0usize, 1, 300_000, 3 * MEBIBYTE].into_iter().enumerate() {
            let bytes = some_bytes(size);
            let (streamed, given, copied) = (key(&format!("a/{at}/s")), key(&format!("a/{at}/b")), key(&format!("a/{at}/f")));
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let stored = [
                s.objects.put_stream(&streamed, in_odd_chunks(bytes.clone()), NO_LIMIT).await.unwrap(),
                s.objects.put_bytes(&given, bytes.clone()).await.unwrap(),
                s.objects.put_file(&copied, file.path()).await.unwrap(),
            ];
            for (key, stored) in [streamed, given, copied].iter().zip(stored) {
                assert_eq!((stored.size_bytes, stored.sha256), (size as u64, Sha256Hash::of(&bytes)));
                assert_eq!(read_all(&s.objects, key).await.unwrap(), bytes);
                assert_eq!(s.objects.head(key).await.unwrap(), Some(size as u64));
            }
        }
        assert_eq!((s.leftovers().await, s.errors(), s.retries()), (0, vec![], vec![]));
    }

    async fn what_is_not_there_is_no_error(s) {
        let none = key("a/none");
        assert!(s.objects.get(&none).await.unwrap().is_none());
        assert!(s.objects.get_range(&none, 0..5).await.unwrap().is_none());
        assert!(s.objects.get_range(&none, 5..5).await.unwrap().is_none());
        assert!(s.objects.get_bytes(&none, 10).await.unwrap().is_none());
        assert_eq!(s.objects.head(&none).await.unwrap(), None);
        s.objects.delete(&none).await.unwrap();
        // Below an object there is nothing, and a folder is no object.
        s.objects.put_bytes(&key("a/b/c"), Bytes::from_static(b"x")).await.unwrap();
        assert!(s.objects.head(&key("a/b/c/d")).await.unwrap().is_none());
        assert!(s.objects.list("a/none/").next().await.is_none());
        assert_eq!(s.errors(), vec![]);
    }

    async fn a_deleted_object_is_gone_and_its_neighbours_stay(s) {
        for name in ["a/b/1", "a/b/2", "a/c/1"] {
            s.objects.put_bytes(&key(name), Bytes::from_static(b"x")).await.unwrap();
        }
        s.objects.delete(&key("a/b/1")).await.unwrap();
        s.objects.delete(&key("a/b/1")).await.unwrap();
        s.objects.delete(&key("a/c/1")).await.unwrap();
        let left: Vec<String> = s.all().await.into_iter().map(|l| l.key.to_string()).collect();
        assert_eq!(left, ["a/b/2"]);
        s.objects.put_bytes(&key("a/c/1"), Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(s.all().await.len(), 2);
    }

    async fn the_same_bytes_again_are_fine_and_others_are_refused(s) {
        let (k, first, other) = (key("a/k"), some_bytes(1000), some_bytes(1001));
        s.objects.put_stream(&k, in_odd_chunks(first.clone()), NO_LIMIT).await.unwrap();
        let again = s.objects.put_stream(&k, in_odd_chunks(first.clone()), NO_LIMIT).await.unwrap();
        assert_eq!(again.sha256, Sha256Hash::of(&first));
        let refused = s.objects.put_stream(&k, in_odd_chunks(other.clone()), NO_LIMIT).await;
        assert!(matches!(&refused, Err(PutError::Storage(f)) if f.code == Code::Internal), "{refused:?}");
        assert_eq!(read_all(&s.objects, &k).await.unwrap(), first);
        assert_eq!((s.leftovers().await, s.errors()), (0, vec![]));
        s.objects.put_bytes(&k, other.clone()).await.unwrap();
        assert_eq!(read_all(&s.objects, &k).await.unwrap(), other);
    }

    async fn the_same_large_object_again_is_fine_and_another_is_refused(s) {
        let (k, first, other) = (key("a/k"), some_bytes(9 * MEBIBYTE), some_bytes(9 * MEBIBYTE + 1));
        s.objects.put_stream(&k, in_odd_chunks(first.clone()), NO_LIMIT).await.unwrap();
        s.objects.put_stream(&k, in_odd_chunks(first.clone()), NO_LIMIT).await.unwrap();
        let refused = s.objects.put_stream(&k, in_odd_chunks(other), NO_LIMIT).await;
        assert!(matches!(&refused, Err(PutError::Storage(f)) if f.code == Code::Internal), "{refused:?}");
        assert_eq!(s.objects.head(&k).await.unwrap(), Some(first.len() as u64));
        assert_eq!((s.leftovers().await, s.errors()), (0, vec![]));
    }

    async fn a_large_stream_of_odd_chunks_arrives_whole(s) {
        let (k, bytes) = (key("organizations/o/originals/u"), some_bytes(20 * MEBIBYTE + 3));
        let stored = s.objects.put_stream(&k, in_odd_chunks(bytes.clone()), bytes.len() as u64).await.unwrap();
        assert_eq!((stored.size_bytes, stored.sha256), (bytes.len() as u64, Sha256Hash::of(&bytes)));
        assert_eq!(Sha256Hash::of(&read_all(&s.objects, &k).await.unwrap()), stored.sha256);
        assert_eq!((s.leftovers().await, s.errors()), (0, vec![]));
        if let Some(server) = &s.server {
            // Begin, look, three parts, complete; one read.
            assert_eq!(server.requests(), 7);
        }
    }

    async fn a_stream_over_the_limit_leaves_nothing(s) {
        for size in [1000, 20 * MEBIBYTE] {
            let refused = s.objects.put_stream(&key("a/k"), in_odd_chunks(some_bytes(size)), size as u64 - 1).await;
            assert!(matches!(refused, Err(PutError::TooLarge { limit_bytes }) if limit_bytes == size as u64 - 1), "{refused:?}");
            assert_eq!((s.leftovers().await, s.all().await.len(), s.errors()), (0, 0, vec![]));
            s.objects.put_stream(&key(&format!("exact/{size}")), in_odd_chunks(some_bytes(size)), size as u64).await.unwrap();
            s.objects.delete(&key(&format!("exact/{size}"))).await.unwrap();
        }
    }

    async fn a_sender_that_breaks_off_leaves_nothing_and_is_no_storage_error(s) {
        for size in [1000, 20 * MEBIBYTE] {
            let broken = in_odd_chunks(some_bytes(size)).chain(stream::iter([Err(std::io::Error::other("the line is dead"))]));
            let refused = s.objects.put_stream(&key("a/k"), broken, NO_LIMIT).await;
            assert!(matches!(&refused, Err(PutError::Body(how)) if how == "the line is dead"), "{refused:?}");
            assert_eq!((s.leftovers().await, s.all().await.len(), s.errors()), (0, 0, vec![]));
        }
    }

    async fn a_dropped_upload_leaves_nothing(s) {
        for size in [1000, 9 * MEBIBYTE, 20 * MEBIBYTE] {
            let (reached, waiting) = oneshot::channel();
            let stalls = stream::once(async move {
                let _ = reached.send(());
                std::future::pending::<Result<Bytes, std::io::Error>>().await
            });
            let body = Box::pin(in_odd_chunks(some_bytes(size)).chain(stalls));
            let objects = s.objects.clone();
            let upload = tokio::spawn(async move { objects.put_stream(&key("a/k"), body, NO_LIMIT).await });
            waiting.await.unwrap();
            upload.abort();
            assert!(upload.await.unwrap_err().is_cancelled());
            assert_eq!((s.leftovers().await, s.all().await.len(), s.errors()), (0, 0, vec![]));
        }
    }

    async fn an_upload_dropped_anywhere_leaves_all_or_nothing(s) {
        let bytes = some_bytes(17 * MEBIBYTE);
        for polls in [1, 2, 3, 5, 8, 13, 21, 34, 55] {
            let k = key("a/k");
            let mut upload = Box::pin(s.objects.put_stream(&k, in_odd_chunks(bytes.clone()), NO_LIMIT));
            let mut done = false;
            for _ in 0..polls {
                if !done {
                    done = futures_util::poll!(&mut upload).is_ready();
                    tokio::task::yield_now().await;
                }
            }
            drop(upload);
            assert_eq!((s.leftovers().await, s.all().await.len()), (0, usize::from(done)));
            s.objects.delete(&key("a/k")).await.unwrap();
        }
        assert_eq!(s.errors(), vec![]);
    }

    async fn a_range_is_exactly_what_was_asked_for(s) {
        let (k, bytes) = (key("a/k"), some_bytes(100_000));
        s.objects.put_bytes(&k, bytes.clone()).await.unwrap();
        for (asked, given) in [(0..1, 0..1), (10..90_000, 10..90_000), (99_999..200_000, 99_999..100_000), (0..100_000, 0..100_000), (5..5, 5..5), (100_000..100_010, 100_000..100_000), (500_000..500_001, 100_000..100_000)] {
            let download = s.objects.get_range(&k, asked.clone()).await.unwrap().unwrap();
            assert_eq!((download.size_bytes, download.range.clone()), (100_000, given.clone()), "{asked:?}");
            let got = download.stream.try_fold(Vec::new(), |mut all, b| async move { all.extend_from_slice(&b); Ok(all) }).await.unwrap();
            assert_eq!(got, bytes[given.start as usize..given.end as usize], "{asked:?}");
        }
        assert_eq!(s.errors(), vec![]);
    }

    async fn a_listing_names_every_object_under_its_prefix_once(s) {
        let names = ["organizations/a/originals/1", "organizations/a/originals/2", "organizations/a/jobs/j/ocr/pages/000001.json", "organizations/ab/originals/3", "probe/answers"];
        for name in names {
            s.objects.put_bytes(&key(name), some_bytes(name.len())).await.unwrap();
        }
        let under = async |prefix: &str| {
            let mut found: Vec<(String, u64)> = s.objects.list(prefix).map(|l| l.map(|l| (l.key.to_string(), l.size_bytes)).unwrap()).collect().await;
            found.sort();
            found
        };
        let mut expected: Vec<(String, u64)> = names.iter().map(|n| ((*n).to_owned(), n.len() as u64)).collect();
        expected.sort();
        assert_eq!(under("").await, expected);
        assert_eq!(under("organizations/a/").await.len(), 3);
        assert_eq!(under("organizations/a/originals/").await, expected.iter().filter(|(n, _)| n.contains("a/originals")).cloned().collect::<Vec<_>>());
        assert!(s.all().await.iter().all(|l| l.last_modified > Timestamp(1_600_000_000_000_000)));
        let bad: Result<Vec<_>, _> = s.objects.list("../").try_collect().await;
        assert!(bad.is_err());
    }

    async fn a_fetched_file_is_checked_and_appears_whole_or_not_at_all(s) {
        let (k, bytes) = (key("a/k"), some_bytes(200_000));
        let stored = s.objects.put_bytes(&k, bytes.clone()).await.unwrap();
        let expected = Some((stored.size_bytes, stored.sha256));
        let work = tempfile::tempdir().unwrap();
        let target = work.path().join("copy.pdf");
        let files = || std::fs::read_dir(work.path()).unwrap().count();
        s.objects.fetch_to(&k, &target, expected).await.unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), bytes);
        std::fs::remove_file(&target).unwrap();

        let mut changed = bytes.to_vec();
        changed[100_000] ^= 1;
        std::fs::write(s.file_of(&k), &changed).unwrap();
        let refused = s.objects.fetch_to(&k, &target, expected).await.unwrap_err();
        assert_eq!((refused.code, files()), (Code::ObjectDamaged, 0), "{refused}");

        std::fs::write(s.file_of(&k), &bytes[..1000]).unwrap();
        let refused = s.objects.fetch_to(&k, &target, expected).await.unwrap_err();
        assert_eq!((refused.code, files()), (Code::ObjectDamaged, 0), "{refused}");
        assert!(refused.message.contains("1000 bytes instead of 200000"), "{refused}");

        s.objects.delete(&k).await.unwrap();
        let refused = s.objects.fetch_to(&k, &target, expected).await.unwrap_err();
        assert_eq!((refused.code, files()), (Code::ObjectDamaged, 0), "{refused}");
        assert_eq!(s.errors(), vec![], "damage is not an error of an operation");
    }

    async fn a_small_object_that_grew_is_not_read_into_memory(s) {
        s.objects.put_bytes(&key("a/k"), some_bytes(1001)).await.unwrap();
        assert_eq!(s.objects.get_bytes(&key("a/k"), 1001).await.unwrap().unwrap(), some_bytes(1001));
        assert_eq!(s.objects.get_bytes(&key("a/k"), 1000).await.unwrap_err().code, Code::ObjectDamaged);
    }

    async fn the_probe_says_that_storage_answers(s) {
        assert_eq!(s.objects.kind(), if s.server.is_some() { Backend::S3 } else { Backend::Folder });
        s.objects.probe().await.unwrap();
        s.objects.probe().await.unwrap();
        assert_eq!(s.metrics.storage_up.get(), 1.0);
        assert_eq!((s.leftovers().await, s.errors()), (0, vec![]));
    }

    async fn a_key_that_is_a_path_out_is_refused_everywhere(s) {
        let bad = key("a/../../etc/passwd");
        assert!(s.objects.put_bytes(&bad, Bytes::new()).await.is_err());
        assert!(matches!(s.objects.put_stream(&bad, in_odd_chunks(Bytes::new()), 1).await, Err(PutError::Storage(_))));
        assert!(s.objects.get(&bad).await.is_err() && s.objects.head(&bad).await.is_err() && s.objects.delete(&bad).await.is_err());
        assert_eq!(s.errors(), vec![], "a bad key says nothing about the storage");
    }

    async fn a_file_that_cannot_be_read_is_not_an_error_of_the_storage(s) {
        let failure = s.objects.put_file(&key("a/k"), std::path::Path::new("/nowhere/at/all")).await.unwrap_err();
        assert_eq!((failure.code, s.errors()), (Code::FileAccess, vec![]));
    }
}
