//! What earlier looks saw: which files have stopped changing, which are left for later, and what the log knows already.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::place::Identity;

/// Looks that have to see the same before a file is taken.
const LOOKS: u32 = 2;
/// The same for an empty file: who writes over a network often makes the file first and its contents later.
const LOOKS_AT_EMPTY: u32 = 12;
/// Longest pause of a file that could not be taken, in looks.
const MAX_PAUSE: u64 = 64;

/// What earlier looks saw.
#[derive(Debug, Default)]
pub(super) struct Memory {
    look: u64,
    seen: HashMap<PathBuf, Seen>,
    told: HashMap<PathBuf, (u64, String)>,
    /// Folders that this look did not see whole.
    unseen: Vec<PathBuf>,
}

#[derive(Debug)]
struct Seen {
    identity: Identity,
    looks: u32,
    /// The look that saw it last.
    last: u64,
    /// Not taken before this look.
    not_before: u64,
    failures: u32,
}

impl Memory {
    /// Begins a look.
    pub(super) fn begin(&mut self) {
        self.look += 1;
        self.unseen.clear();
    }

    /// Ends one that came to its end: what was not seen any more is forgotten, but for what lies where it did not see everything.
    pub(super) fn end(&mut self) {
        let (look, unseen) = (self.look, &self.unseen);
        let is_there = |path: &Path, last: u64| last == look || unseen.iter().any(|folder| path.starts_with(folder));
        self.seen.retain(|path, seen| is_there(path, seen.last));
        self.told.retain(|path, (last, _)| is_there(path, *last));
    }

    /// This look does not see everything in the folder.
    pub(super) fn leave_out(&mut self, folder: &Path) {
        self.unseen.push(folder.to_owned());
    }

    /// The names of the files that are left for a later look than this one, by folder.
    pub(super) fn waiting(&self) -> HashMap<PathBuf, HashSet<OsString>> {
        let mut by_folder: HashMap<PathBuf, HashSet<OsString>> = HashMap::new();
        for (path, _) in self.seen.iter().filter(|(_, seen)| seen.not_before > self.look) {
            if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                by_folder.entry(folder.to_owned()).or_default().insert(name.to_owned());
            }
        }
        by_folder
    }

    /// How often the file could not be taken.
    pub(super) fn failures(&self, path: &Path) -> u32 {
        self.seen.get(path).map_or(0, |seen| seen.failures)
    }

    /// The file is not there any more.
    pub(super) fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }

    /// Notes how a file looks; whether it may be taken now.
    pub(super) fn is_ready(&mut self, path: &Path, identity: Identity) -> bool {
        let new = Seen { identity, looks: 0, last: self.look, not_before: 0, failures: 0 };
        let seen = self.seen.entry(path.to_owned()).or_insert(new);
        if seen.identity != identity {
            *seen = Seen { identity, looks: 0, last: self.look, not_before: 0, failures: 0 };
        }
        seen.looks += 1;
        seen.last = self.look;
        let needed = if identity.size_bytes == 0 { LOOKS_AT_EMPTY } else { LOOKS };
        seen.looks >= needed && self.look >= seen.not_before
    }

    /// Leaves a file for later, each time twice as long.
    pub(super) fn postpone(&mut self, path: &Path) {
        if let Some(seen) = self.seen.get_mut(path) {
            seen.not_before = self.look + (1u64 << seen.failures.min(16)).min(MAX_PAUSE);
            seen.failures += 1;
        }
    }

    /// Whether the log has not heard this about the path yet.
    pub(super) fn is_news(&mut self, path: &Path, sentence: &str) -> bool {
        let before = self.told.insert(path.to_owned(), (self.look, sentence.to_owned()));
        before.is_none_or(|(_, before)| before != sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(memory: &mut Memory, size_bytes: u64, modified: i128) -> bool {
        memory.begin();
        let ready = memory.is_ready(Path::new("a"), Identity { modified, size_bytes });
        memory.end();
        ready
    }

    #[test]
    fn a_file_is_ready_when_two_looks_in_a_row_saw_the_same() {
        let mut memory = Memory::default();
        let looks = [(1, 1), (2, 1), (2, 2), (2, 2), (3, 2), (3, 2)];
        assert_eq!(looks.map(|(size, modified)| look(&mut memory, size, modified)), [false, false, false, true, false, true]);
        memory.begin();
        memory.end();
        assert!(!look(&mut memory, 3, 2), "it was away in between");
    }

    #[test]
    fn an_empty_file_gets_more_time() {
        let mut memory = Memory::default();
        assert_eq!((0..20).find(|_| look(&mut memory, 0, 1)), Some(11));
    }

    #[test]
    fn a_file_that_could_not_be_taken_waits_twice_as_long_each_time() {
        let mut memory = Memory::default();
        let mut ready_at = Vec::new();
        for at in 0..40 {
            if look(&mut memory, 1, 1) {
                ready_at.push(at);
                memory.postpone(Path::new("a"));
            }
        }
        assert_eq!(ready_at, [1, 2, 4, 8, 16, 32]);
    }

    #[test]
    fn the_log_hears_a_sentence_once_as_long_as_it_stays_true() {
        let mut memory = Memory::default();
        let mut tell = |sentence: Option<&str>| {
            memory.begin();
            let news = sentence.is_some_and(|sentence| memory.is_news(Path::new("a"), sentence));
            memory.end();
            news
        };
        assert_eq!([Some("x"), Some("x"), Some("y"), None, Some("y")].map(&mut tell), [true, false, true, false, true]);
    }
}
