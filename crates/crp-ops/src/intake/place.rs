//! A folder that is held open: whatever is done in it is done there, wherever its path leads meanwhile. Links are never followed, so
//! who may write to the share cannot make the server read or write elsewhere.

use std::{
    collections::{BinaryHeap, HashSet},
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, RenameFlags, Stat},
    io::Errno,
};

/// Endings of names under which programs write what is not complete yet.
const UNFINISHED: [&[u8]; 6] = [b".part", b".partial", b".tmp", b".filepart", b".crdownload", b"~"];

/// A folder.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folder: Arc<OwnedFd>,
    path: PathBuf,
}

/// What lies in a folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
    pub(super) identity: Identity,
}

/// What lies in a folder, as far as one look takes it in.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) folders: Vec<Entry>,
    /// Everything else, the oldest first.
    pub(super) files: Vec<Entry>,
    /// How many more of each there are.
    pub(super) folders_left_out: u64,
    pub(super) files_left_out: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a pipe, a socket, a device.
    Other,
    /// It cannot be looked at now.
    Unknown,
}

impl Kind {
    fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        }
    }
}

/// What changes while a file is written. Network shares have no lasting number of a file that could be asked besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    /// When it was changed last, in nanoseconds since 1970.
    pub(super) modified: i128,
    pub(super) size_bytes: u64,
}

impl Identity {
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the types differ between systems")]
    fn of(stat: &Stat) -> Self {
        let modified = stat.st_mtime as i128 * 1_000_000_000 + stat.st_mtime_nsec as i128;
        Self { modified, size_bytes: u64::try_from(stat.st_size).unwrap_or(0) }
    }

    /// Of an open file; `None` for what is no file.
    pub(super) fn of_file(file: &File) -> io::Result<Option<Self>> {
        let stat = rustix::fs::fstat(file)?;
        Ok((FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| Self::of(&stat)))
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

impl Place {
    /// The folder that the operator names; a link there is the operator's own.
    pub(super) fn root(path: &Path) -> io::Result<Self> {
        let folder = rustix::fs::openat(CWD, path, folder_flags(), Mode::empty())?;
        Ok(Self { folder: Arc::new(folder), path: path.to_owned() })
    }

    /// A folder in it.
    pub(super) fn below(&self, name: &OsStr) -> io::Result<Self> {
        let folder = rustix::fs::openat(&*self.folder, name, folder_flags() | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self { folder: Arc::new(folder), path: self.path.join(name) })
    }

    /// A folder in it, which is made if it is missing, for those who may use this one.
    pub(super) fn make(&self, name: &OsStr) -> io::Result<Self> {
        match rustix::fs::mkdirat(&*self.folder, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => {
                let made = self.below(name)?;
                let mode = rustix::fs::fstat(&*self.folder)?.st_mode & 0o7777;
                // A share that keeps no modes refuses, and loses nothing.
                rustix::fs::fchmod(&*made.folder, Mode::from_raw_mode(mode as RawMode)).ok();
                Ok(made)
            }
            Err(Errno::EXIST) => self.below(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Where it was when it was opened, for people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What lies in it: of folders and of files each at most `limit`, the oldest first. Hidden and unfinished files are left out.
    /// What cannot be looked at and what has to wait come last, so they take no room from others.
    pub(super) fn listing(&self, limit: usize, waiting: &HashSet<OsString>) -> io::Result<Listing> {
        let (mut folders, mut files) = (BinaryHeap::new(), BinaryHeap::new());
        let (mut folders_left_out, mut files_left_out) = (0, 0);
        for entry in Dir::read_from(&*self.folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let Some((kind, identity)) = self.look_at(name) else { continue };
            let (kept, left_out) = match kind {
                Kind::Folder => (&mut folders, &mut folders_left_out),
                _ => (&mut files, &mut files_left_out),
            };
            kept.push(Rank { is_last: kind == Kind::Unknown || waiting.contains(name), identity, name: name.to_owned(), kind });
            if kept.len() > limit {
                kept.pop();
                *left_out += 1;
            }
        }
        let in_order = |kept: BinaryHeap<Rank>| kept.into_sorted_vec().into_iter().map(Rank::entry).collect();
        Ok(Listing { folders: in_order(folders), files: in_order(files), folders_left_out, files_left_out })
    }

    fn look_at(&self, name: &OsStr) -> Option<(Kind, Identity)> {
        if is_left_out(name) {
            return None;
        }
        match rustix::fs::statat(&*self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some((Kind::of(&stat), Identity::of(&stat))),
            Err(Errno::NOENT) => None,
            // It is there, so it must not be forgotten.
            Err(_) => Some((Kind::Unknown, Identity { modified: 0, size_bytes: 0 })),
        }
    }

    /// How what has this name looks now; `None` when there is nothing.
    pub(super) fn identity(&self, name: &OsStr) -> io::Result<Option<Identity>> {
        match rustix::fs::statat(&*self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Identity::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file in it for reading. A pipe that came in its place must not hold the caller.
    pub(super) fn open(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&*self.folder, name, flags, Mode::empty())?))
    }

    /// Writes a new file, durably; one that cannot be written whole is removed again.
    pub(super) fn write_new(&self, name: &OsStr, text: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&*self.folder, name, flags, Mode::from_raw_mode(0o666))?);
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.inspect_err(|_| self.remove(name))
    }

    /// Removes a file of ours.
    pub(super) fn remove(&self, name: &OsStr) {
        rustix::fs::unlinkat(&*self.folder, name, AtFlags::empty()).ok();
    }

    /// Gives the file `name` a new place, durably, unless something has the new name already (`false`).
    pub(super) fn move_to(&self, name: &OsStr, target: &Place, new_name: &OsStr) -> io::Result<bool> {
        match rustix::fs::renameat_with(&*self.folder, name, &*target.folder, new_name, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(false),
            // A file system that cannot look and move in one step.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                if target.identity(new_name)?.is_some() {
                    return Ok(false);
                }
                rustix::fs::renameat(&*self.folder, name, &*target.folder, new_name)?;
            }
            Err(error) => return Err(error.into()),
        }
        target.sync();
        self.sync();
        Ok(true)
    }

    /// Makes its names durable, where the file system knows how.
    fn sync(&self) {
        rustix::fs::fsync(&*self.folder).ok();
    }
}

/// The order of a listing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_last: bool,
    identity: Identity,
    name: OsString,
    kind: Kind,
}

impl Rank {
    fn entry(self) -> Entry {
        Entry { name: self.name, kind: self.kind, identity: self.identity }
    }
}

/// Whether nobody looks at it: hidden, or under the name of something unfinished.
fn is_left_out(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.starts_with(b".") || UNFINISHED.iter().any(|ending| bytes.len() > ending.len() && bytes.to_ascii_lowercase().ends_with(ending))
}
