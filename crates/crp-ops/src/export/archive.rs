//! The file of an export: a ZIP that carries its name only once it is whole.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// From this size on a file is written in the form for large files (ZIP64).
const LARGE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How much is written at once.
const WRITE_BYTES: usize = 1024 * 1024;

/// A ZIP that grows. Its files are stored as they are: PDF and pictures do not get smaller.
pub(super) struct Archive {
    zip: Option<ZipWriter<BufWriter<File>>>,
    partial: PathBuf,
    target: PathBuf,
    /// Room beside the archive for one object at a time.
    scratch: PathBuf,
    taken: HashSet<String>,
    /// Stored objects that are in it, and their size.
    pub(super) objects: u64,
    pub(super) object_bytes: u64,
}

impl Archive {
    /// Begins `TARGET.partial`; one that an earlier export left unfinished is written anew.
    ///
    /// # Errors
    /// `target_not_empty` when there is a file with the name, or another export writes it; `file_access`, `disk_full`.
    pub(super) fn begin(target: &Path) -> Result<Self, Failure> {
        if target.symlink_metadata().is_ok() {
            let message = format!("There is {} already", target.display());
            return Err(Failure::new(Code::TargetNotEmpty, message).with_remedy("Name a new file; nothing that is there is overwritten."));
        }
        let Some(name) = target.file_name() else {
            return Err(Failure::new(Code::FileAccess, format!("{} names no file", target.display())));
        };
        let partial = target.with_file_name(format!("{}.partial", name.to_string_lossy()));
        let file = new_partial(&partial)?;
        let scratch = target.with_file_name(format!("{}.partial.files", name.to_string_lossy()));
        new_scratch(&scratch).map_err(|error| of_io(&scratch, &error))?;
        let zip = Some(ZipWriter::new(BufWriter::with_capacity(WRITE_BYTES, file)));
        Ok(Self { zip, partial, target: target.to_owned(), scratch, taken: HashSet::new(), objects: 0, object_bytes: 0 })
    }

    /// A path for a file that is added next, in a folder that goes with the export.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// Adds a file under a name that no other has.
    pub(super) fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        let mut file = File::open(path).map_err(|error| of_io(path, &error))?;
        let size_bytes = file.metadata().map_err(|error| of_io(path, &error))?.len();
        self.add(name, size_bytes, |zip| io::copy(&mut file, zip).map(drop))
    }

    /// Adds bytes that are at hand.
    pub(super) fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.add(name, bytes.len() as u64, |zip| zip.write_all(bytes))
    }

    fn add(
        &mut self,
        name: &str,
        size_bytes: u64,
        write: impl FnOnce(&mut ZipWriter<BufWriter<File>>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if !self.taken.insert(name.to_lowercase()) {
            return Err(Failure::new(Code::Internal, format!("The export has two files with the name {name}")));
        }
        let partial = self.partial.clone();
        let Some(zip) = &mut self.zip else { return Err(Failure::new(Code::Internal, "The export has ended already")) };
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(size_bytes >= LARGE_BYTES);
        let added = zip.start_file(name, options).map_err(io::Error::from).and_then(|()| write(zip));
        added.map_err(|error| of_io(&partial, &error))
    }

    /// Ends the archive and gives it its name; before that, all of it is on the disk.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let Some(zip) = self.zip.take() else { return Ok(()) };
        let ended = || -> io::Result<()> {
            let file = zip.finish().map_err(io::Error::from)?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            if !is_at(&file, &self.partial)? {
                return Err(io::Error::other("somebody replaced the unfinished file"));
            }
            // A hard link is refused where the name was taken meanwhile; a rename would replace that file.
            fs::hard_link(&self.partial, &self.target).or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::rename(&self.partial, &self.target),
            })?;
            let _ = fs::remove_file(&self.partial);
            File::open(folder_of(&self.target))?.sync_all()
        };
        ended().map_err(|error| {
            let _ = fs::remove_file(&self.partial);
            of_io(&self.target, &error)
        })
    }
}

