//! Unfinished outputs of runs that were killed: the next run over the same folder removes them.
//!
//! A run holds a lock on each output that it writes, and the kernel takes the lock away with the process. So a file of our naming
//! that can be locked belongs to nobody. Who locks a new file looks afterwards whether it still has its name, hence the moment
//! between making and locking it does no harm.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

/// How the names of unfinished outputs begin.
pub(super) const PREFIX: &str = ".crpipeline-";
/// How they end.
pub(super) const SUFFIX: &str = ".part";
/// Letters and digits between the two.
const RANDOM_CHARACTERS: usize = 6;

/// Removes what no running process writes. What cannot be removed stays: it is in nobody's way.
pub(super) fn remove_from(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_unfinished)).map(|entry| entry.path()) {
        if let Some(_locked) = leftover(&path)
            && fs::remove_file(&path).is_ok()
        {
            tracing::debug!(path = %path.display(), "removed an unfinished output of a run that was killed");
        }
    }
}

fn is_unfinished(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM_CHARACTERS && random.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The file at `path`, locked, if nobody else has it.
fn leftover(path: &Path) -> Option<File> {
    // A link is not followed, and a pipe not waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().read(true).write(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
    file.try_lock().ok()?;
    let named = fs::symlink_metadata(path).ok()?;
    ((named.dev(), named.ino()) == (metadata.dev(), metadata.ino())).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_writes_any_more_goes_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in
            [".crpipeline-Ab3dE9.part", ".crpipeline-Living.part", ".crpipeline-notes.part", ".crpipeline-abcdef.part.pdf", "a.part"]
        {
            fs::write(at(name), "half").unwrap();
        }
        fs::create_dir(at(".crpipeline-folder.part")).unwrap();
        std::os::unix::fs::symlink(at("a.part"), at(".crpipeline-linked.part")).unwrap();
        let living = File::open(at(".crpipeline-Living.part")).unwrap();
        living.try_lock().unwrap();
        remove_from(folder.path());
        assert!(!at(".crpipeline-Ab3dE9.part").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
        drop(living);
        remove_from(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_matter() {
        remove_from(Path::new("/nonexistent/folder"));
    }
}
