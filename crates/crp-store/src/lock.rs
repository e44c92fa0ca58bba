//! Who may use a data directory: one process alone, or several that share it. The operating system releases a lock when its holder
//! dies.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use crp_model::{Code, Failure};
use fs4::{FileExt, TryLockError};

/// Held while this process uses a data directory.
#[derive(Debug)]
pub struct DataDirectoryLock {
    _file: File,
}

/// The file in the data directory. It stays there; only its lock counts.
const FILE: &str = "crpipeline.lock";

impl DataDirectoryLock {
    /// Takes the directory for this process, until the value is dropped or the process dies.
    ///
    /// # Errors
    /// `data_directory_in_use` with the holder's process id; `file_access`.
    pub fn acquire(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(FILE);
        let (mut file, unusable) = open(&path)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        note_holder(&mut file, &std::process::id().to_string()).map_err(unusable)?;
        Ok(Self { _file: file })
    }

    /// Takes part in the directory with other processes that share it: those whose rows are in a database elsewhere.
    ///
    /// # Errors
    /// `data_directory_in_use` when a process has it alone; `file_access`.
    pub fn share(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(FILE);
        let (mut file, unusable) = open(&path)?;
        match FileExt::try_lock_shared(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        note_holder(&mut file, "several").map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<(File, impl Fn(io::Error) -> Failure), Failure> {
    let unusable = move |error: io::Error| Failure::new(Code::FileAccess, format!("The lock {} cannot be taken: {error}", path.display()));
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(unusable)?;
    Ok((file, unusable))
}

fn note_holder(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{holder}")
}

fn in_use(directory: &Path, file: &mut File) -> Failure {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok_and(|_| holder.trim().parse::<u32>().is_ok());
    let who = if known { format!("process {}", holder.trim()) } else { "other processes".to_owned() };
    Failure::new(Code::DataDirectoryInUse, format!("The data directory {} is in use by {who}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_and_told_who_holds_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDirectoryLock::acquire(folder.path()).unwrap();
        let refused = DataDirectoryLock::acquire(folder.path()).unwrap_err();
        assert_eq!(refused.code, Code::DataDirectoryInUse);
        assert!(refused.message.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(held);
        DataDirectoryLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn several_share_a_directory_and_nobody_has_it_alone_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let alone = DataDirectoryLock::acquire(folder.path()).unwrap();
        assert_eq!(DataDirectoryLock::share(folder.path()).unwrap_err().code, Code::DataDirectoryInUse);
        drop(alone);
        let shared = [(); 2].map(|()| DataDirectoryLock::share(folder.path()).unwrap());
        let refused = DataDirectoryLock::acquire(folder.path()).unwrap_err();
        assert!(refused.message.ends_with("in use by other processes"), "{refused}");
        drop(shared);
        DataDirectoryLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_clear_failure() {
        let folder = tempfile::tempdir().unwrap();
        let failure = DataDirectoryLock::acquire(&folder.path().join("missing")).unwrap_err();
        assert_eq!(failure.code, Code::FileAccess);
    }
}