impl Drop for Archive {
    /// An export that failed leaves nothing; one that was killed leaves what is called `.partial`, until the next one to the same target.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
        if self.zip.take().is_some() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// A new file, which belongs to nobody else, locked for as long as it is written. One that is there and that nobody writes any more is
/// removed, never written to: it might be somebody else's, or the finished file under another name.
fn new_partial(partial: &Path) -> Result<File, Failure> {
    let make = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial);
    let made = match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_abandoned(partial).and_then(|()| make()),
        made => made,
    };
    let locked = made.and_then(|file| file.try_lock().map_err(io::Error::from).map(|()| file));
    locked.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::AlreadyExists => {
            let message = format!("Another export writes {}", partial.display());
            Failure::new(Code::TargetNotEmpty, message).with_remedy("Wait for its end, or name another file.")
        }
        _ => of_io(partial, &error),
    })
}

/// An empty folder for files of documents on their way. What a killed export left there goes; whoever has the lock of the unfinished file
/// is the only one.
fn new_scratch(scratch: &Path) -> io::Result<()> {
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(scratch)
}

fn remove_abandoned(partial: &Path) -> io::Result<()> {
    // A link is removed itself.
    if partial.symlink_metadata()?.is_file() {
        File::open(partial)?.try_lock()?;
    }
    fs::remove_file(partial)
}

/// Whether the path still names this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (own, there) = (file.metadata()?, path.symlink_metadata()?);
    Ok((own.dev(), own.ino()) == (there.dev(), there.ino()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn of_io(path: &Path, error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::FileAccess,
    };
    Failure::new(code, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_the_old_form_can_count_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("many.zip");
        let mut archive = Archive::begin(&target).unwrap();
        for number in 0..70_000_u32 {
            archive.add_bytes(&format!("{number}.txt"), &number.to_le_bytes()).unwrap();
        }
        assert!(!target.exists(), "an unfinished one has another name");
        archive.finish().unwrap();
        let read = zip::ZipArchive::new(File::open(&target).unwrap()).unwrap();
        assert_eq!(read.len(), 70_000);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn two_exports_do_not_write_into_one_file_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let mut first = Archive::begin(&target).unwrap();
        first.add_bytes("a", b"a").unwrap();
        let refused = Archive::begin(&target).err().unwrap();
        assert_eq!(refused.code, Code::TargetNotEmpty, "{refused}");
        first.finish().unwrap();
        assert_eq!(zip::ZipArchive::new(File::open(&target).unwrap()).unwrap().len(), 1);

        let other = folder.path().join("other");
        fs::write(&other, "somebody else's").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("b.zip.partial")).unwrap();
        let archive = Archive::begin(&folder.path().join("b.zip")).unwrap();
        fs::remove_file(folder.path().join("b.zip.partial")).unwrap();
        fs::write(folder.path().join("b.zip.partial"), "put there meanwhile").unwrap();
        assert_eq!(archive.finish().unwrap_err().code, Code::FileAccess);
        assert!(!folder.path().join("b.zip").exists() && fs::read_to_string(&other).unwrap() == "somebody else's");
    }

    #[test]
    fn what_is_there_stays_and_a_failed_export_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let mut archive = Archive::begin(&target).unwrap();
        archive.add_bytes("a", b"a").unwrap();
        assert_eq!(archive.add_bytes("A", b"a").unwrap_err().code, Code::Internal, "some systems do not tell them apart");
        drop(archive);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join("a.zip.partial"), "of a killed export").unwrap();
        fs::create_dir(folder.path().join("a.zip.partial.files")).unwrap();
        fs::write(folder.path().join("a.zip.partial.files/object"), "of a document").unwrap();
        let archive = Archive::begin(&target).unwrap();
        fs::write(&target, "somebody else's").unwrap();
        assert_eq!(archive.finish().unwrap_err().code, Code::FileAccess);
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody else's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "also one that fails at its end");
        assert_eq!(Archive::begin(&target).err().map(|failure| failure.code), Some(Code::TargetNotEmpty));
    }
}
