//! Documents fetched from storage: once for each document, checked, and bounded in bytes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crp_model::{DocumentId, Failure};
use crp_objects::Objects;
use crp_store::tasks::ClaimedDocument;

/// The cache. A document in use is never removed; the least recently used goes first.
#[derive(Clone, Debug)]
pub(crate) struct DocumentCache {
    dir: PathBuf,
    max_bytes: u64,
    objects: Objects,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    by_document: HashMap<DocumentId, Entry>,
    uses: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    file: Arc<CachedFile>,
    /// Held while it is being fetched, so that one fetch serves all who wait.
    fetched: Arc<tokio::sync::Mutex<bool>>,
    last_use: u64,
    last_used: Instant,
}

/// A fetched document; its file goes when nobody holds it any more.
#[derive(Debug)]
pub(crate) struct CachedFile {
    path: PathBuf,
    size_bytes: u64,
}

impl CachedFile {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CachedFile {
    fn drop(&mut self) {
        // A file that is not there was never fetched.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl DocumentCache {
    /// An empty cache in `dir`.
    pub(crate) fn new(dir: PathBuf, max_bytes: u64, objects: Objects) -> Self {
        Self { dir, max_bytes, objects, entries: Arc::default() }
    }

    /// The document's file, fetched and checked by size and hash if it is not there yet.
    ///
    /// # Errors
    /// When storage does not answer, the bytes are not the ones stored, or the disk is full.
    pub(crate) async fn fetch(&self, document: &ClaimedDocument) -> Result<Arc<CachedFile>, Failure> {
        let entry = self.entry(document);
        let mut fetched = entry.fetched.lock().await;
        // Somebody may have cleaned the folder.
        if !*fetched || !entry.file.path().exists() {
            let expected = Some((document.size_bytes, document.sha256));
            if let Err(failure) = self.objects.fetch_to(&document.object_key, entry.file.path(), expected).await {
                self.forget(document.id, &entry);
                return Err(failure);
            }
            *fetched = true;
        }
        drop(fetched);
        Ok(entry.file)
    }

    fn locked(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, document: &ClaimedDocument) -> Entry {
        let mut entries = self.locked();
        entries.uses += 1;
        let uses = entries.uses;
        if let Some(entry) = entries.by_document.get_mut(&document.id) {
            entry.last_use = uses;
            entry.last_used = Instant::now();
            return entry.clone();
        }
        self.make_room(&mut entries, document.size_bytes);
        // The number keeps a file that is still being removed apart from one that is fetched anew.
        let path = self.dir.join(format!("{}-{uses}", document.id));
        let file = Arc::new(CachedFile { path, size_bytes: document.size_bytes });
        let entry = Entry { file, fetched: Arc::default(), last_use: uses, last_used: Instant::now() };
        entries.by_document.insert(document.id, entry.clone());
        entry
    }

    /// Removes what nobody has used for `idle`: a document that its owner deleted must not live on here.
    pub(crate) fn drop_idle(&self, idle: Duration) {
        self.locked().by_document.retain(|_, entry| Arc::strong_count(&entry.file) > 1 || entry.last_used.elapsed() < idle);
    }

    fn make_room(&self, entries: &mut Entries, wanted_bytes: u64) {
        let mut held: u64 = entries.by_document.values().map(|e| e.file.size_bytes).sum();
        let mut idle: Vec<_> = entries
            .by_document
            .iter()
            .filter(|(_, e)| Arc::strong_count(&e.file) == 1)
            .map(|(id, e)| (e.last_use, *id, e.file.size_bytes))
            .collect();
        idle.sort_unstable_by_key(|(last_use, ..)| *last_use);
        for (_, id, size_bytes) in idle {
            if held + wanted_bytes <= self.max_bytes {
                break;
            }
            entries.by_document.remove(&id);
            held -= size_bytes;
        }
    }

    fn forget(&self, document: DocumentId, failed: &Entry) {
        let mut entries = self.locked();
        if entries.by_document.get(&document).is_some_and(|e| Arc::ptr_eq(&e.file, &failed.file)) {
            entries.by_document.remove(&document);
        }
    }
}
