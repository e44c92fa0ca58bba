//! What a look finds: the files of each organization that are ready, and the notes about files that are gone.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crp_model::{Failure, Scope};
use crp_store::watched::{self, TakenFile};

use super::{
    DONE, FAILED, Intake, Watched,
    memory::Memory,
    off_thread,
    place::{Entry, Kind, Listing, Place},
    round::tell,
    unusable,
};

/// How many files of a folder one look takes in; the others come when these are gone.
pub(super) const MAX_LISTED: usize = 1000;

/// The files of one organization that are ready.
pub(super) struct Queue {
    pub(super) scope: Scope,
    /// The name of the organization and its folder.
    pub(super) name: String,
    /// Its files that are documents already.
    pub(super) taken: HashMap<String, TakenFile>,
    /// Those that nobody tried before, the oldest of each folder first.
    pub(super) fresh: VecDeque<Ready>,
    /// Those that could not be taken before, whatever failed most often last.
    pub(super) tried: VecDeque<Ready>,
}

/// A file that is ready.
pub(super) struct Ready {
    /// The folder in the folder of the organization.
    pub(super) pipeline: Option<OsString>,
    pub(super) entry: Entry,
    /// Its path below the watched folder.
    pub(super) relative: String,
}

impl Queue {
    pub(super) fn has(&self, is_tried: bool) -> bool {
        let files = if is_tried { &self.tried } else { &self.fresh };
        !files.is_empty()
    }

    pub(super) fn next(&mut self, is_tried: bool) -> Option<Ready> {
        let files = if is_tried { &mut self.tried } else { &mut self.fresh };
        files.pop_front()
    }
}

/// Looks into the folders.
pub(super) struct Gathering<'a> {
    pub(super) intake: &'a Intake,
    pub(super) watched: &'a Watched,
    pub(super) memory: &'a mut Memory,
    /// Files that have to wait, by folder.
    pub(super) postponed: HashMap<PathBuf, HashSet<OsString>>,
    /// Files that are there.
    pub(super) waiting: u64,
}

/// What is known about the folders of one organization.
#[derive(Default)]
struct Seen {
    /// The path of each file below the watched folder.
    there: HashSet<String>,
    /// Folders that were not seen whole, as paths below the watched folder.
    not_whole: Vec<PathBuf>,
}

impl Gathering<'_> {
    /// The files of an organization; forgets the notes about those that are gone.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn organization(&mut self, scope: Scope, name: &str) -> Result<Queue, Failure> {
        let store = &self.intake.store;
        let taken = watched::taken(store, &scope, self.watched.id).await.map_err(|error| error.failure())?;
        let taken = taken.into_iter().map(|file| (file.path.clone(), file)).collect();
        let mut queue = Queue { scope, name: name.to_owned(), taken, fresh: VecDeque::new(), tried: VecDeque::new() };
        let mut seen = Seen::default();
        let (root, own, path) = (self.watched.root.clone(), name.to_owned(), self.watched.root.path().join(name));
        if let Some((place, listing)) = self.list(&mut seen, &path, move || root.make(OsStr::new(&own))).await {
            let folders = self.admit(&mut queue, &mut seen, (&path, None), listing);
            for folder in folders.iter().filter(|folder| folder.name != DONE && folder.name != FAILED) {
                let (above, own, path) = (place.clone(), folder.name.clone(), path.join(&folder.name));
                if let Some((_, listing)) = self.list(&mut seen, &path, move || above.below(&own)).await {
                    self.admit(&mut queue, &mut seen, (&path, Some(&folder.name)), listing);
                }
            }
        }
        queue.tried.make_contiguous().sort_by_key(|ready| self.memory.failures(&self.watched.root.path().join(&ready.relative)));
        // Moved away by a process that ended before it could forget them, or by a person.
        for gone in queue.taken.values().filter(|file| seen.is_gone(&file.path)) {
            watched::forget(store, &scope, self.watched.id, gone).await.map_err(|error| error.failure())?;
        }
        Ok(queue)
    }

    /// What lies in a folder; one that cannot be used stops no other.
    async fn list(
        &mut self,
        seen: &mut Seen,
        path: &Path,
        open: impl FnOnce() -> std::io::Result<Place> + Send + 'static,
    ) -> Option<(Place, Listing)> {
        let postponed = self.postponed.remove(path).unwrap_or_default();
        let listed = off_thread(move || {
            let place = open()?;
            let listing = place.listing(MAX_LISTED, &postponed)?;
            Ok((place, listing))
        });
        match listed.await {
            Ok(listed) => Some(listed),
            Err(error) => {
                tell(self.memory, path, &unusable(path, &error).message);
                self.not_whole(seen, path);
                None
            }
        }
    }

    /// Puts what is ready into the queue; answers the folders.
    fn admit(&mut self, queue: &mut Queue, seen: &mut Seen, folder: (&Path, Option<&OsString>), listing: Listing) -> Vec<Entry> {
        let (folder, pipeline) = folder;
        if listing.files_left_out + listing.folders_left_out > 0 {
            self.not_whole(seen, folder);
        }
        self.waiting += listing.files.len() as u64 + listing.files_left_out;
        for entry in listing.files {
            let path = folder.join(&entry.name);
            let relative = relative(self.below_root(&path));
            seen.there.insert(relative.clone());
            if entry.kind == Kind::Unknown {
                // It may be a folder.
                self.not_whole(seen, &path);
            } else if self.memory.is_ready(&path, entry.identity) {
                let kept = if self.memory.failures(&path) == 0 { &mut queue.fresh } else { &mut queue.tried };
                kept.push_back(Ready { pipeline: pipeline.cloned(), entry, relative });
            }
        }
        listing.folders
    }

    /// Nothing below it is forgotten by this look.
    fn not_whole(&mut self, seen: &mut Seen, path: &Path) {
        self.memory.leave_out(path);
        seen.not_whole.push(self.below_root(path).to_owned());
    }

    fn below_root<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.watched.root.path()).unwrap_or(path)
    }
}

impl Seen {
    fn is_gone(&self, relative: &str) -> bool {
        !self.there.contains(relative) && !self.not_whole.iter().any(|folder| is_below(relative, folder))
    }
}

/// How the path of a file below the watched folder is noted. One that is no text is told by its bytes.
fn relative(path: &Path) -> String {
    path.to_str().map_or_else(|| bytes(path.as_os_str().as_bytes()), str::to_owned)
}

fn bytes(path: &[u8]) -> String {
    format!("bytes {path:?}")
}

/// Whether a noted path lies in the folder.
fn is_below(noted: &str, folder: &Path) -> bool {
    let folder = [folder.as_os_str().as_bytes(), b"/"].concat();
    noted.as_bytes().starts_with(&folder) || noted.starts_with(bytes(&folder).trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_path_lies_in_its_folder_also_when_it_is_no_text() {
        let of = |path: &[u8]| relative(Path::new(OsStr::from_bytes(path)));
        let (folder, no_text) = (Path::new("one/lost"), Path::new(OsStr::from_bytes(b"one/\xff")));
        assert!([&b"one/lost/a"[..], b"one/lost/\xfe"].iter().all(|path| is_below(&of(path), folder)));
        assert!(is_below(&of(b"one/\xff/a"), no_text));
        assert!([&b"one/lost2/a"[..], b"one/a", b"one/\xfe"].iter().all(|path| !is_below(&of(path), folder)));
    }
}
