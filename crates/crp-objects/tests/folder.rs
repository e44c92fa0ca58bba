//! What only a folder can suffer: a full disk, missing rights, a crash in the middle of a file.

#[allow(dead_code, unreachable_pub, reason = "each suite uses its part")]
mod stores;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Timestamp};
use crp_objects::{Objects, PutError};
use stores::{MEBIBYTE, Setup, in_odd_chunks, key, read_all, some_bytes};

#[tokio::test]
async fn an_object_is_a_file_that_only_its_owner_reads() {
    let s = Setup::folder();
    s.objects.put_bytes(&key("a/b/c"), some_bytes(10)).await.unwrap();
    let meta = fs::metadata(s.file_of(&key("a/b/c"))).unwrap();
    assert_eq!((meta.len(), meta.permissions().mode() & 0o077), (10, 0));
}

#[tokio::test]
async fn folders_that_became_empty_go_with_their_last_object() {
    let s = Setup::folder();
    for name in ["a/b/c/1", "a/2"] {
        s.objects.put_bytes(&key(name), some_bytes(1)).await.unwrap();
    }
    s.objects.delete(&key("a/b/c/1")).await.unwrap();
    assert!(!s.file_of(&key("a/b")).exists() && s.file_of(&key("a/2")).exists());
    s.objects.delete(&key("a/2")).await.unwrap();
    let left: Vec<_> = fs::read_dir(s.folder.as_ref().unwrap().path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [".partial"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storing_and_deleting_side_by_side_never_meet_a_missing_folder() {
    let s = Setup::folder();
    let work = |name: &'static str| {
        let objects = s.objects.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                objects.put_bytes(&key(name), some_bytes(10)).await.unwrap();
                objects.delete(&key(name)).await.unwrap();
            }
        })
    };
    for task in [work("a/b/c/1"), work("a/b/c/2"), work("a/b/3"), work("a/4")] {
        task.await.unwrap();
    }
    assert_eq!((s.all().await.len(), s.errors()), (0, vec![]));
}

#[tokio::test]
async fn what_a_crash_left_is_swept_by_age_and_objects_stay() {
    let s = Setup::folder();
    s.objects.put_bytes(&key("a/k"), some_bytes(10)).await.unwrap();
    let left = s.folder.as_ref().unwrap().path().join(".partial/put-left");
    fs::write(&left, b"half").unwrap();
    assert_eq!(s.objects.sweep_partial(Timestamp(0)).await.unwrap(), 0);
    assert_eq!(s.all().await.len(), 1, "what is unfinished is in no listing");
    let later = Ambient::system().now().plus(Duration::from_secs(3600));
    assert_eq!(s.objects.sweep_partial(later).await.unwrap(), 1);
    assert!(!left.exists());
    assert_eq!(read_all(&s.objects, &key("a/k")).await.unwrap(), some_bytes(10));
}

#[tokio::test]
async fn a_folder_that_vanished_is_an_error_of_each_operation() {
    let mut s = Setup::folder();
    s.objects.put_bytes(&key("a/k"), some_bytes(10)).await.unwrap();
    let root = s.folder.take().unwrap().keep();
    fs::remove_dir_all(&root).unwrap();
    let failure = s.objects.put_bytes(&key("a/k"), some_bytes(10)).await.unwrap_err();
    assert_eq!((failure.code, s.errors()), (Code::StorageUnavailable, vec![("put", 1)]));
    assert!(s.objects.probe().await.is_err());
    assert_eq!((s.errors(), s.metrics.storage_up.get()), (vec![("put", 2)], 0.0));
    assert!(!failure.message.contains(root.to_str().unwrap()), "a path is for the log: {failure}");
}

#[test]
fn a_root_that_is_a_file_is_refused_at_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let failure = Objects::open_folder(file.path(), Metrics::for_tests()).unwrap_err();
    assert_eq!(failure.code, Code::StorageUnavailable);
}

/// Mounts something over a fresh folder for the time of a test. Needs root; says so loudly where it is not.
struct Mount(tempfile::TempDir);

impl Mount {
    fn tmpfs(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(done) if done.status.success() => Some(Self(folder)),
            other => {
                println!("SKIPPED: a small file system cannot be mounted here: {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_called_full_and_leaves_nothing() {
    let Some(mount) = Mount::tmpfs("size=4m") else { return };
    let metrics = Metrics::for_tests();
    let objects = Objects::open_folder(mount.path(), metrics.clone()).unwrap();
    let s = Setup { objects, metrics, server: None, folder: None };
    let kept = some_bytes(MEBIBYTE);
    s.objects.put_bytes(&key("a/kept"), kept.clone()).await.unwrap();
    let refused = s.objects.put_stream(&key("a/k"), in_odd_chunks(some_bytes(5 * MEBIBYTE)), u64::MAX).await;
    assert!(matches!(&refused, Err(PutError::Storage(f)) if f.code == Code::DiskFull), "{refused:?}");
    assert_eq!((s.errors(), s.metrics.storage_up.get()), (vec![("put", 1)], 0.0));
    assert_eq!(fs::read_dir(mount.path().join(".partial")).unwrap().count(), 0);
    assert_eq!(read_all(&s.objects, &key("a/kept")).await.unwrap(), kept);
    s.objects.put_bytes(&key("a/next"), some_bytes(MEBIBYTE)).await.unwrap();
    assert_eq!(s.all().await.len(), 2);
    s.objects.probe().await.unwrap();
    assert_eq!(s.metrics.storage_up.get(), 1.0);

    // The copy that a worker makes may meet a full disk, too; that is not the storage's failure.
    let roomy = Setup::folder();
    roomy.objects.put_bytes(&key("a/k"), some_bytes(5 * MEBIBYTE)).await.unwrap();
    let failure = roomy.objects.fetch_to(&key("a/k"), &mount.path().join("copy"), None).await.unwrap_err();
    assert_eq!((failure.code, roomy.errors()), (Code::DiskFull, vec![]));
    assert!(!mount.path().join("copy").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_is_an_error_that_names_the_cause() {
    let Some(mount) = Mount::tmpfs("size=4m") else { return };
    let metrics = Metrics::for_tests();
    let objects = Objects::open_folder(mount.path(), metrics.clone()).unwrap();
    let s = Setup { objects, metrics, server: None, folder: None };
    s.objects.put_bytes(&key("a/k"), some_bytes(100)).await.unwrap();
    mount.read_only();
    let failure = s.objects.put_bytes(&key("a/l"), some_bytes(100)).await.unwrap_err();
    assert_eq!(failure.code, Code::StorageUnavailable);
    assert!(failure.remedy.contains("right to write"), "{failure}");
    assert!(s.objects.delete(&key("a/k")).await.is_err());
    assert_eq!(read_all(&s.objects, &key("a/k")).await.unwrap(), some_bytes(100));
    assert_eq!(s.errors(), vec![("put", 1), ("delete", 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_without_the_right_to_write_is_an_error() {
    let s = Setup::folder();
    let partial = s.folder.as_ref().unwrap().path().join(".partial");
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(partial.join("try"), b"").is_ok() {
        println!("SKIPPED: this user may write everywhere (root); the read-only disk covers it");
        return;
    }
    let failure = s.objects.put_bytes(&key("a/k"), some_bytes(100)).await.unwrap_err();
    assert_eq!((failure.code, s.errors()), (Code::StorageUnavailable, vec![("put", 1)]));
}
